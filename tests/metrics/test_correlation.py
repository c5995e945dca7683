"""Correlations against scipy, with ties, constants and counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from benchbert.errors import DataError
from benchbert.metrics.correlation import pearson, resampled_pearson, resampled_spearman, spearman

numbers = st.integers(-20, 20).map(lambda i: i / 4)
rows = st.lists(st.tuples(numbers, numbers), min_size=2, max_size=40)


@given(rows)
@settings(max_examples=150, deadline=None)
def test_agrees_with_scipy(pairs):
    x, y = (np.array(column) for column in zip(*pairs, strict=True))
    assume(len(set(x)) > 1 and len(set(y)) > 1)
    assert pearson(x, y) == pytest.approx(stats.pearsonr(x, y)[0], abs=1e-9)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y)[0], abs=1e-9)


@given(rows, st.randoms())
@settings(max_examples=50, deadline=None)
def test_order_and_monotone_maps_do_not_matter(pairs, random):
    x, y = (np.array(column) for column in zip(*pairs, strict=True))
    assume(len(set(x)) > 1 and len(set(y)) > 1)
    shuffled = random.sample(pairs, len(pairs))
    assert pearson(*zip(*shuffled, strict=True)) == pytest.approx(pearson(x, y), abs=1e-9)
    assert spearman(x, np.exp(y)) == pytest.approx(spearman(x, y), abs=1e-9)


@pytest.mark.parametrize("metric", [pearson, spearman])
@pytest.mark.parametrize("pair", [([1, 2, 3], [5, 5, 5]), ([0.1, 0.1, 0.1], [1, 2, 3]), ([1], [2]), ([], [])])
def test_undefined_is_none(metric, pair):
    assert metric(*pair) is None


def test_a_large_offset_loses_no_digits():
    x = np.random.default_rng(0).random(100)
    assert pearson(x + 1e9, x) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(
    ("metric", "oracle"),
    [
        (resampled_pearson, lambda x, y: stats.pearsonr(x, y)[0]),
        (resampled_spearman, lambda x, y: stats.spearmanr(x, y)[0]),
    ],
)
def test_counts_are_repeated_examples(metric, oracle):
    rng = np.random.default_rng(4)
    x, y = rng.integers(0, 6, 30).astype(float), rng.normal(size=30)
    counts = rng.multinomial(30, np.full(30, 1 / 30), size=20).astype(float)
    counts[0] = 0
    counts[0, 3] = 30
    values = metric(x, y, counts)
    assert np.isnan(values[0])
    for row, value in zip(counts[1:].astype(int), values[1:], strict=True):
        assert value == pytest.approx(oracle(np.repeat(x, row), np.repeat(y, row)))


def test_what_is_no_number_is_named():
    with pytest.raises(DataError, match="prediction of row 1 is nan"):
        pearson([1, 2], [1, float("nan")])
    with pytest.raises(DataError, match="3 labels but 2 predictions"):
        spearman([1, 2, 3], [1, 2])
