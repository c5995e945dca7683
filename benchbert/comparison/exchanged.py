"""What a metric of two models becomes when they exchange their answers to some examples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchbert.comparison.outcomes import Outcomes
from benchbert.statistics.cells import Cells
from benchbert.statistics.exchange import Exchange

__all__ = ["differing", "exchange_of"]

Floats = NDArray[np.float64]

_TIE = 1e-12
"""Outcomes nearer than this are equal: sums of the same numbers in another order."""


def differing(outcomes: Outcomes, ours: slice, theirs: slice) -> int:
    """Number of examples that tell two models apart.

    Args:
        outcomes: a metric of checkpoints, some of them the one's, some the other's.
        ours: the first model's checkpoints.
        theirs: the second's.
    """
    return int(_apart(outcomes, ours, theirs).sum())


def exchange_of(outcomes: Outcomes, ours: slice, theirs: slice, weight: float = 1.0) -> Exchange:
    """The exchange of two models' answers.

    Where a model has several checkpoints, every one of the one's is held against every one of the other's, and all of
    them change sides on an example together: an example is what was drawn, not an answer to it.

    Args:
        outcomes: as in `differing`.
        ours: the first model's checkpoints.
        theirs: the second's.
        weight: its share in a mean over tasks.
    """
    make = _of_mean if outcomes.is_mean else _of_answers
    return make(outcomes, ours, theirs, weight)


def _apart(outcomes: Outcomes, ours: slice, theirs: slice) -> NDArray[np.bool_]:
    """Whether an example tells the two apart, of shape (n,)."""
    if outcomes.is_mean:
        return np.asarray(np.abs(_lead(outcomes, ours, theirs)) > _TIE)
    found = np.zeros(outcomes.answers.shape[1], dtype=np.bool_)
    for mine in outcomes.answers[ours]:
        for other in outcomes.answers[theirs]:
            found |= (mine != other).any(axis=1)
    return found


def _lead(outcomes: Outcomes, ours: slice, theirs: slice) -> Floats:
    """Our mean outcome over checkpoints minus theirs, of shape (n,)."""
    return np.asarray(outcomes.each[ours].mean(axis=0) - outcomes.each[theirs].mean(axis=0))


def _of_mean(outcomes: Outcomes, ours: slice, theirs: slice, weight: float) -> Exchange:
    """A mean over examples: those that change sides change the sign of their share of it."""
    lead = _lead(outcomes, ours, theirs)
    leads, counts = np.unique(np.round(lead[np.abs(lead) > _TIE], 12), return_counts=True)
    total = float(leads @ counts)
    return Exchange(
        value=total / lead.size,
        counts=counts,
        exchanged=lambda moved: np.asarray((total - 2 * moved @ leads) / lead.size),
        width=leads.size,
        weight=weight,
    )


def _of_answers(outcomes: Outcomes, ours: slice, theirs: slice, weight: float) -> Exchange:
    """Any other metric: computed anew of the answers that each model then has."""
    checkpoints = np.arange(len(outcomes.answers))
    cells = Cells.grouped(np.hstack([*outcomes.answers[ours], *outcomes.answers[theirs]]))
    apart = _apart(outcomes, ours, theirs)[cells.example]
    examples = np.concatenate([cells.example, cells.example[apart]])
    pairs = [(i, j) for i in checkpoints[ours] for j in checkpoints[theirs]]

    def mixed(owner: int, other: int, kept: Floats, moved: Floats) -> Floats:
        who = np.repeat([owner, other], [cells.counts.size, int(apart.sum())])
        return outcomes.imagined(who, examples, np.hstack([kept, moved]))

    def exchanged(moved: Floats) -> Floats:
        kept = np.tile(cells.counts.astype(np.float64), (len(moved), 1))
        kept[:, apart] -= moved
        found = [mixed(i, j, kept, moved) - mixed(j, i, kept, moved) for i, j in pairs]
        return np.asarray(np.mean(found, axis=0))

    return Exchange(
        value=float(exchanged(np.zeros((1, int(apart.sum()))))[0]),
        counts=cells.counts[apart],
        exchanged=exchanged,
        width=2 * examples.size,
        weight=weight,
    )
