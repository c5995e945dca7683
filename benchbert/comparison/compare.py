"""Model against model, task by task, on the examples that both predicted.

How two models are judged says `benchbert.comparison.judged`. p-values are adjusted by Holm (1979) over the tasks
compared. Better is what the metric's direction says: of errors the lower.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from benchbert.comparison.evidence import Evidence, measured_evidence, won_and_lost
from benchbert.comparison.examples import Examples, examples_of
from benchbert.comparison.judged import CROSSED, EXCHANGED, LEVEL, MCNEMAR, PAIRED, Judged, judged
from benchbert.comparison.measured import Claim, Measured, common_grounds, measure
from benchbert.comparison.notes import comparison_notes
from benchbert.comparison.stored import StoredModel, model_named, refuse_gone, stored_models
from benchbert.errors import UsageError
from benchbert.statistics.exchange import least_differing
from benchbert.statistics.holm import holm
from benchbert.statistics.noninferiority import NonInferiority, not_worse, share_not_worse
from benchbert.statistics.ranges import reach_of
from benchbert.statistics.sides import RESAMPLES
from benchbert.types import Direction

__all__ = ["CROSSED", "EXCHANGED", "LEVEL", "MCNEMAR", "PAIRED", "Comparison", "TaskComparison", "Verdict", "compare"]

Verdict = Literal["better", "worse", "not told apart", "too few examples to tell", "undefined"]


@dataclass(frozen=True, kw_only=True)
class TaskComparison:
    """Two models on one task and split."""

    task: str
    """Name of the task."""
    split: str
    """Split that both predicted."""
    metric: str
    """The task's main metric."""
    examples: int
    """Number of examples."""
    complete: bool
    """Whether the split had its official rows; False: a sample."""
    ours: float | None
    """The first model's score, mean over its seeds; None: undefined."""
    theirs: float | None
    """The second's."""
    our_seeds: tuple[int, ...]
    """Seeds of the first model's checkpoints."""
    their_seeds: tuple[int, ...]
    """Seeds of the second's."""
    claim: Claim
    """What the test is about: the models, or only these checkpoints."""
    test: str
    """Name of the test that gave `p`."""
    effect: float | None
    """Ours minus theirs; None: undefined."""
    low: float | None
    """Lower end of its interval."""
    high: float | None
    """Upper end."""
    level: float
    """Confidence of the interval."""
    interval_kind: str
    """How the interval was made, or why there is none."""
    p: float | None
    """Two-sided p-value; None: undefined."""
    p_adjusted: float | None
    """The same by Holm over the tasks compared."""
    verdict: Verdict
    """Of the first model, by the adjusted p-value."""
    outcomes: Examples
    """Examples won and lost by the first model."""
    non_inferiority: NonInferiority | None = None
    """Whether the first model is not worse by more than the stated margin; None: no margin was stated."""
    unit: str = ""
    """Unit of scores, effect and margin, such as `label²`; empty: scores in 0..1 or -1..1."""
    direction: Direction = "higher"
    """Which way is better; effect and interval are ours minus theirs all the same."""

    @property
    def label(self) -> str:
        """Task and, where it says more than `validation`, the split."""
        return self.task if self.split == "validation" else f"{self.task} {self.split}"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The first model against the second."""

    models: tuple[str, str]
    """Their labels."""
    tasks: tuple[TaskComparison, ...]
    """One a task and split, in the order of the results."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Task that only one of them has predictions on -> which."""
    level: float = LEVEL
    """Confidence of intervals; a difference is called where the adjusted p-value is below 1 minus it."""
    resamples: int = RESAMPLES
    """Resamples of each bootstrap."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences that a reader of the table must know."""
        return comparison_notes(self)


