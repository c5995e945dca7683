"""Segment pairs: what they hold, held against the documents themselves."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier

from benchbert.errors import DataError
from benchbert.training.corpus import tokenize
from benchbert.training.sentence_pairs import Pairs, SentencePairs, sentence_ends
from benchbert.training.wordpiece import train_wordpiece

NAMES = ["anna", "bert", "carl", "dora", "emil", "fred", "gina", "hugo"]
THINGS = ["dog", "house", "river", "lamp", "book"]
DOCUMENTS = [" ".join(f"{name} has a {thing}." for thing in THINGS) for name in NAMES]
TOKENIZER = train_wordpiece(DOCUMENTS, vocabulary=150)
STREAM = tokenize(DOCUMENTS, TOKENIZER, at_least=10, enough=10**9)


def source(objective: str, length: int = 21) -> SentencePairs:
    return SentencePairs(
        STREAM, sentence_ends(TOKENIZER), length=length, objective=objective, pad_id=TOKENIZER.pad_token_id
    )


def texts(pairs: Pairs) -> list[tuple[str, str]]:
    """Both segments of each row, read from ids and token types alone."""
    found = []
    for ids, types, mask in zip(pairs.input_ids, pairs.token_type_ids, pairs.attention_mask, strict=True):
        inside = mask == 1
        parts = [TOKENIZER.decode(ids[inside & (types == kind)], skip_special_tokens=True) for kind in (0, 1)]
        found.append((parts[0], parts[1]))
    return found


def draw(objective: str, length: int = 21, seed: int = 0, count: int = 200) -> tuple[Pairs, list[tuple[str, str]]]:
    made = source(objective, length)
    generator = np.random.default_rng(seed)
    pairs = made.gather(generator.integers(len(made), size=count), generator)
    return pairs, texts(pairs)


def plain(text: str) -> str:
    return text.replace(" .", ".")


@pytest.mark.parametrize("objective", ["nsp", "sop"])
def test_class_0_is_the_text_as_it_stands(objective: str) -> None:
    pairs, found = draw(objective)
    assert 0.4 < pairs.labels.mean() < 0.6
    for (first, second), label in zip(found, pairs.labels, strict=True):
        joined = plain(f"{first} {second}")
        assert any(joined in document for document in DOCUMENTS) == (label == 0)


def test_nsp_takes_the_other_half_from_another_document() -> None:
    pairs, found = draw("nsp")
    for (first, second), label in zip(found, pairs.labels, strict=True):
        assert (first.split()[0] == second.split()[0]) == (label == 0), "every sentence names its document's person"


def test_lengths_do_not_tell_foreign_segments_from_true_ones() -> None:
    generator = np.random.default_rng(5)
    documents = [
        " ".join("word " * int(generator.integers(1, 12)) + "." for _ in range(int(generator.integers(2, 30))))
        for _ in range(300)
    ]
    tokenizer = train_wordpiece(documents, vocabulary=40)
    stream = tokenize(documents, tokenizer, at_least=10, enough=10**9)
    made = SentencePairs(stream, sentence_ends(tokenizer), length=64, objective="nsp", pad_id=0)
    pairs = made.gather(generator.integers(len(made), size=6_000), generator)
    second = pairs.token_type_ids.sum(1)
    lengths = np.stack([pairs.attention_mask.sum(1) - second, second], axis=1)
    half = len(lengths) // 2
    tree = DecisionTreeClassifier(min_samples_leaf=20, random_state=0).fit(lengths[:half], pairs.labels[:half])
    assert abs(tree.score(lengths[half:], pairs.labels[half:]) - 0.5) < 0.05


def test_sop_swaps_neighbours() -> None:
    pairs, found = draw("sop")
    for (first, second), label in zip(found, pairs.labels, strict=True):
        if label:
            assert any(plain(f"{second} {first}") in document for document in DOCUMENTS)


@pytest.mark.parametrize("length", [14, 21, 64])
def test_rows_are_framed_and_fit(length: int) -> None:
    pairs, _ = draw("nsp", length)
    assert pairs.input_ids.shape[1] <= length
    assert (pairs.input_ids[:, 0] == TOKENIZER.cls_token_id).all()
    separators = pairs.input_ids == TOKENIZER.sep_token_id
    assert (separators.sum(1) == 2).all()
    ends = pairs.attention_mask.sum(1)
    assert all(row[end - 1] == TOKENIZER.sep_token_id for row, end in zip(pairs.input_ids, ends, strict=True))
    assert ((pairs.input_ids == TOKENIZER.pad_token_id) == (pairs.attention_mask == 0)).all()
    assert pairs.token_type_ids.max() == 1


def test_a_draw_is_fixed_by_its_generator() -> None:
    first, again, other = (draw("nsp", seed=seed)[0] for seed in (1, 1, 2))
    assert first.input_ids.tolist() == again.input_ids.tolist()
    assert first.input_ids.tolist() != other.input_ids.tolist()


def test_text_without_sentence_ends_is_cut_in_the_middle() -> None:
    stream = tokenize([d.replace(".", "") for d in DOCUMENTS], TOKENIZER, at_least=10, enough=10**9)
    made = SentencePairs(stream, sentence_ends(TOKENIZER), length=40, objective="sop", pad_id=0)
    assert len(made) == len(DOCUMENTS)


def test_a_corpus_that_has_no_pairs_says_so() -> None:
    one = tokenize(DOCUMENTS[:1], TOKENIZER, at_least=4, enough=10**9)
    with pytest.raises(DataError, match="one document"):
        SentencePairs(one, sentence_ends(TOKENIZER), length=20, objective="nsp", pad_id=0)
    with pytest.raises(DataError, match="no two sentences"):
        SentencePairs(
            tokenize(["a"], TOKENIZER, at_least=1, enough=9),
            sentence_ends(TOKENIZER),
            length=9,
            objective="sop",
            pad_id=0,
        )
