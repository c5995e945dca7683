from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchbert.statistics.ranks import rank_intervals


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 9), st.integers(20, 60), st.integers(0, 99))
def test_the_interval_is_of_the_ranks_that_each_resample_gives(models: int, resamples: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    point, draws = rng.integers(0, 4, models) / 4, rng.integers(0, 4, (resamples, models)) / 4
    for place, (low, high) in enumerate(rank_intervals(point, draws)):
        ranks = sorted(1 + sum(other > each[place] for other in each) for each in draws.tolist())
        own = 1 + sum(other > point[place] for other in point)
        # The smallest rank that covers a share of 2.5% or 97.5% of the resamples.
        ends = [next(r for r in ranks if sum(x <= r for x in ranks) >= q * len(ranks)) for q in (0.025, 0.975)]
        assert (low, high) == (min(own, ends[0]), max(own, ends[1]))


def test_models_far_apart_have_one_rank_and_equal_ones_share_an_interval() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.01, (500, 4))
    point = np.array([0.9, 0.5, 0.5, 0.1])
    assert rank_intervals(point, point + noise) == [(1, 1), (2, 3), (2, 3), (4, 4)]


@pytest.mark.parametrize("undefined", ["point", "draws"])
def test_an_undefined_score_leaves_no_rank(undefined: str) -> None:
    point, draws = np.array([0.5, 0.4]), np.full((10, 2), 0.5)
    if undefined == "point":
        point[0] = np.nan
    else:
        draws[:6, 1] = np.nan
    assert rank_intervals(point, draws) is None
