"""Two models on one ground: their scores, resampled, and what kind of claim they can carry."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict

import numpy as np
from numpy.typing import NDArray

from benchbert.comparison.aligned import Aligned, align
from benchbert.comparison.outcomes import Outcomes, outcomes_of
from benchbert.comparison.stored import Ground, StoredModel, StoredPredictions
from benchbert.errors import DataError, StoreError
from benchbert.statistics.sides import RESAMPLES, SEEDS_FOR_METHODS, Sides, resampled_sides
from benchbert.types import Direction, Value

__all__ = ["Claim", "Measured", "claim_on", "common_grounds", "measure", "refuse_other_scores", "stream_of"]

Claim = Literal["models", "checkpoints"]
"""What a comparison is about: models as methods (any seed, any such examples), or just these checkpoints."""

_SAME = 1e-6
"""How far a score computed anew may be from the stored one."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One metric of two models on one ground."""

    ground: Ground
    """Task, split and data."""
    metric: str
    """Name of the metric."""
    complete: bool
    """Whether the split had its official rows."""
    claim: Claim
    """What the resamples carry."""
    our_seeds: tuple[int, ...]
    """Seeds of the first model's checkpoints."""
    their_seeds: tuple[int, ...]
    """Seeds of the second's."""
    labels: tuple[str, ...]
    """Names of the task's classes; empty: none, or not known."""
    aligned: Aligned
    """The predictions, the first model's checkpoints first."""
    outcomes: Outcomes
    """The metric of every checkpoint."""
    sides: Sides
    """The two scores in the same resamples."""
    unit: str = ""
    """Unit of the scores, such as `label²`; empty: scores in 0..1 or -1..1."""
    direction: Direction = "higher"
    """Which way is better."""

    @property
    def ours(self) -> slice:
        """The first model's checkpoints among all."""
        return slice(len(self.our_seeds))

    @property
    def theirs(self) -> slice:
        """The second's."""
        return slice(len(self.our_seeds), None)

    @property
    def stream(self) -> tuple[int, int]:
        """What seeds the random numbers."""
        return stream_of(self.ground)


def common_grounds(ours: StoredModel, theirs: StoredModel, task: str | None = None) -> list[Ground]:
    """The grounds on which both were scored, in the order of the first model's results.

    Raises:
        DataError: there is none; or both were scored on a task, but not on the same data, split, version or protocol.
    """
    mine, other = ours.grounds(task), theirs.grounds(task)
    common = [ground for ground in mine if ground in other]
    for name in dict.fromkeys(ground.task for ground in mine):
        here = [ground for ground in mine if ground.task == name]
        there = [ground for ground in other if ground.task == name]
        if there and not any(ground in there for ground in here):
            raise DataError(f"{ours.label} and {theirs.label} cannot be compared on {name}: {_differs(here, there)}")
    if not common:
        what = f"on the task {task!r}" if task else "on any task"
        tasks = sorted({ground.task for model in (ours, theirs) for ground in model.grounds()})
        raise DataError(
            f"{ours.label} and {theirs.label} have no predictions {what} in common "
            f"(there are predictions on {', '.join(tasks)}): score both"
        )
    return common


def claim_on(ours: StoredModel, theirs: StoredModel, grounds: Sequence[Ground]) -> Claim:
    """`models` where both have enough seeds on every ground; one constant answer has none and needs none."""
    for model in (ours, theirs):
        if model.weights == "constant":
            continue
        if any(len(model.on(ground)) < SEEDS_FOR_METHODS for ground in grounds):
            return "checkpoints"
    return "models"


