"""Spans from logits: against a plain second implementation, and the null score."""

from __future__ import annotations

import numpy as np
import pytest

from benchbert import registry
from benchbert.errors import DataError
from benchbert.tasks.heads import DecodeSettings, decode, encode, score

SQUAD, SQUAD_V2 = registry.find("tasks", "squad"), registry.find("tasks", "squad_v2")
LONG = " ".join(f"the {word} town {i} took the castle ;" for i, word in enumerate(["old", "long", "fine"] * 12))


@pytest.fixture
def made(tokenizer, squad_rows):
    rows = squad_rows(
        ("a", "who took it ?", LONG, ["old town 3", "town 3"]),
        ("b", "none ?", LONG, []),
        ("c", "what ?", "the castle fell", ["castle"]),
    )
    return rows, encode(SQUAD_V2, rows, tokenizer, max_length=64, train=False, stride=20)


def random_logits(features, seed):
    rng = np.random.default_rng(seed)
    return {
        f"{side}_logits": rng.normal(size=features.encoded.tokens.size).astype(np.float32) for side in ("start", "end")
    }


def plain(rows, features, outputs, row, *, n_best, longest):
    """All windows, all pairs, one at a time."""
    e, found, nulls = features.encoded, [], []
    for w in range(len(e)):
        if e.example[w] != row:
            continue
        at = range(int(e.starts[w]), int(e.starts[w + 1]))
        s = {i: float(outputs["start_logits"][i]) for i in at}
        t = {i: float(outputs["end_logits"][i]) for i in at}
        cls = int(e.starts[w] + features.windows.class_position[w])
        nulls.append(s[cls] + t[cls])
        for i in sorted(s, key=s.get, reverse=True)[:n_best]:
            for j in sorted(t, key=t.get, reverse=True)[:n_best]:
                (i0, _), (j0, j1) = features.windows.offsets[i], features.windows.offsets[j]
                if i0 >= 0 and j0 >= 0 and i <= j and j - i + 1 <= longest:
                    found.append((s[i] + t[j], rows[row]["context"][i0:j1]))
    found.sort(key=lambda pair: -pair[0])
    return found[:n_best], min(nulls)


@pytest.mark.parametrize("seed", range(6))
def test_agrees_with_a_plain_decoder(made, seed):
    rows, features = made
    outputs = random_logits(features, seed)
    settings = DecodeSettings(n_best=8, max_answer_tokens=5)
    table = decode(SQUAD_V2, features, rows, outputs, settings=settings).to_pylist()
    for row, answer in enumerate(table):
        expected, null = plain(rows, features, outputs, row, n_best=8, longest=5)
        assert [(n["score"], n["text"]) for n in answer["n_best"]] == [(pytest.approx(s), t) for s, t in expected]
        assert answer["best_text"] == (expected[0][1] if expected else "")
        if expected:
            assert answer["null_score_difference"] == pytest.approx(null - expected[0][0])
            assert answer["prediction_text"] == ("" if null > expected[0][0] else expected[0][1])
        for n in answer["n_best"]:
            assert rows[row]["context"][n["start"] : n["end"]] == n["text"]


def test_a_sure_model_is_right_and_silent_where_it_should_be(made):
    rows, features = made
    outputs = {name: np.full_like(v, -9) for name, v in random_logits(features, 0).items()}
    e, offsets = features.encoded, features.windows.offsets
    for w in range(len(e)):
        at = slice(e.starts[w], e.starts[w + 1])
        row = rows[int(e.example[w])]
        cls = e.starts[w] + features.windows.class_position[w]
        outputs["start_logits"][cls] = outputs["end_logits"][cls] = 1
        if row["answers"]["text"]:
            first = row["answers"]["answer_start"][0]
            last = first + len(row["answers"]["text"][0])
            outputs["start_logits"][at][offsets[at][:, 0] == first] = 5
            outputs["end_logits"][at][offsets[at][:, 1] == last] = 5
    table = decode(SQUAD_V2, features, rows, outputs)
    assert table["prediction_text"].to_pylist() == ["old town 3", "", "castle"]
    values = {v.metric: v for v in score(SQUAD_V2, table, split="validation", complete=False)}
    assert list(values)[:2] == ["f1", "exact_match"]
    assert all(
        values[m].value == 1.0 for m in ("f1", "exact_match", "HasAns_f1", "NoAns_exact", "best_f1", "best_exact")
    )
    assert (values["HasAns_f1"].n, values["NoAns_f1"].n, values["f1"].n) == (2, 1, 3)
    assert values["f1"].convention == "null threshold 0"
    assert values["best_f1"].convention == "null threshold tuned on this split"
    # All right: every resample is the same, so that the bootstrap has nothing to say.
    assert values["f1"].ci_kind == "Wilson score interval over questions"
    assert values["best_f1"].ci_low is None
    assert values["best_f1_thresh"].direction == "none"
    # Without unanswerable questions nothing is silent, however sure the null score.
    answered = decode(SQUAD, features, rows, outputs)["prediction_text"].to_pylist()
    assert "" not in answered


def test_no_allowed_pair_gives_the_empty_text(made):
    rows, features = made
    outputs = random_logits(features, 1)
    outside = features.windows.offsets[:, 0] < 0
    for logits in outputs.values():
        logits[outside] += 100
    table = decode(SQUAD, features, rows, outputs, settings=DecodeSettings(n_best=2)).to_pylist()
    assert [(r["prediction_text"], r["n_best"], r["null_score_difference"]) for r in table] == [("", [], 0.0)] * 3


def test_v1_scores(tokenizer, squad_rows):
    rows = squad_rows(("a", "who ?", "the old mill", ["mill", "old mill"]), ("b", "who ?", "the old mill", ["old"]))
    features = encode(SQUAD, rows, tokenizer, max_length=64, train=False, stride=20)
    table = decode(SQUAD, features, rows, random_logits(features, 0))
    table = table.set_column(1, "prediction_text", [["the old mill", "mill"]])
    f1, exact = score(SQUAD, table, split="validation", complete=True)
    assert (f1.value, exact.value) == (0.5, 0.5)
    assert (f1.metric, exact.metric, f1.convention, f1.complete) == ("f1", "exact_match", "", True)


@pytest.mark.parametrize("side", ["start_logits", "end_logits"])
def test_logits_that_are_no_numbers_name_the_id(made, side):
    rows, features = made
    outputs = random_logits(features, 0)
    outputs[side][-1] = np.nan
    with pytest.raises(DataError, match=f"{side} for id 'c'"):
        decode(SQUAD_V2, features, rows, outputs)
    with pytest.raises(DataError, match="shape"):
        decode(SQUAD_V2, features, rows, outputs | {side: outputs[side][:-1]})
