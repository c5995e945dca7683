"""SQuAD windows: what they cover, where their targets point, and what has no room."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from benchbert import registry
from benchbert.errors import DataError
from benchbert.lock import DatasetLock
from benchbert.tasks.data import load_split
from benchbert.tasks.heads import encode

SQUAD, SQUAD_V2 = registry.find("tasks", "squad"), registry.find("tasks", "squad_v2")
LONG = " ".join(f"the {word} town {i} took the castle ;" for i, word in enumerate(["old", "long", "fine"] * 20))


def parts(features):
    """Tokens, offsets and example of each window."""
    e = features.encoded
    for w in range(len(e)):
        s = slice(e.starts[w], e.starts[w + 1])
        yield e.tokens[s], features.windows.offsets[s], int(e.example[w])


def test_windows_cover_the_context_and_overlap_by_the_stride(tokenizer, squad_rows):
    rows = squad_rows(("q", "who took it ?", LONG, ["castle"]))
    features = encode(SQUAD, rows, tokenizer, max_length=64, train=False, stride=20)
    spans = [offsets[offsets[:, 0] >= 0] for _, offsets, _ in parts(features)]
    whole = tokenizer(LONG, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    assert len(spans) > 3
    for left, right in itertools.pairwise(spans):
        assert (left[-20:] == right[:20]).all()
    merged = spans[0].tolist() + [pair for span in spans[1:] for pair in span[20:].tolist()]
    assert [tuple(pair) for pair in merged] == whole
    assert features.encoded.lengths.max() == 64
    question = len(tokenizer("who took it ?", add_special_tokens=False)["input_ids"])
    step = 64 - question - 3 - 20
    assert len(spans) == 1 + -(-(len(whole) - (step + 20)) // step)


def test_targets_point_at_the_answer_or_the_class_token(tokenizer, squad_rows):
    rows = squad_rows(("a", "which ?", LONG, ["fine town 50"]), ("b", "none ?", LONG, []), split="train")
    features = encode(SQUAD_V2, rows, tokenizer, max_length=48, train=True, stride=16)
    starts, ends = (features.encoded.labels[f"{side}_positions"] for side in ("start", "end"))
    inside = 0
    for w, (_, offsets, example) in enumerate(parts(features)):
        context = offsets[offsets[:, 0] >= 0]
        answer = rows[example]["answers"]
        first = answer["answer_start"][0] if answer["text"] else -1
        if answer["text"] and context[0, 0] <= first and context[-1, 1] >= first + len("fine town 50"):
            assert LONG[offsets[starts[w], 0] : offsets[ends[w], 1]] == "fine town 50"
            inside += 1
        else:
            assert starts[w] == ends[w] == features.windows.class_position[w] == 0
    assert inside >= 1


def test_class_token_at_the_end(last_class_tokenizer, squad_rows):
    rows = squad_rows(("a", "which ?", LONG, []), split="train")
    features = encode(SQUAD_V2, rows, last_class_tokenizer, max_length=48, train=True, stride=16)
    assert (features.windows.class_position == features.encoded.lengths - 1).all()
    assert (features.encoded.labels["start_positions"] == features.windows.class_position).all()


def test_tokenizer_without_segments(tokenizer, bare_tokenizer, squad_rows):
    rows = squad_rows(("a", "which ?", LONG, ["castle"]), split="train")
    one, two = (encode(SQUAD, rows, t, max_length=48, train=True, stride=16) for t in (tokenizer, bare_tokenizer))
    assert (one.encoded.tokens == two.encoded.tokens).all()
    assert (one.windows.offsets == two.windows.offsets).all()
    assert one.encoded.token_types.any()
    assert not two.encoded.token_types.any()


def test_no_room(tokenizer, squad_rows):
    rows = squad_rows(("fits", "town ?", "the castle", ["castle"]), ("long-one", "town " * 30, LONG, ["castle"]))
    with pytest.raises(DataError, match="question 'long-one' has 30 tokens"):
        encode(SQUAD, rows, tokenizer, max_length=48, train=False, stride=16)
    with pytest.raises(DataError, match=r"max_length 100 .* stride of 128"):
        encode(SQUAD, rows, tokenizer, max_length=100, train=False)
    # A long question beside a context that fits needs no second window, and is fine.
    short = squad_rows(("x", "town " * 30, "the castle", ["castle"]))
    assert len(encode(SQUAD, short, tokenizer, max_length=48, train=False, stride=16).encoded) == 1


def test_evaluation_windows_have_no_targets(tokenizer, squad_rows):
    rows = squad_rows(("fits", "  town ?", "the castle", ["castle"]))
    features = encode(SQUAD, rows, tokenizer, max_length=48, train=False, stride=16)
    assert features.encoded.labels == {}
    assert features.encoded.example.tolist() == [0]


def test_slow_tokenizer_is_refused(squad_rows):
    class Slow:
        is_fast = False

    with pytest.raises(DataError, match="fast tokenizer"):
        encode(SQUAD, squad_rows(("a", "b", "c", ["c"])), Slow(), max_length=384, train=False)


def test_real_answers_come_back_exactly(real_data, tokenizer):
    lock = DatasetLock(
        id="rajpurkar/squad", config="plain_text", origin="mirror", folder=str(real_data / "rajpurkar" / "squad")
    )
    rows = load_split(lock, "validation")
    features = encode(SQUAD, rows, tokenizer, max_length=384, train=True)
    starts, ends = (features.encoded.labels[f"{side}_positions"] for side in ("start", "end"))
    found, exact = set(), 0
    for w, (_, offsets, example) in enumerate(parts(features)):
        if starts[w] == features.windows.class_position[w]:
            continue
        row = rows[example]
        gold, first = row["answers"]["text"][0], row["answers"]["answer_start"][0]
        text = row["context"][offsets[starts[w], 0] : offsets[ends[w], 1]]
        assert gold in text
        # An answer may end inside a token ("1066" in "1066/67" is not one word to every annotator).
        exact += text == gold and offsets[starts[w], 0] == first
        found.add(example)
    assert len(found) >= 0.99 * len(rows)
    targets = int((starts != features.windows.class_position).sum())
    assert exact >= 0.98 * targets
    assert (np.diff(features.encoded.example) >= 0).all()
    assert features.encoded.lengths.max() == 384
