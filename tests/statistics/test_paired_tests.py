"""McNemar, Holm and non-inferiority against formulas written out naively, and their properties."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchbert.statistics.contrast import Contrast, SeedTerm
from benchbert.statistics.holm import holm
from benchbert.statistics.mcnemar import mcnemar
from benchbert.statistics.noninferiority import not_worse

counts = st.integers(0, 60)
p_values = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@settings(deadline=None)
@given(counts, counts)
def test_mcnemar_sums_the_binomial_tail_twice(won: int, lost: int) -> None:
    n = won + lost
    tail = sum(comb(n, k) for k in range(min(won, lost) + 1)) / 2**n
    assert mcnemar(won, lost) == pytest.approx(min(1.0, 2 * tail))
    assert mcnemar(won, lost) == mcnemar(lost, won)


def test_mcnemar_agrees_with_scipy_and_is_sure_of_nothing_without_examples() -> None:
    assert mcnemar(10, 2) == pytest.approx(stats.binomtest(2, 12, 0.5).pvalue)
    assert mcnemar(0, 0) == 1.0


def naive_holm(values: list[float]) -> list[float]:
    """The level at which each hypothesis is just rejected by the step-down procedure, by its definition."""
    ordered = sorted(values)
    found = []
    for value in values:
        steps = range(ordered.index(value) + 1)
        found.append(min(1.0, max((len(values) - step) * ordered[step] for step in steps)))
    return found


@settings(deadline=None)
@given(p_values)
def test_holm_is_the_step_down_procedure(values: list[float]) -> None:
    adjusted = holm(values)
    assert adjusted == pytest.approx(naive_holm(values))
    for p, q in zip(values, adjusted, strict=True):
        assert p <= q <= min(1.0, p * len(values)) + 1e-12


def test_holm_keeps_the_order_it_was_given_and_an_empty_family_is_empty() -> None:
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([]) == []


def normal(value: float, error: float, n: int = 20_000) -> Contrast:
    quantiles = stats.norm.ppf((np.arange(n) + 0.5) / n)
    return Contrast(value=value, draws=value + error * quantiles)


def test_over_examples_the_interval_is_the_percentiles_and_agrees_with_the_p_value() -> None:
    contrast = normal(0.03, 0.01)
    low, high = contrast.interval(0.95)
    assert (low, high) == pytest.approx((0.03 - 0.0196, 0.03 + 0.0196), abs=1e-4)
    assert contrast.p_value() == pytest.approx(2 * stats.norm.sf(3), rel=0.1)
    assert contrast.p_value(low) == pytest.approx(0.05, abs=1e-3)


def test_beyond_the_resamples_the_normal_tail_takes_over_and_never_exceeds_their_floor() -> None:
    far = normal(0.2, 0.01, n=1000)
    assert 0 < far.p_value() < 1e-60
    assert normal(0.034, 0.01, n=1000).p_value() == pytest.approx(2 * stats.norm.sf(3.4), rel=0.1)
    assert normal(0.033, 0.01, n=1000).p_value() <= 2 / 1001
    assert Contrast(value=1.0, draws=np.ones(99)).p_value() == pytest.approx(0.02)
    assert Contrast(value=0.0, draws=np.zeros(99)).p_value() == 1.0


def test_over_seeds_it_is_welchs_t_where_nothing_else_varies() -> None:
    a, b = np.array([0.80, 0.82, 0.79, 0.85, 0.81]), np.array([0.78, 0.77, 0.79, 0.78, 0.76])
    va, vb = a.var(ddof=1) / 5, b.var(ddof=1) / 5
    draws = normal(a.mean() - b.mean(), np.sqrt(va + vb)).draws
    terms = (SeedTerm(variance=va, freedom=4), SeedTerm(variance=vb, freedom=4))
    contrast = Contrast(value=a.mean() - b.mean(), draws=draws, terms=terms)
    assert contrast.p_value() == pytest.approx(stats.ttest_ind(a, b, equal_var=False).pvalue, rel=0.01)
    expected = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    assert contrast.interval(0.95) == pytest.approx((expected.low, expected.high), rel=0.01)


def test_undefined_resamples_are_left_out_and_half_of_them_is_too_many() -> None:
    draws = np.array([np.nan] * 4 + [0.1] * 6)
    assert (Contrast(value=0.1, draws=draws).undefined, Contrast(value=0.1, draws=draws).usable) == (4, True)
    assert not Contrast(value=0.1, draws=draws[:8]).usable


@pytest.mark.parametrize(("value", "shown"), [(0.0, True), (-0.005, True), (-0.02, False), (0.05, True)])
def test_not_worse_is_shown_only_where_the_lower_bound_clears_the_margin(value: float, shown: bool) -> None:
    found = not_worse(normal(value, 0.008), 0.02, examples=500, differing=200, mean=False)
    assert found.bound == pytest.approx(value - 1.645 * 0.008, abs=1e-4)
    assert (found.shown, found.bound > -0.02) == (shown, shown)


def test_a_failed_difference_test_does_not_show_that_a_model_is_not_worse() -> None:
    vague = normal(-0.01, 0.05)
    assert vague.p_value() > 0.5
    assert not not_worse(vague, 0.02, examples=500, differing=200, mean=False).shown
