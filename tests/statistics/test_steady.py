"""Drift and effective sample size against closed forms and an independent implementation."""

from __future__ import annotations

import numpy as np
import pytest

from benchbert.statistics import steady


def test_theil_sen_agrees_with_scipy_and_ignores_an_outlier() -> None:
    from scipy import stats

    values = [10.0, 10.1, 10.25, 55.0, 10.5, 10.4, 10.7, 10.75]
    assert steady.theil_sen_slope(values) == pytest.approx(stats.theilslopes(values).slope)
    assert steady.theil_sen_slope(values) < 0.2


def test_relative_drift_of_a_line_is_its_whole_change() -> None:
    line = np.linspace(99.0, 101.0, 8)
    assert steady.relative_drift(list(line)) == pytest.approx(0.02)


def test_steady_needs_a_full_window_and_a_small_drift() -> None:
    flat = [100.0, 100.1, 99.9, 100.0, 100.1, 99.9, 100.0, 100.0]
    falling = list(np.linspace(110.0, 100.0, 8))
    assert not steady.is_steady(flat[:7])
    assert steady.is_steady(flat)
    assert not steady.is_steady(falling)
    assert steady.is_steady(falling + flat), "only the last window counts"


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_effective_sample_size_of_an_autoregression(rho: float) -> None:
    rng = np.random.default_rng(1)
    n = 20_000
    x = np.empty(n)
    x[0] = rng.normal()
    for i in range(1, n):
        x[i] = rho * x[i - 1] + rng.normal()
    assert steady.effective_sample_size(list(x)) == pytest.approx(n * (1 - rho) / (1 + rho), rel=0.15)


def test_effective_sample_size_at_the_edges() -> None:
    assert steady.effective_sample_size([]) == 0
    assert steady.effective_sample_size([3.0] * 50) == 50
    assert steady.effective_sample_size(list(range(100))) < 10


def test_percentiles_appear_at_their_minima() -> None:
    assert steady.supported_percentiles(63.9) == ()
    assert steady.supported_percentiles(64) == (90,)
    assert steady.supported_percentiles(130) == (90, 95)
    assert steady.supported_percentiles(662) == (90, 95, 99)


def test_a_slope_of_one_point_is_refused() -> None:
    with pytest.raises(ValueError, match="two points"):
        steady.theil_sen_slope([1.0])
