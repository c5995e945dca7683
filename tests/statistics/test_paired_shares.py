"""The score test of two paired shares against a numeric likelihood, published tables, and its stated size."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize, stats

from benchbert.statistics.noninferiority import share_not_worse
from benchbert.statistics.paired_shares import (
    binomial_floor,
    p_not_worse,
    ratio_interval,
    score_interval,
    score_statistic,
)


def numeric_statistic(won: int, lost: int, n: int, difference: float) -> float:
    """The same with the likelihood of the three outcomes maximised numerically."""

    def minus_likelihood(only_second: float) -> float:
        p = np.array([only_second + difference, only_second, 1 - 2 * only_second - difference])
        counts = np.array([won, lost, n - won - lost])
        return float(-(counts * np.log(np.clip(p, 1e-300, 1))).sum())

    low, high = max(0.0, -difference), (1 - difference) / 2
    found = optimize.minimize_scalar(minus_likelihood, bounds=(low, high), method="bounded", options={"xatol": 1e-12})
    variance = n * (2 * found.x + difference * (1 - difference))
    return float((won - lost - n * difference) / np.sqrt(variance))


@pytest.mark.parametrize(
    ("won", "lost", "n", "difference"),
    [(5, 3, 40, -0.1), (0, 4, 60, -0.05), (12, 12, 100, 0.02), (30, 2, 80, -0.01), (1, 9, 50, -0.3)],
)
def test_the_statistic_is_that_of_the_restricted_likelihood(won: int, lost: int, n: int, difference: float) -> None:
    expected = numeric_statistic(won, lost, n, difference)
    assert score_statistic(won, lost, n, difference) == pytest.approx(expected, rel=1e-4)


def test_at_no_difference_it_is_mcnemars() -> None:
    assert score_statistic(9, 4, 50, 0.0) == pytest.approx((9 - 4) / np.sqrt(13))


def test_the_interval_is_where_the_statistic_crosses() -> None:
    low, high = score_interval(12, 5, 90, 0.95)
    bar = stats.norm.ppf(0.975)
    assert score_statistic(12, 5, 90, low) == pytest.approx(bar, abs=1e-6)
    assert score_statistic(12, 5, 90, high) == pytest.approx(-bar, abs=1e-6)
    assert score_interval(5, 12, 90, 0.95) == pytest.approx((-high, -low))
    # Without any example that differs there is an interval all the same.
    low, high = score_interval(0, 0, 80, 0.95)
    assert (low, high) == pytest.approx((-0.0458, 0.0458), abs=1e-4)
    assert score_interval(3, 0, 3, 0.95)[0] < 0.1
    assert score_interval(3, 0, 3, 0.95)[1] == 1.0


@pytest.mark.parametrize("n", [20, 50, 100, 200])
@pytest.mark.parametrize("margin", [0.01, 0.05])
def test_a_model_worse_by_the_margin_is_called_not_worse_no_more_often_than_stated(n: int, margin: float) -> None:
    # By enumeration of all outcomes; a score test may exceed its level a little on few examples.
    rejected = np.zeros((n + 1, n + 1), dtype=bool)
    for lost in range(n + 1):
        for won in range(min(n - lost, 20) + 1):
            rejected[won, lost] = p_not_worse(won, lost, n, margin) < 0.05
    for only_first in (0.0, 0.002, 0.01, 0.03):
        chance = 0.0
        for won in range(20):
            many = np.arange(n - won + 1)
            rest = stats.binom.pmf(many, n - won, (only_first + margin) / (1 - only_first))
            chance += stats.binom.pmf(won, n, only_first) * rest[rejected[won, : n - won + 1]].sum()
        assert chance <= 0.06


def test_nothing_is_shown_where_nothing_differs_and_the_examples_are_few() -> None:
    found = share_not_worse(0, 0, 80, 0.001)
    assert (found.shown, found.p) == (False, pytest.approx(0.92, abs=0.01))
    assert share_not_worse(0, 0, 80, 0.05).shown
    assert share_not_worse(0, 0, 80, 0.05).p == pytest.approx(stats.norm.sf(np.sqrt(80 * 0.05 / 0.95)))


@pytest.mark.parametrize(("won", "lost", "n"), [(0, 0, 80), (3, 5, 200), (40, 10, 300), (0, 9, 20)])
def test_the_bound_is_the_smallest_margin_that_is_shown(won: int, lost: int, n: int) -> None:
    bound = share_not_worse(won, lost, n, 0.01).bound
    if bound < -1e-3:
        assert share_not_worse(won, lost, n, -bound + 1e-6).shown
        assert not share_not_worse(won, lost, n, -bound - 1e-6).shown
    assert bound <= (won - lost) / n


def test_the_floor_is_the_binomial_tail() -> None:
    assert binomial_floor(2, 50, 0.1) == pytest.approx(stats.binom.cdf(2, 50, 0.1))
    assert (binomial_floor(-1, 50, 0.1), binomial_floor(3, 50, -0.1)) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("n", "ours", "theirs"), [(71, 0.56, 0.40), (71, 0.60, 0.30), (90, 0.90, 0.45), (50, 0.30, 0.90)]
)
def test_the_interval_of_a_ratio_holds_it_as_often_as_it_says(n: int, ours: float, theirs: float) -> None:
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(1000):
        a, b = rng.random(n) < ours, rng.random(n) < theirs
        low, high = ratio_interval(int((a & b).sum()), int((a & ~b).sum()), int((~a & b).sum()), 0.95)
        hits += low <= ours / theirs <= high
    # Bonet and Price's own simulations find a little less than 95 % where the shares are far apart.
    assert hits >= 925


def test_the_same_answers_are_a_ratio_of_one() -> None:
    low, high = ratio_interval(40, 0, 0, 0.95)
    assert low < 1 < high
    assert ratio_interval(0, 3, 0, 0.95)[1] == math.inf