def measure(
    ours: StoredModel,
    theirs: StoredModel,
    ground: Ground,
    metrics: Sequence[str] = (),
    *,
    claim: Claim | None = None,
    resamples: int = RESAMPLES,
) -> list[Measured]:
    """Metrics of two models on one ground, all in the same resamples.

    Args:
        ours: the first model.
        theirs: the second.
        ground: one of their common grounds.
        metrics: names; empty: the task's main metric.
        claim: what it is for; None: the strongest that the seeds allow.
        resamples: number of resamples.

    Raises:
        StoreError: predictions are gone, damaged, or do not give the score that was stored with them.
        DataError: they cannot be aligned, or a metric cannot be computed from them.
    """
    mine, other = ours.on(ground), theirs.on(ground)
    both = [*mine, *other]
    claim = claim or claim_on(ours, theirs, [ground])
    values = mine[0].values
    labels = next((stored.labels for stored in both if stored.labels), ())
    aligned = align(both)
    found = outcomes_of(
        aligned,
        tuple(metrics) or (values[0].metric,),
        unanswerable=any(value.convention.startswith("null threshold") for value in values),
        labels=labels,
    )
    sampled = tuple(claim == "models" and len(checkpoints) > 1 for checkpoints in (mine, other))
    measured = []
    for outcomes in found:
        refuse_other_scores(both, outcomes.metric, outcomes.scores)
        sides = resampled_sides(
            outcomes.statistic,
            outcomes.cells,
            len(mine),
            seeds=(sampled[0], sampled[1]),
            resamples=resamples,
            stream=stream_of(ground),
        )
        measured.append(
            Measured(
                ground=ground,
                metric=outcomes.metric,
                complete=all(value.complete is not False for stored in both for value in stored.values),
                claim=claim,
                our_seeds=tuple(stored.seed for stored in mine),
                their_seeds=tuple(stored.seed for stored in other),
                labels=labels,
                aligned=aligned,
                outcomes=outcomes,
                sides=sides,
                **_facts(both, outcomes.metric),
            )
        )
    return measured


class _Facts(TypedDict):
    unit: str
    direction: Direction


def _facts(checkpoints: Sequence[StoredPredictions], metric: str) -> _Facts:
    """Unit and direction of a metric, as stored with the scores."""
    known = next((value for stored in checkpoints for value in stored.values if value.metric == metric), None)
    return {"unit": known.unit if known else "", "direction": known.direction if known else "higher"}


def stream_of(ground: Ground) -> tuple[int, int]:
    """What seeds the random numbers: one stream a task for seeds, which its splits share, one a ground for examples."""
    return _number(ground.task), _number(f"{ground.split} {ground.dataset_fingerprint}")


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])


def _differs(here: Sequence[Ground], there: Sequence[Ground]) -> str:
    """What keeps the nearest two grounds of one task apart."""
    fields = {
        "split": "split",
        "task_version": "version of the task",
        "dataset_fingerprint": "data (fingerprint)",
        "protocol": "protocol",
    }
    pairs = [(a, b) for a in here for b in there]
    a, b = min(pairs, key=lambda pair: sum(getattr(pair[0], name) != getattr(pair[1], name) for name in fields))
    unlike = [
        f"{what} {str(getattr(a, name))[:16]!r} and {str(getattr(b, name))[:16]!r}"
        for name, what in fields.items()
        if getattr(a, name) != getattr(b, name)
    ]
    return f"they differ in {', '.join(unlike)}; run both again on the same"


def refuse_other_scores(
    checkpoints: Sequence[StoredPredictions], metric: str, scores: Sequence[float] | NDArray[np.float64]
) -> None:
    """Predictions that do not give the score stored with them are of another scorer, or were tampered with.

    Raises:
        StoreError: such predictions (names the file).
    """
    for stored, score in zip(checkpoints, scores, strict=True):
        known: Value | None = next((value for value in stored.values if value.metric == metric), None)
        if known is None:
            continue
        undefined = not math.isfinite(score)
        if (known.value is None) != undefined or (known.value is not None and abs(score - known.value) > _SAME):
            raise StoreError(
                f"{stored.path}: gives {metric} {score:.6f}, stored with it is {known.value}: another version "
                "scored it; run the suite again"
            )
