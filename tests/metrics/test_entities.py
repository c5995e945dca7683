"""Entities and label sets against plain ways of counting them."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from benchbert.metrics import classification, multi_label
from benchbert.metrics.entities import entities, entity_counts

TAGS = st.lists(st.sampled_from(["O", "B-X", "I-X", "B-Y", "I-Y", "B-a-b", "I-a-b"]), max_size=12)


def naive(tags: list[str]) -> set[tuple[str, int, int]]:
    """As conlleval.pl words it: does a chunk start at a tag, given the one before it, and does it end after it?"""

    def split(tag: str) -> tuple[str, str]:
        return (tag[0], tag[2:]) if tag != "O" else ("O", "")

    padded = ["O", *tags, "O"]
    starts, ends = [], []
    for i in range(1, len(padded) - 1):
        (before, kind_before), (here, kind), (after, kind_after) = (split(padded[i + d]) for d in (-1, 0, 1))
        if here == "B" or (here == "I" and (before == "O" or kind_before != kind)):
            starts.append((kind, i - 1))
        if here != "O" and (after in {"O", "B"} or kind_after != kind):
            ends.append(i - 1)
    return {(kind, first, last) for (kind, first), last in zip(starts, ends, strict=True)}


@settings(deadline=None)
@given(TAGS)
def test_entities_are_those_of_conlleval(tags: list[str]) -> None:
    found = list(entities(tags))
    assert set(found) == naive(tags)
    assert len(found) == len(set(found))


def test_the_examples_of_seqeval() -> None:
    assert list(entities(["B-PER", "I-PER", "O", "B-LOC"])) == [("PER", 0, 1), ("LOC", 3, 3)]
    assert list(entities(["I-PER", "I-LOC", "B-LOC"])) == [("PER", 0, 0), ("LOC", 1, 1), ("LOC", 2, 2)]
    truth = [["O", "O", "O", "B-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]]
    guess = [["O", "O", "B-MISC", "I-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]]
    hits, golds, guesses = entity_counts(truth, guess).sum(axis=0)
    assert 2 * hits / (golds + guesses) == 0.5  # as in seqeval's README


@settings(deadline=None)
@given(st.data())
def test_label_sets_are_scored_as_scikit_learn_scores_them(data: st.DataObject) -> None:
    rows, classes = data.draw(st.integers(1, 8)), data.draw(st.integers(1, 4))
    generator = np.random.default_rng(data.draw(st.integers(0, 999)))
    truth, guess = (generator.integers(0, 2, (rows, classes)).astype(np.int8) for _ in range(2))
    counts = generator.integers(0, 3, (2, rows)).astype(float)
    counts[:, 0] += 1
    drawn = [np.repeat(np.arange(rows), row.astype(int)) for row in counts]
    for name, plain in {
        "micro_f1": lambda t, g: f1_score(t, g, average="micro", zero_division=0),
        "macro_f1": lambda t, g: f1_score(t, g, average="macro", zero_division=0),
        "subset_accuracy": lambda t, g: float((t == g).all(axis=1).mean()),
    }.items():
        found = multi_label.METRICS[name](truth, guess, counts)
        if classes > 1 or name == "subset_accuracy":
            assert np.allclose(found, [plain(truth[i], guess[i]) for i in drawn])
    assert accuracy_score(truth[:, 0], truth[:, 0]) == 1


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=20))
def test_macro_f1_of_classes_is_scikit_learns(pairs: list[tuple[int, int]]) -> None:
    truth, guess = zip(*pairs, strict=True)
    confusion = confusion_matrix(truth, guess, labels=range(4)).astype(float)
    plain = f1_score(truth, guess, labels=range(4), average="macro", zero_division=0)
    assert np.isclose(classification.macro_f1(confusion), plain)
