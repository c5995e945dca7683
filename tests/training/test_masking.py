"""Masks: how many, which, and what stands in their place."""

from __future__ import annotations

import numpy as np
import pytest

from benchbert.training.masking import Masker

VOCABULARY, SPECIAL, MASK = 50, frozenset({0, 1, 2, 3, 4}), 4
SETTINGS = {"share": 0.15, "smoothing": 0.7, "mask": 0.8, "keep": 0.1}


def masker(counts: np.ndarray | None = None, **changes: float) -> Masker:
    return Masker(SETTINGS | changes, np.ones(VOCABULARY) if counts is None else counts, SPECIAL, MASK)


def batch(generator: np.random.Generator, rows: int = 64, length: int = 32) -> np.ndarray:
    ids = generator.integers(5, VOCABULARY, (rows, length))
    ids[:, 0], ids[:, -1] = 2, 3
    return ids


def test_the_share_is_exact_and_special_tokens_are_never_touched() -> None:
    generator = np.random.default_rng(0)
    ids = batch(generator)
    masked = masker()(ids, generator)
    assert len(masked.positions) == round(0.15 * 64 * 30)
    assert len(set(masked.positions)) == len(masked.positions)
    assert (masked.targets == ids.reshape(-1)[masked.positions]).all()
    assert not set(masked.targets) & SPECIAL
    untouched = np.setdiff1d(np.arange(ids.size), masked.positions)
    assert (masked.input_ids.reshape(-1)[untouched] == ids.reshape(-1)[untouched]).all()


def test_eighty_ten_ten() -> None:
    generator = np.random.default_rng(1)
    shown, targets = [], []
    for _ in range(60):
        masked = masker()(batch(generator), generator)
        shown.append(masked.input_ids.reshape(-1)[masked.positions])
        targets.append(masked.targets)
    seen, truth = np.concatenate(shown), np.concatenate(targets)
    ordinary = VOCABULARY - len(SPECIAL)
    assert (seen == MASK).mean() == pytest.approx(0.8, abs=0.01)
    assert (seen == truth).mean() == pytest.approx(0.1 + 0.1 / ordinary, abs=0.01)
    assert not set(seen[seen != MASK]) & SPECIAL


def test_rare_tokens_are_drawn_more_often_by_the_stated_power() -> None:
    """Drawing few of many is nearly independent, so the odds are those of the weights."""
    counts = np.ones(VOCABULARY)
    counts[5] = 1000.0
    ids = np.where(np.arange(4000) % 2, 5, 6).reshape(1, -1)
    generator = np.random.default_rng(2)
    drawn = [masker(counts, share=0.01)(ids, generator).targets for _ in range(400)]
    common = (np.concatenate(drawn) == 5).mean()
    weight = 1000.0**-0.7
    assert common == pytest.approx(weight / (1 + weight), abs=0.004)


def test_the_same_state_gives_the_same_mask() -> None:
    ids = batch(np.random.default_rng(3))
    one, two = (masker()(ids, np.random.default_rng([7, 1])) for _ in range(2))
    assert (one.input_ids == two.input_ids).all()
    assert (one.positions == two.positions).all()
    assert not (masker()(ids, np.random.default_rng([7, 2])).input_ids == one.input_ids).all()


def test_a_tiny_batch_still_predicts_something() -> None:
    masked = masker()(np.array([[2, 9, 3]]), np.random.default_rng(0))
    assert list(masked.targets) == [9]
