"""What models are held against each other on: one metric on one split of one task, and who took part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchbert.comparison.stored import Ground, StoredModel, StoredPredictions

__all__ = ["Contest", "Entry", "entry_of", "same_ground"]


@dataclass(frozen=True, kw_only=True)
class Contest:
    """One column of a leaderboard."""

    task: str
    """Name of the task."""
    split: str
    """Split that was predicted."""
    task_version: int
    """Version of the task's code."""
    dataset_fingerprint: str
    """Digest of the data."""
    convention: str
    """Which definition of the metric is followed."""
    metric: str
    """Name of the metric."""

    def holds(self, ground: Ground) -> bool:
        """Whether predictions on that ground belong here, whatever their protocol."""
        mine = (self.task, self.split, self.task_version, self.dataset_fingerprint)
        return mine == (ground.task, ground.split, ground.task_version, ground.dataset_fingerprint)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A model in a contest."""

    contest: Contest
    """What it takes part in."""
    ground: Ground
    """Where it was scored: the contest and the protocol of its predictions."""
    checkpoints: tuple[StoredPredictions, ...]
    """Its checkpoints there, by seed."""
    constant: bool
    """Whether it is one constant answer, which needs no seeds."""

    @property
    def unit(self) -> str:
        """Unit of its score; empty: a score in 0..1 or -1..1."""
        metric = self.contest.metric
        return next((v.unit for stored in self.checkpoints for v in stored.values if v.metric == metric), "")

    @property
    def examples(self) -> int:
        """How many examples its score is of, as stored; 1 where that is not known."""
        metric = self.contest.metric
        counts = [v.n for stored in self.checkpoints for v in stored.values if v.metric == metric]
        return max(1, min(counts, default=1))

    @property
    def digests(self) -> tuple[str, ...]:
        """What it said, as digests of its predictions."""
        return tuple(stored.sha256 for stored in self.checkpoints)


def entry_of(model: StoredModel, contest: Contest) -> Entry | None:
    """A model's entry, under its latest protocol; None: it has no predictions there, or they lack the metric."""
    grounds = [ground for ground in model.grounds() if contest.holds(ground)]
    if not grounds:
        return None
    checkpoints = model.on(grounds[-1])
    if not all(_has(stored, contest) for stored in checkpoints):
        return None
    return Entry(
        contest=contest, ground=grounds[-1], checkpoints=tuple(checkpoints), constant=model.weights == "constant"
    )


def _has(stored: StoredPredictions, contest: Contest) -> bool:
    wanted = (contest.metric, contest.convention)
    return any((value.metric, value.convention) == wanted for value in stored.values)


def same_ground(first: Sequence[Entry | None], second: Sequence[Entry | None]) -> bool:
    """Whether two models took part in all of the same contests, under the same protocol."""
    return all(a is not None and b is not None and a.ground == b.ground for a, b in zip(first, second, strict=True))
