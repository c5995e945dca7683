"""Classification metrics against scikit-learn and a naive second implementation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from benchbert.errors import DataError
from benchbert.metrics.classification import METRICS, accuracy, confusion_matrix, f1, matthews_correlation

pairs = st.integers(2, 4).flatmap(
    lambda k: st.tuples(
        st.just(k), st.lists(st.tuples(st.integers(0, k - 1), st.integers(0, k - 1)), min_size=1, max_size=60)
    )
)


def naive_mcc(labels, guesses):
    """Correlation of one-hot matrices, the definition of R_K."""
    k = max(*labels, *guesses) + 1
    x, y = np.eye(k)[labels], np.eye(k)[guesses]
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    scale = np.sqrt((x * x).sum() * (y * y).sum())
    return 0.0 if scale == 0 else (x * y).sum() / scale


@given(pairs)
@settings(max_examples=150, deadline=None)
def test_agrees_with_scikit_learn_and_the_definition(case):
    k, rows = case
    labels, guesses = (list(column) for column in zip(*rows, strict=True))
    matrix = confusion_matrix(labels, guesses, k)
    assert (matrix == sk.confusion_matrix(labels, guesses, labels=range(k))).all()
    assert accuracy(matrix) == pytest.approx(sk.accuracy_score(labels, guesses))
    assert matthews_correlation(matrix) == pytest.approx(sk.matthews_corrcoef(labels, guesses), abs=1e-12)
    assert matthews_correlation(matrix) == pytest.approx(naive_mcc(labels, guesses), abs=1e-9)
    if k == 2:
        assert f1(matrix) == pytest.approx(sk.f1_score(labels, guesses, zero_division=0.0))


@given(pairs, st.randoms())
@settings(max_examples=50, deadline=None)
def test_order_of_examples_does_not_matter(case, random):
    k, rows = case
    shuffled = random.sample(rows, len(rows))
    for metric in (accuracy, matthews_correlation):
        assert metric(confusion_matrix(*zip(*rows, strict=True), k)) == metric(
            confusion_matrix(*zip(*shuffled, strict=True), k)
        )


@pytest.mark.parametrize("constant", [0, 1])
def test_constant_predictions_have_mcc_zero(constant):
    assert matthews_correlation(confusion_matrix([0, 1, 1, 0, 1], [constant] * 5, 2)) == 0.0


def test_counts_are_repeated_examples():
    rng = np.random.default_rng(0)
    labels, guesses = rng.integers(0, 3, 40), rng.integers(0, 3, 40)
    counts = rng.integers(0, 3, (5, 40)).astype(float)
    stacked = confusion_matrix(labels, guesses, 3, counts)
    for row, matrix in zip(counts.astype(int), stacked, strict=True):
        assert (matrix == confusion_matrix(np.repeat(labels, row), np.repeat(guesses, row), 3)).all()
    assert matthews_correlation(stacked).shape == (5,)


def test_large_counts_do_not_overflow():
    matrix = np.array([[3e5, 1e5], [1e5, 3e5]])
    assert matthews_correlation(matrix) == pytest.approx(0.5)


def test_no_examples_are_undefined():
    assert all(np.isnan(metric(np.zeros((2, 2)))) for metric in METRICS.values())


@pytest.mark.parametrize(
    ("labels", "guesses", "words"),
    [
        ([0, 1], [0], "2 labels but 1 predictions"),
        ([0, 2], [0, 1], "label of row 1 is 2"),
        ([0, 1], [0, float("nan")], "prediction of row 1 is nan"),
        ([0, 1], [-1, 0], "prediction of row 0 is -1"),
    ],
)
def test_what_is_no_class_is_named(labels, guesses, words):
    with pytest.raises(DataError, match=words):
        confusion_matrix(labels, guesses, 2)


def test_f1_is_for_two_classes():
    with pytest.raises(DataError, match="two classes"):
        f1(np.ones((3, 3)))