def compare(
    results_folder: str | Path,
    models: tuple[str, str],
    task: str | None = None,
    *,
    level: float = LEVEL,
    margin: float | None = None,
    listed: int = 10,
    resamples: int = RESAMPLES,
) -> Comparison:
    """Compares two models on all tasks that both have stored predictions on, or on one.

    Args:
        results_folder: a run folder, or a folder of run folders.
        models: two names, as the leaderboard shows them.
        task: name of a task; None: all.
        level: confidence of the intervals.
        margin: state it to test that the first model is not worse by more: in units of the score (0.01 is one point),
            of an error in the unit of the error (mse: the label's, squared).
        listed: examples won, and examples lost, to list at most.
        resamples: resamples of each bootstrap.

    Raises:
        UsageError: the same model twice, an unknown one, or one with several variants; a level or margin out of range.
        StoreError: no such folder, or predictions that are gone or damaged.
        DataError: nothing in common, or predictions on different data, split, task version or protocol.
    """
    _check(level, margin, resamples, listed)
    known = stored_models(Path(results_folder))
    ours, theirs = (model_named(known, name) for name in models)
    if ours == theirs:
        raise UsageError(f"{ours.label} cannot be compared with itself: name two models")
    grounds = common_grounds(ours, theirs, task)
    refuse_gone([ours, theirs], grounds, Path(results_folder))
    measured = [found for ground in grounds for found in measure(ours, theirs, ground, resamples=resamples)]
    if margin is not None:
        _check_reach(margin, measured)
    outcomes = [examples_of(each, listed) for each in measured]
    evidence = [measured_evidence(each, won_and_lost(each)) for each in measured]
    tests = [judged(a.sides, a.claim, b, level=level) for a, b in zip(measured, evidence, strict=True)]
    family = [(i, test.p) for i, test in enumerate(tests) if test.p is not None]
    adjusted = dict(zip((i for i, _ in family), holm([p for _, p in family]), strict=True))
    return Comparison(
        models=(ours.label, theirs.label),
        tasks=tuple(
            replace(
                _task(each, test, examples, adjusted.get(i)),
                non_inferiority=_not_worse(each, test, evidence[i], margin) if margin else None,
            )
            for i, (each, test, examples) in enumerate(zip(measured, tests, outcomes, strict=True))
        ),
        left_out={} if task else _left_out(ours, theirs),
        level=level,
        resamples=resamples,
    )


def _check(level: float, margin: float | None, resamples: int, listed: int) -> None:
    if not 0.5 < level < 1:
        raise UsageError(f"a confidence of {level} makes no interval: choose one between 0.5 and 1, such as 0.95")
    if margin is not None and not 0 < margin < math.inf:
        raise UsageError(f"the margin {margin} is none: state how much worse still counts as not worse, such as 0.01")
    if resamples < 100:
        raise UsageError(f"{resamples} resamples are too few for an interval: take {RESAMPLES}")
    if listed < 0:
        raise UsageError(f"{listed} examples cannot be listed: give 0 for none, or more")


def _check_reach(margin: float, measured: Sequence[Measured]) -> None:
    """A margin that no two scores are apart is a slip, such as points given where shares are meant."""
    for each in measured:
        if margin >= reach_of(each.metric, each.unit):
            raise UsageError(
                f"the margin {margin:g} is wider than {each.metric} on {each.ground.label} can differ: "
                "one point is 0.01; choose tasks of one kind with --task"
            )


def _task(measured: Measured, found: Judged, outcomes: Examples, adjusted: float | None) -> TaskComparison:
    sides, level = measured.sides, found.level
    return TaskComparison(
        task=measured.ground.task,
        split=measured.ground.split,
        metric=measured.metric,
        examples=len(measured.aligned.ids),
        complete=measured.complete,
        ours=sides.ours if math.isfinite(sides.ours) else None,
        theirs=sides.theirs if math.isfinite(sides.theirs) else None,
        our_seeds=measured.our_seeds,
        their_seeds=measured.their_seeds,
        claim=measured.claim,
        test=found.test,
        effect=found.effect,
        low=found.low,
        high=found.high,
        level=level,
        interval_kind=found.interval_kind,
        p=found.p,
        p_adjusted=adjusted,
        verdict=_verdict(measured, found, adjusted),
        outcomes=outcomes,
        unit=measured.unit,
        direction=measured.direction,
    )


def _verdict(measured: Measured, found: Judged, p: float | None) -> Verdict:
    if found.effect is None or p is None:
        return "undefined"
    if len(measured.aligned.ids) < least_differing(found.level):
        return "too few examples to tell"
    if p >= 1 - found.level or found.effect == 0:
        return "not told apart"
    return "better" if (found.effect > 0) == (measured.direction != "lower") else "worse"


def _not_worse(measured: Measured, found: Judged, evidence: Evidence, margin: float) -> NonInferiority | None:
    """Whether the first model is not worse by the margin; None: there is no p-value of a difference either."""
    if found.p is None:
        return None
    if found.claim == "checkpoints" and evidence.shares:
        return share_not_worse(*evidence.shares, evidence.examples, margin, level=found.level)
    contrast = measured.sides.difference
    return not_worse(
        contrast.turned if measured.direction == "lower" else contrast,
        margin,
        examples=evidence.examples,
        differing=evidence.differing,
        mean=measured.outcomes.is_mean,
        level=found.level,
    )


def _left_out(ours: StoredModel, theirs: StoredModel) -> dict[str, str]:
    """Grounds that only one model has, each with the model that has it."""
    found = {}
    for model, other in ((ours, theirs), (theirs, ours)):
        for ground in model.grounds():
            if ground not in other.grounds():
                found[ground.label] = f"only {model.label} has predictions on it"
    return found
