"""Steps and micro-batches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbert.training.batching import Steps, token_budget_batches


@given(
    lengths=st.lists(st.integers(1, 200), min_size=1, max_size=150),
    batch_size=st.integers(1, 40),
    epochs=st.floats(0.1, 4),
    seed=st.integers(0, 5),
)
def test_every_step_has_exactly_the_batch_size_and_epochs_are_even(
    lengths: list[int], batch_size: int, epochs: float, seed: int
) -> None:
    steps = Steps(np.array(lengths), batch_size=batch_size, epochs=epochs, seed=seed)
    assert len(steps) == max(1, round(len(lengths) * epochs / batch_size))
    drawn = np.concatenate([steps[i] for i in range(len(steps))])
    assert len(drawn) == len(steps) * batch_size
    counts = np.bincount(drawn, minlength=len(lengths))
    assert counts.max() - counts.min() <= 1  # no example is seen twice before all were seen once


def test_pools_keep_lengths_together_without_losing_randomness() -> None:
    lengths = np.random.default_rng(0).integers(5, 120, 3000)
    steps = Steps(lengths, batch_size=16, epochs=1, seed=1)
    longest = sum(lengths[steps[i]].max() * 16 for i in range(len(steps)))
    assert longest < 1.1 * sum(lengths[steps[i]].sum() for i in range(len(steps)))
    means = [lengths[steps[i]].mean() for i in range(len(steps))]
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.3


def test_seeds_give_orders_and_the_same_seed_the_same() -> None:
    lengths = np.arange(1, 101)
    one, same, other = (Steps(lengths, batch_size=10, epochs=2, seed=s) for s in (1, 1, 2))
    assert all((one[i] == same[i]).all() for i in range(len(one)))
    assert any((one[i] != other[i]).any() for i in range(len(one)))


@given(lengths=st.lists(st.integers(1, 300), min_size=0, max_size=80), budget=st.integers(1, 1000))
def test_budget_batches_cover_everything_once_and_keep_the_budget(lengths: list[int], budget: int) -> None:
    sizes = np.array(lengths, dtype=np.int64)
    order = np.argsort(-sizes, kind="stable")
    batches = token_budget_batches(sizes, order, budget)
    assert [i for batch in batches for i in batch] == list(order)
    for batch in batches:
        assert len(batch) == 1 or len(batch) * sizes[batch].max() <= budget


@given(lengths=st.lists(st.integers(1, 300), min_size=0, max_size=80), budget=st.integers(1, 1000))
def test_without_padding_the_budget_is_of_real_tokens_and_is_used_up(lengths: list[int], budget: int) -> None:
    sizes = np.array(lengths, dtype=np.int64)
    batches = token_budget_batches(sizes, np.arange(len(sizes)), budget, padding=False)
    assert [i for batch in batches for i in batch] == list(range(len(sizes)))
    totals = [int(sizes[batch].sum()) for batch in batches]
    assert all(len(batch) == 1 or total <= budget for batch, total in zip(batches, totals, strict=True))
    for total, following in zip(totals, batches[1:], strict=False):
        assert total + sizes[following[0]] > budget


def test_batches_are_as_large_as_the_budget_allows() -> None:
    batches = token_budget_batches(np.full(10, 10), np.arange(10), 40)
    assert [len(b) for b in batches] == [4, 4, 2]


@pytest.mark.parametrize("budget", [1, 64, 100_000])
def test_a_single_long_example_is_a_batch_of_its_own(budget: int) -> None:
    assert [len(b) for b in token_budget_batches(np.array([512]), np.array([0]), budget)] == [1]
