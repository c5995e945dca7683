"""The bootstrap against the normal theory, a naive loop, and its own promises."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from benchbert.statistics.bootstrap import at_the_edge, bootstrap, resample_counts


def mean_of(values):
    return lambda counts: ((counts @ values) / counts.sum(axis=1))[:, None]


def test_counts_are_resamples():
    counts = resample_counts(np.random.default_rng(1), 50, 7)
    assert counts.shape == (50, 7)
    assert (counts.sum(axis=1) == 7).all()
    assert counts.mean() == pytest.approx(1.0)
    assert len({tuple(row) for row in counts}) > 40


def test_interval_of_a_mean_is_near_the_normal_one():
    values = np.random.default_rng(3).normal(size=400)
    (interval,) = bootstrap(mean_of(values), 400)
    half = 1.96 * values.std() / 20
    assert interval.low == pytest.approx(values.mean() - half, abs=0.15 * half)
    assert interval.high == pytest.approx(values.mean() + half, abs=0.15 * half)
    assert interval.kind == "bootstrap over examples"
    assert interval.level == 0.95


def test_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(11)
    hits = 0
    for _ in range(200):
        values = (rng.random(150) < 0.7).astype(float)
        (interval,) = bootstrap(mean_of(values), 150, resamples=400, seed=int(rng.integers(1 << 30)))
        hits += interval.low <= 0.7 <= interval.high
    assert 0.89 <= hits / 200 <= 0.99


def test_same_seed_same_interval_and_metrics_share_resamples():
    values = np.random.default_rng(0).random(60)
    twice = bootstrap(lambda counts: np.repeat(mean_of(values)(counts), 2, axis=1), 60)
    assert twice[0] == twice[1] == bootstrap(mean_of(values), 60)[0]
    assert bootstrap(mean_of(values), 60, seed=1)[0] != twice[0]


def test_undefined_resamples_are_said():
    def sometimes(counts):
        return np.where(counts[:, :1] > 0, 1.0, np.nan)

    (interval,) = bootstrap(sometimes, 5)
    assert "of 1000 resamples undefined" in interval.kind
    (never,) = bootstrap(lambda counts: np.full((len(counts), 1), np.nan), 5)
    assert (never.low, never.high, never.level) == (None, None, None)
    assert never.kind.startswith("none: undefined")


def test_one_example_has_no_interval():
    (interval,) = bootstrap(mean_of(np.ones(1)), 1, unit="questions")
    assert interval.low is None
    assert interval.kind == "none: fewer than two questions"


def test_many_examples_are_done_in_chunks():
    values = np.zeros(50_000)
    values[:10_000] = 1.0
    (interval,) = bootstrap(mean_of(values), 50_000, resamples=200)
    assert interval.low < 0.2 < interval.high
    assert interval.high - interval.low < 0.01


@pytest.mark.parametrize(("right", "n"), [(0, 6), (6, 6), (40, 40)])
def test_all_right_or_all_wrong_is_no_certainty(right: int, n: int):
    values = np.array([1.0] * right + [0.0] * (n - right))
    (degenerate,) = bootstrap(mean_of(values), n)
    found = at_the_edge(degenerate, values.mean(), n, mean=True)
    expected = stats.binomtest(right, n).proportion_ci(0.95, method="wilson")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert (found.kind, found.level) == ("Wilson score interval over examples", 0.95)


def test_other_metrics_without_spread_have_no_interval():
    (degenerate,) = bootstrap(lambda counts: np.ones((len(counts), 1)), 9)
    found = at_the_edge(degenerate, 1.0, 9, mean=False)
    assert (found.low, found.high, found.level) == (None, None, None)
    assert found.kind == "none: all resamples of the examples score the same"
    (half,) = bootstrap(mean_of(np.full(9, 0.5)), 9)
    assert at_the_edge(half, 0.5, 9, mean=True).low is None


def test_an_interval_with_spread_stays():
    (found,) = bootstrap(mean_of(np.array([0.0, 1.0, 1.0, 1.0])), 4)
    assert at_the_edge(found, 0.75, 4, mean=True) == found
