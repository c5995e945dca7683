"""Paired and crossed resampling: against naive loops, and against what they promise (A/A simulations)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchbert.metrics.classification import confusion_matrix, matthews_correlation
from benchbert.statistics.cells import Cells
from benchbert.statistics.mcnemar import mcnemar
from benchbert.statistics.sides import mean_sides, resampled_sides


def accuracy_sides(right: np.ndarray, ours: int, **more):
    """Sides of 0/1 outcomes of shape (checkpoints, n)."""
    cells = Cells.grouped(right.T)
    kept = right[:, cells.example]
    return resampled_sides(lambda counts: counts @ kept.T / counts.sum(axis=1, keepdims=True), cells, ours, **more)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 4), st.integers(1, 200), st.integers(0, 1000))
def test_cells_hold_every_example_and_resamples_have_as_many(values: int, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    seen = rng.integers(0, values, size=(n, 2)).astype(float)
    cells = Cells.grouped(seen)
    assert (seen[cells.example][cells.of] == seen).all()
    assert cells.counts.sum() == cells.examples == n
    counts = np.concatenate(list(cells.resampled(rng, 7)))
    assert counts.shape == (7, cells.counts.size)
    assert (counts.sum(axis=1) == n).all()


@pytest.mark.parametrize("copies", [1, 40])
def test_cells_are_drawn_with_the_mean_and_covariance_of_a_multinomial(copies: int) -> None:
    # Few distinct examples are drawn as cells, many one by one: both must be the same bootstrap.
    seen = np.repeat(np.arange(3.0), 2)[:, None].repeat(copies, axis=0)
    cells = Cells.grouped(seen)
    counts = np.concatenate(list(cells.resampled(np.random.default_rng(0), 20_000)))
    n, share = len(seen), 1 / 3
    assert counts.mean(axis=0) == pytest.approx([n * share] * 3, rel=0.02)
    expected = n * (np.eye(3) * share - share**2)
    assert np.cov(counts.T) == pytest.approx(expected, abs=0.05 * n)


def test_the_paired_interval_is_that_of_the_differences_and_not_of_two_samples() -> None:
    rng = np.random.default_rng(1)
    first = (rng.random(2000) < 0.7).astype(float)
    second = np.where(rng.random(2000) < 0.05, 1 - first, first)
    sides = accuracy_sides(np.stack([first, second]), 1)
    error = (first - second).std() / np.sqrt(2000)
    assert sides.difference.error == pytest.approx(error, rel=0.08)
    assert sides.difference.value == pytest.approx((first - second).mean())
    low, high = sides.difference.interval(0.95)
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.12)


def test_any_metric_is_recomputed_on_every_resample() -> None:
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 2, 300)
    guesses = np.stack([np.where(rng.random(300) < q, labels, 1 - labels) for q in (0.8, 0.7)])
    cells = Cells.grouped(np.vstack([labels, guesses]).T.astype(float))

    def statistic(counts):
        found = [confusion_matrix(labels[cells.example], g[cells.example], 2, counts) for g in guesses]
        return np.stack([matthews_correlation(confusion) for confusion in found], axis=1)

    sides = resampled_sides(statistic, cells, 1, resamples=4000)
    naive = []
    for _ in range(1500):
        drawn = rng.integers(0, 300, 300)
        naive.append(np.corrcoef(labels[drawn], guesses[0][drawn])[0, 1])
        naive[-1] -= np.corrcoef(labels[drawn], guesses[1][drawn])[0, 1]
    assert sides.difference.error == pytest.approx(np.std(naive), rel=0.1)
    assert sides.difference.interval(0.9) == pytest.approx(tuple(np.quantile(naive, [0.05, 0.95])), abs=0.02)


def test_without_examples_to_vary_the_crossed_bootstrap_is_welchs_test() -> None:
    # Scores that no resample of examples changes: all that is left is the seeds.
    scores = np.array([0.80, 0.82, 0.79, 0.85, 0.81, 0.78, 0.77, 0.79, 0.78, 0.76])
    cells = Cells.grouped(np.zeros((10, 1)))
    sides = resampled_sides(
        lambda counts: np.tile(scores, (len(counts), 1)), cells, 5, seeds=(True, True), resamples=20_000
    )
    expected = stats.ttest_ind(scores[:5], scores[5:], equal_var=False)
    assert sides.difference.p_value() == pytest.approx(expected.pvalue, rel=0.1)


def test_one_side_may_be_fixed_and_same_stream_means_same_draws() -> None:
    rng = np.random.default_rng(4)
    right = (rng.random((6, 100)) < 0.6).astype(float)
    fixed = accuracy_sides(right, 5, seeds=(True, False), stream=(7, 8))
    assert fixed.our_term is not None
    assert fixed.their_term is None
    again = accuracy_sides(right, 5, seeds=(True, False), stream=(7, 8))
    assert (fixed.our_draws == again.our_draws).all()
    assert (accuracy_sides(right, 5, seeds=(True, False), stream=(7, 9)).their_draws != fixed.their_draws).any()


def test_a_mean_over_tasks_adds_their_variances_and_one_over_splits_moves_together() -> None:
    rng = np.random.default_rng(5)
    tasks = [(rng.random((10, 200)) < 0.7).astype(float) for _ in range(2)]
    sides = [accuracy_sides(right, 5, seeds=(True, True), stream=(i, 0)) for i, right in enumerate(tasks)]
    mean = mean_sides([[sides[0]], [sides[1]]])
    assert mean.ours == pytest.approx(np.mean([side.ours for side in sides]))
    variances = [side.difference.error**2 for side in sides]
    assert mean.difference.error**2 == pytest.approx(sum(variances) / 4, rel=0.15)
    assert mean.our_term.variance == pytest.approx(sum(side.our_term.variance for side in sides) / 4)
    assert mean.our_term.freedom > 4
    splits = mean_sides([[sides[0], sides[0]]])
    assert splits.our_term.variance == pytest.approx(sides[0].our_term.variance)
    assert splits.our_term.freedom == 4


def test_the_ratio_of_a_model_to_half_of_it_is_two() -> None:
    whole = np.ones((1, 50))
    sides = accuracy_sides(np.vstack([whole, (np.arange(50) < 25)[None].astype(float)]), 1)
    assert sides.ratio.value == pytest.approx(2.0)
    low, high = sides.ratio.interval(0.95)
    assert low < 2.0 < high


# --- A/A: the same model on both sides ------------------------------------------------------------------------------

_SIMULATED = 300
_ALLOWED = 0.05 + 2.33 * np.sqrt(0.05 * 0.95 / _SIMULATED)
"""The stated rate, and what 300 simulations may show above it once in a hundred times."""


def same_model(rng, *, seeds: int, examples: int, seed_sd: float, example_sd: float) -> np.ndarray:
    """0/1 outcomes of 2 x `seeds` checkpoints of one model, of shape (2 x seeds, examples): disjoint seed sets."""
    difficulty = rng.normal(1.0, example_sd, examples)
    luck = rng.normal(0.0, seed_sd, (2 * seeds, 1))
    return (rng.random((2 * seeds, examples)) < 1 / (1 + np.exp(-(difficulty + luck)))).astype(float)


@pytest.mark.parametrize(
    ("seed_sd", "example_sd"), [(0.0, 0.5), (0.0, 3.0), (0.6, 2.0)], ids=["noise", "examples", "seeds"]
)
def test_disjoint_seeds_of_one_model_are_called_different_no_more_often_than_stated(seed_sd, example_sd) -> None:
    rng = np.random.default_rng(17)
    alarms = 0
    for i in range(_SIMULATED):
        right = same_model(rng, seeds=5, examples=150, seed_sd=seed_sd, example_sd=example_sd)
        sides = accuracy_sides(right, 5, seeds=(True, True), resamples=300, stream=(i,))
        alarms += sides.difference.p_value() < 0.05
    assert alarms / _SIMULATED <= _ALLOWED


def test_fixing_the_seeds_would_call_them_different_far_too_often() -> None:
    # Why a claim about checkpoints is no claim about models.
    rng = np.random.default_rng(18)
    alarms = 0
    for i in range(100):
        right = same_model(rng, seeds=5, examples=400, seed_sd=0.6, example_sd=2.0)
        alarms += accuracy_sides(right, 5, resamples=200, stream=(i,)).difference.p_value() < 0.05
    assert alarms / 100 > 0.2


def test_two_checkpoints_that_err_alike_are_called_different_no_more_often_than_stated() -> None:
    rng = np.random.default_rng(19)
    exact = bootstrapped = 0
    for i in range(_SIMULATED):
        right = same_model(rng, seeds=1, examples=300, seed_sd=0.0, example_sd=2.0)
        sides = accuracy_sides(right, 1, resamples=300, stream=(i,))
        exact += mcnemar(int((right[0] > right[1]).sum()), int((right[0] < right[1]).sum())) < 0.05
        bootstrapped += sides.difference.p_value() < 0.05
    assert exact / _SIMULATED <= _ALLOWED
    assert bootstrapped / _SIMULATED <= _ALLOWED


def test_a_real_difference_is_found() -> None:
    rng = np.random.default_rng(20)
    found = 0
    for i in range(40):
        right = same_model(rng, seeds=5, examples=400, seed_sd=0.1, example_sd=2.0)
        right[:5] = np.maximum(right[:5], rng.random((5, 400)) < 0.3)
        found += accuracy_sides(right, 5, seeds=(True, True), resamples=300, stream=(i,)).difference.p_value() < 0.05
    assert found >= 36
