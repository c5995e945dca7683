"""The examples that speak about two models: how many, how many tell them apart, what exchanging answers gives."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchbert.comparison.contest import Contest, Entry
from benchbert.comparison.exchanged import differing, exchange_of
from benchbert.comparison.measured import Measured, stream_of
from benchbert.comparison.pool import Drawn
from benchbert.statistics.exchange import FEW_DIFFERING, FEW_EXAMPLES, Exchange, as_one_task
from benchbert.statistics.ranges import reach_of

__all__ = ["Evidence", "evidence_of", "measured_evidence", "weights_of", "won_and_lost"]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """How many examples speak, beside the scores."""

    examples: int
    """Number of examples; of a mean over tasks, of how many it knows as much (`as_one_task`)."""
    differing: int
    """Examples that tell the two models apart, of all tasks together."""
    exchanges: Callable[[], Sequence[Exchange]]
    """Makes the exchange of their answers, a part a task and split; asked only where a bootstrap cannot be trusted."""
    shares: tuple[int, int] | None = None
    """Examples that only the first and that only the second gets right, where both are single checkpoints and the
    metric is a share of rights; None: McNemar's test does not apply."""
    stream: Sequence[int] = (0,)
    """Seeds the random numbers."""
    reach: float = math.inf
    """The largest possible difference of the scores."""

    @property
    def is_thin(self) -> bool:
        """Whether a bootstrap would be too sure."""
        return self.examples < FEW_EXAMPLES or self.differing < FEW_DIFFERING


def measured_evidence(measured: Measured, shares: tuple[int, int] | None = None) -> Evidence:
    """The examples of one ground; `shares` as in `Evidence`."""
    outcomes, ours, theirs = measured.outcomes, measured.ours, measured.theirs
    return Evidence(
        examples=len(measured.aligned.ids),
        differing=differing(outcomes, ours, theirs),
        exchanges=lambda: [exchange_of(outcomes, ours, theirs)],
        shares=shares,
        stream=measured.stream,
        reach=reach_of(measured.metric, measured.unit),
    )


def evidence_of(
    couples: Sequence[tuple[Drawn, Drawn]], side: Sequence[Entry], tasks: Sequence[Sequence[Contest]]
) -> Evidence:
    """The examples of two models in several contests.

    Args:
        couples: what both drew in each contest.
        side: the entries of one of them.
        tasks: for each task its contests.
    """
    weights = weights_of(tasks)
    return Evidence(
        examples=as_one_task([a.examples for a, _ in couples], weights),
        differing=sum(differing(a.outcomes, a.part, b.part) for a, b in couples),
        exchanges=lambda: [
            exchange_of(a.outcomes, a.part, b.part, weight) for (a, b), weight in zip(couples, weights, strict=True)
        ],
        shares=_won_and_lost(*couples[0]) if len(couples) == 1 else None,
        stream=stream_of(side[0].ground),
        reach=max(reach_of(entry.contest.metric, entry.unit) for entry in side),
    )


def weights_of(tasks: Sequence[Sequence[object]]) -> list[float]:
    """Share of each member of each task in the mean over tasks."""
    return [1 / (len(tasks) * len(same)) for same in tasks for _ in same]


def won_and_lost(measured: Measured) -> tuple[int, int] | None:
    """Examples that only the first and that only the second gets right; None as in `Evidence.shares`."""
    if not measured.outcomes.binary or len(measured.our_seeds) != 1 or len(measured.their_seeds) != 1:
        return None
    return _only(*(measured.outcomes.each > 0.5))


def _won_and_lost(ours: Drawn, theirs: Drawn) -> tuple[int, int] | None:
    """The same of what was drawn."""
    if ours.right is None or theirs.right is None or len(ours.right) != 1 or len(theirs.right) != 1:
        return None
    return _only(ours.right[0], theirs.right[0])


def _only(ours: NDArray[np.bool_], theirs: NDArray[np.bool_]) -> tuple[int, int]:
    return int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
