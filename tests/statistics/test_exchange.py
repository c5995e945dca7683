"""The exchange test against naive enumeration, and against what it promises on few examples."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchbert.statistics.exchange import Exchange, as_one_task, exchange_p, least_differing


def of_mean(lead: np.ndarray, weight: float = 1.0) -> Exchange:
    """The mean of differences, each with its own group."""
    apart = lead[lead != 0]

    def exchanged(moved: np.ndarray) -> np.ndarray:
        return (apart.sum() - 2 * moved @ apart) / lead.size

    return Exchange(
        value=float(lead.mean()),
        counts=np.ones(apart.size, dtype=np.int64),
        exchanged=exchanged,
        width=max(1, apart.size),
        weight=weight,
    )


def naive_p(*leads: np.ndarray) -> float:
    """Share of all sign flips of all examples with a sum of means at least as large as the one seen."""
    seen = abs(sum(lead.mean() for lead in leads))
    extreme = total = 0
    for signs in product((-1, 1), repeat=sum(lead.size for lead in leads)):
        start, found = 0, 0.0
        for lead in leads:
            found += (np.array(signs[start : start + lead.size]) * lead).mean()
            start += lead.size
        extreme += abs(found) >= seen - 1e-9
        total += 1
    return extreme / total


leads = st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.25, 1.0]), min_size=1, max_size=8).map(np.array)


@settings(deadline=None, max_examples=40)
@given(leads)
def test_all_ways_of_exchanging_are_tried_where_they_are_few(lead: np.ndarray) -> None:
    assert exchange_p([of_mean(lead)]) == pytest.approx(naive_p(lead))


def test_a_mean_over_tasks_exchanges_each_by_itself() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.normal(0.5, 1, 4), rng.normal(0.5, 1, 5)
    assert exchange_p([of_mean(first), of_mean(second)]) == pytest.approx(naive_p(first, second))
    half = exchange_p([of_mean(first, 0.5), of_mean(second, 0.5)])
    assert half == pytest.approx(naive_p(first, second))


def test_examples_alike_in_a_group_are_as_many_examples() -> None:
    grouped = Exchange(
        value=6 / 8,
        counts=np.array([7, 1]),
        exchanged=lambda moved: (6 - 2 * moved @ np.array([1.0, -1.0])) / 8,
        width=2,
    )
    assert exchange_p([grouped]) == pytest.approx(2 * stats.binom.cdf(1, 8, 0.5))


def test_drawn_ways_agree_with_the_t_test_and_no_p_value_is_below_what_the_examples_allow() -> None:
    lead = np.random.default_rng(2).normal(0.4, 1, 40)
    assert exchange_p([of_mean(lead)], draws=20_000) == pytest.approx(stats.ttest_1samp(lead, 0).pvalue, abs=0.01)
    assert exchange_p([of_mean(np.ones(3))]) == 0.25
    assert exchange_p([of_mean(np.ones(12))], draws=2000) >= 2.0**-11
    assert exchange_p([of_mean(np.zeros(9))]) == 1.0
    assert exchange_p([of_mean(lead)], stream=(3,)) == exchange_p([of_mean(lead)], stream=(3,))


@pytest.mark.parametrize(("level", "least"), [(0.9, 5), (0.95, 6), (0.99, 8)])
def test_fewer_examples_than_the_least_can_never_be_called(level: float, least: int) -> None:
    assert least_differing(level) == least
    assert exchange_p([of_mean(np.ones(least - 1))]) >= 1 - level - 1e-12
    assert exchange_p([of_mean(np.ones(least))]) < 1 - level


def test_a_mean_over_tasks_knows_its_spread_as_well_as_the_task_that_varies_most() -> None:
    assert as_one_task([7], [1.0]) == 7
    assert as_one_task([50, 50], [0.5, 0.5]) == 99
    assert as_one_task([4, 1000], [0.5, 0.5]) <= 5
    # WNLI hardly counts beside the rest of GLUE.
    assert as_one_task([71, 277, 408, 872, 1043, 1500, 5463, 9815, 40430], [1 / 9] * 9) > 150
    assert as_one_task([1, 1], [0.5, 0.5]) <= 2
