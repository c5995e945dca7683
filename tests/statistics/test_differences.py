from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from benchbert.statistics.differences import COMBINED, PAIRED, difference
from benchbert.statistics.intervals import Interval


def interval(value: float, half: float | None, *, level: float = 0.95, seeds: int = 1) -> Interval:
    ends = (None, None) if half is None else (value - half, value + half)
    return Interval(
        estimate=value, low=ends[0], high=ends[1], level=None if half is None else level, kind="test", n=seeds
    )


def test_common_seeds_are_paired_and_give_the_paired_t_interval() -> None:
    generator = np.random.default_rng(5)
    ours = dict(enumerate(generator.normal(0.8, 0.02, 5)))
    theirs = dict(enumerate(generator.normal(0.75, 0.02, 5)))
    found = difference(interval(0.8, 0.01), interval(0.75, 0.01), ours, theirs)
    expected = stats.ttest_rel(list(ours.values()), list(theirs.values())).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.value == pytest.approx(np.mean(list(ours.values())) - np.mean(list(theirs.values())))
    assert (found.kind, found.level, found.seeds) == (PAIRED, 0.95, 5)


def test_only_common_seeds_are_paired() -> None:
    found = difference(interval(0.6, 0.1), interval(0.3, 0.1), {1: 0.5, 2: 0.7, 3: 0.6}, {2: 0.4, 3: 0.2, 9: 0.3})
    low, high = stats.t.interval(0.95, 1, loc=0.35, scale=np.std([0.3, 0.4], ddof=1) / math.sqrt(2))
    assert (found.value, found.low, found.high, found.seeds) == pytest.approx((0.35, low, high, 2))
    assert found.verdict == "not told apart"


@pytest.mark.parametrize("theirs", [{1: 0.5}, {7: 0.5, 8: 0.5}])
def test_fewer_than_two_common_seeds_combine_the_intervals_as_independent(theirs) -> None:
    found = difference(interval(0.6, 0.03, seeds=3), interval(0.5, 0.04), {1: 0.5, 2: 0.7, 3: 0.6}, theirs)
    assert (found.value, found.low, found.high) == pytest.approx((0.1, 0.05, 0.15))
    assert (found.kind, found.seeds, found.verdict) == (COMBINED, 1, "above")
    assert found.basis == f"95% {COMBINED}, 1 seed"


def test_a_missing_interval_or_another_level_tells_nothing_apart() -> None:
    for theirs in (interval(0.1, None), interval(0.1, 0.01, level=0.9)):
        found = difference(interval(0.9, 0.01), theirs, {1: 0.9}, {1: 0.1})
        assert (found.low, found.high, found.level, found.verdict) == (None, None, None, "not told apart")
        assert found.kind.startswith("no interval: ")
        assert found.value == pytest.approx(0.8)


def test_the_verdict_is_the_side_of_zero_that_the_interval_lies_on_and_turns_with_the_roles() -> None:
    a, b = interval(0.6, 0.03), interval(0.5, 0.04)
    assert [difference(*pair, {}, {}).verdict for pair in ((a, b), (b, a), (a, a))] == [
        "above",
        "below",
        "not told apart",
    ]
