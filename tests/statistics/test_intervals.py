"""Intervals: coverage by simulation, agreement with scipy, and honest kinds."""

from __future__ import annotations

import numpy as np
import pytest

from benchbert.statistics import intervals


def test_over_processes_is_students_t_on_logs() -> None:
    from scipy import stats

    times = [10.0, 10.4, 9.8, 10.1, 10.9]
    got = intervals.over_processes(times)
    logs = np.log(times)
    low, high = stats.t.interval(0.95, len(times) - 1, loc=logs.mean(), scale=stats.sem(logs))
    assert (got.low, got.high) == pytest.approx((np.exp(low), np.exp(high)))
    assert got.estimate == pytest.approx(stats.gmean(times))
    assert got.n == 5
    assert "5 processes" in got.kind


def test_over_processes_covers_at_its_level() -> None:
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(1000):
        got = intervals.over_processes(list(7.0 * np.exp(rng.normal(0, 0.05, size=5))))
        assert got.low is not None
        assert got.high is not None
        hits += got.low <= 7.0 <= got.high
    assert 930 <= hits <= 970


def test_one_process_says_so() -> None:
    got = intervals.over_processes([3.0])
    assert (got.estimate, got.low, got.high, got.level) == (3.0, None, None, None)
    assert got.kind == "none: replicates = 1"


@pytest.mark.parametrize("bad", [[], [1.0, 0.0], [1.0, -2.0]])
def test_what_is_not_a_time_is_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="positive"):
        intervals.over_processes(bad)


def test_blocks_that_differ_widen_the_interval() -> None:
    rng = np.random.default_rng(3)
    offsets = rng.normal(0, 1.0, size=16)
    blocks = [list(100 + o + rng.normal(0, 0.1, size=30)) for o in offsets]
    shuffled = list(rng.permutation(np.concatenate(blocks)).reshape(16, 30))
    clustered, independent = intervals.over_blocks(blocks), intervals.over_blocks([list(b) for b in shuffled])
    assert clustered.relative_half_width > 2 * independent.relative_half_width
    assert "within one process, replicates = 1" in clustered.kind


def test_block_bootstrap_covers_near_its_level() -> None:
    rng = np.random.default_rng(4)
    hits = 0
    for seed in range(120):
        blocks = [list(50 + rng.normal(0, 1) + rng.normal(0, 0.5, size=10)) for _ in range(16)]
        got = intervals.over_blocks(blocks, seed=seed)
        assert got.low is not None
        assert got.high is not None
        hits += got.low <= 50 <= got.high
    assert hits >= 0.85 * 120


def test_a_single_block_has_no_interval() -> None:
    got = intervals.over_blocks([[1.0, 2.0, 9.0]])
    assert got.estimate == 2.0
    assert got.low is None
    assert got.kind.startswith("none")
    assert got.relative_half_width == float("inf")


def test_typical_chooses_by_the_number_of_processes() -> None:
    one = intervals.typical([[[1.0, 2.0, 3.0], [2.0, 2.0]]])
    two = intervals.typical([[[1.0, 2.0, 3.0]], [[2.0, 2.0]]])
    assert one.estimate == two.estimate == 2.0
    assert "replicates = 1" in one.kind
    assert "over 2 processes" in two.kind
