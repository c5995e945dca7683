"""Not being worse by a bootstrap: its size where the truth is the margin or worse, and where it says nothing."""

from __future__ import annotations

import numpy as np
import pytest

from benchbert.statistics.contrast import Contrast
from benchbert.statistics.noninferiority import LEAST_DIFFERING, LEAST_EXAMPLES, not_worse


def resampled(lead: np.ndarray, rng: np.random.Generator) -> Contrast:
    counts = rng.multinomial(lead.size, np.full(lead.size, 1 / lead.size), size=300)
    return Contrast(value=float(lead.mean()), draws=counts @ lead / lead.size)


def leads_of(kind: str, n: int, worse: float, rng: np.random.Generator) -> np.ndarray:
    """Outcomes of ours minus theirs, worse by so much on the whole."""
    if kind == "rare":
        return -(rng.random(n) < worse).astype(float)
    if kind == "halves":
        return np.where(rng.random(n) < 2 * worse, -0.5, 0.0)
    return rng.choice([-1.0, 0.0, 1.0], n, p=[0.2 + worse / 2, 0.6, 0.2 - worse / 2])


_SIMULATED = 300
_ALLOWED = 0.05 + 3.1 * np.sqrt(0.05 * 0.95 / _SIMULATED)
"""The stated rate, and what 300 simulations may show above it once in a thousand times: there are twelve of them."""


@pytest.mark.parametrize("kind", ["rare", "halves", "dense"])
@pytest.mark.parametrize(("n", "margin"), [(15, 0.01), (30, 0.1), (50, 0.01), (100, 0.02)])
def test_a_model_worse_by_the_margin_is_seldom_called_not_worse(kind: str, n: int, margin: float) -> None:
    rng = np.random.default_rng(23)
    shown = 0
    for _ in range(_SIMULATED):
        lead = leads_of(kind, n, margin, rng)
        contrast = resampled(lead, rng)
        shown += not_worse(contrast, margin, examples=n, differing=int((lead != 0).sum()), mean=True).shown
    assert shown / _SIMULATED <= _ALLOWED


def test_many_examples_without_a_loss_show_it() -> None:
    same = Contrast(value=0.0, draws=np.zeros(300))
    found = not_worse(same, 0.02, examples=5000, differing=0, mean=True)
    assert found.shown
    assert found.bound == pytest.approx(np.log(0.05) / 5000, rel=0.01)
    assert not not_worse(same, 0.02, examples=100, differing=0, mean=True).shown


def test_too_few_examples_are_refused_with_their_reason() -> None:
    contrast = resampled(np.random.default_rng(1).normal(0.5, 0.1, 200), np.random.default_rng(2))
    few = not_worse(contrast, 0.1, examples=LEAST_EXAMPLES - 1, differing=14, mean=True)
    rare = not_worse(contrast, 0.1, examples=200, differing=LEAST_DIFFERING - 1, mean=False)
    for found in (few, rare):
        assert (found.shown, found.p, found.bound) == (False, None, None)
        assert found.method.startswith("too few examples to tell")
    assert not_worse(contrast, 0.1, examples=200, differing=200, mean=False).shown
