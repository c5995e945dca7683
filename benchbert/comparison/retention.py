"""What a student keeps of its teacher's score: per task and by named average, with paired intervals.

"97 % of BERT" is a ratio of two numbers that were measured on the same examples: its interval comes from resampling
both together. The nine-task average contains WNLI, on which a student can win by luck, so that the same average
without WNLI stands beside it (`distilbert` and `no_wnli` of `benchbert.metrics.averages`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchbert.comparison.agreement import Agreement, agreement_of
from benchbert.comparison.evidence import Evidence, measured_evidence, weights_of, won_and_lost
from benchbert.comparison.judged import CROSSED, LEVEL, PAIRED, few_interval
from benchbert.comparison.measured import Claim, Measured, claim_on, common_grounds, measure
from benchbert.comparison.stored import Ground, StoredModel, model_named, refuse_gone, stored_models
from benchbert.errors import UsageError
from benchbert.metrics.averages import AVERAGES, column
from benchbert.statistics.exchange import as_one_task
from benchbert.statistics.paired_shares import ratio_interval
from benchbert.statistics.sides import RESAMPLES, SEEDS_FOR_METHODS, Sides, mean_sides

__all__ = ["Kept", "Retention", "TaskRetention", "retention"]

_NAMESPACES = ("glue/", "builtin/glue/")
"""Whose tasks a GLUE average can be made of; the generated ones are told from the real by the average's name."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A student's score as a share of its teacher's."""

    student: float | None
    """The student's score; None: undefined, or a column is missing."""
    teacher: float | None
    """The teacher's."""
    share: float | None
    """student / teacher; None: one is undefined or the teacher's is not above 0."""
    low: float | None
    """Lower end of its interval; None: no interval."""
    high: float | None
    """Upper end."""
    level: float
    """Confidence of the interval."""
    kind: str
    """How the interval was made, or why there is no share or interval."""
    claim: Claim
    """Whether it is about the models or only about these checkpoints."""
    unit: str = ""
    """Unit of both scores, such as `label²`; empty: scores in 0..1 or -1..1."""


@dataclass(frozen=True, kw_only=True)
class TaskRetention:
    """One task and split."""

    label: str
    """Task and, where it says more than `validation`, the split."""
    metric: str
    """The task's main metric."""
    examples: int
    """Number of examples."""
    complete: bool
    """Whether the split had its official rows; False: a sample."""
    kept: Kept
    """What the student keeps of the main metric."""
    agreement: Agreement
    """How alike they answer."""


@dataclass(frozen=True, kw_only=True)
class Retention:
    """A student beside its teacher."""

    student: str
    """Label of the student."""
    teacher: str
    """Label of the teacher."""
    tasks: tuple[TaskRetention, ...]
    """One a task and split, in the order of the results."""
    averages: Mapping[str, Kept]
    """Name of the average, such as `no_wnli`, with `builtin/` before it for generated tasks -> what is kept of it."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences that a reader of the numbers must know."""
        return tuple(_notes(self))


def retention(
    results_folder: str | Path, student: str, teacher: str, *, level: float = LEVEL, resamples: int = RESAMPLES
) -> Retention:
    """What a student keeps of its teacher on every task that both have stored predictions on.

    Args:
        results_folder: a run folder, or a folder of run folders.
        student: its name, as the leaderboard shows it.
        teacher: its name.
        level: confidence of the intervals.
        resamples: resamples of each bootstrap.

    Raises:
        UsageError: an unknown model, one with several variants, or the same twice.
        StoreError, DataError: as `compare`.
    """
    known = stored_models(Path(results_folder))
    ours, theirs = model_named(known, student), model_named(known, teacher)
    if ours == theirs:
        raise UsageError(f"{ours.label} cannot be its own teacher: name two models")
    grounds = common_grounds(ours, theirs)
    refuse_gone([ours, theirs], grounds, Path(results_folder))
    tasks = []
    columns: dict[str, dict[str, Measured]] = {name: {} for name in _NAMESPACES}
    # An average is about the models only where all of its tasks have the seeds for it.
    claim = claim_on(ours, theirs, grounds)
    for ground in grounds:
        metrics = _metrics(ours, ground)
        found = measure(ours, theirs, ground, metrics, claim=claim, resamples=resamples)
        tasks.append(
            TaskRetention(
                label=ground.label,
                metric=found[0].metric,
                examples=len(found[0].aligned.ids),
                complete=found[0].complete,
                kept=_kept_of(found[0], level),
                agreement=agreement_of(found[0]),
            )
        )
        space = next((name for name in _NAMESPACES if ground.task.startswith(name)), None)
        if space:
            columns[space] |= {column(ground.task, ground.split, each.metric): each for each in found}
    averages = {
        f"{space.removesuffix('glue/')}{name}": _average(groups, columns[space], claim, level)
        for space in _NAMESPACES
        if columns[space]
        for name, groups in AVERAGES.items()
    }
    return Retention(student=ours.label, teacher=theirs.label, tasks=tuple(tasks), averages=averages)


def _metrics(model: StoredModel, ground: Ground) -> tuple[str, ...]:
    """The main metric and the others of the task that averages are made of."""
    named = [value.metric for value in model.on(ground)[0].values]
    needed = {metric for groups in AVERAGES.values() for group in groups for metric in group}
    return (named[0], *(m for m in named[1:] if column(ground.task, ground.split, m) in needed))


def _average(groups: Sequence[Sequence[str]], found: Mapping[str, Measured], claim: Claim, level: float) -> Kept:
    """What is kept of one named average; a missing, undefined or sampled column blocks it."""
    blocking = [
        name
        for group in groups
        for name in group
        if name not in found or not found[name].complete or not found[name].sides.defined
    ]
    if blocking:
        why = f"none: blocked by {', '.join(blocking)} (missing, undefined or on a sample)"
        return _no_share(None, None, why, claim, level)
    both = [measured_evidence(found[name]) for group in groups for name in group]
    evidence = replace(
        both[0],
        examples=as_one_task([each.examples for each in both], weights_of(groups)),
        differing=sum(each.differing for each in both),
    )
    return _kept(mean_sides([[found[name].sides for name in group] for group in groups]), claim, level, evidence)


def _kept_of(measured: Measured, level: float) -> Kept:
    """What is kept of one task's metric; of an error nothing is: less of it is more."""
    found = _kept(measured.sides, measured.claim, level, measured_evidence(measured, won_and_lost(measured)))
    if measured.direction != "lower":
        return replace(found, unit=measured.unit)
    why = f"none: {measured.metric} is an error, of which the lower is better: a share of it is not what is kept"
    return replace(_no_share(found.student, found.teacher, why, measured.claim, level), unit=measured.unit)


def _kept(sides: Sides, claim: Claim, level: float, evidence: Evidence) -> Kept:
    if not sides.defined:
        student, teacher = (value if math.isfinite(value) else None for value in (sides.ours, sides.theirs))
        return _no_share(student, teacher, "none: a score is undefined", claim, level)
    if sides.theirs <= 0:
        return _no_share(sides.ours, sides.theirs, "none: the teacher's score is not above 0", claim, level)
    ratio = sides.ratio
    usable = ratio.usable and ratio.draws.size > 1
    if usable and evidence.is_thin:
        ends, kind = _few_kept(sides, evidence, level)
        low, high = ends or (None, None)
    else:
        low, high = ratio.interval(level) if usable else (None, None)
        kind = f"{level:.0%} {CROSSED if claim == 'models' else PAIRED}"
        if ratio.undefined:
            kind = f"{kind if usable else 'none'} ({ratio.undefined} of {ratio.draws.size} resamples undefined)"
    return Kept(
        student=sides.ours,
        teacher=sides.theirs,
        share=ratio.value,
        low=low,
        high=high,
        level=level,
        kind=kind,
        claim=claim,
    )


def _few_kept(sides: Sides, evidence: Evidence, level: float) -> tuple[tuple[float, float] | None, str]:
    """Interval and its kind where a bootstrap would be too sure."""
    if evidence.shares is None:
        return few_interval(sides.ratio, evidence, level)
    won, lost = evidence.shares
    low, high = ratio_interval(round(sides.theirs * evidence.examples) - lost, won, lost, level)
    if not math.isfinite(high):
        return None, "none: the teacher gets almost nothing right"
    return (low, high), f"{level:.0%} interval of a ratio of two paired shares (Bonet & Price)"


def _no_share(student: float | None, teacher: float | None, why: str, claim: Claim, level: float) -> Kept:
    return Kept(student=student, teacher=teacher, share=None, low=None, high=None, level=level, kind=why, claim=claim)


def _notes(found: Retention) -> list[str]:
    notes = [f"Kept is the score of {found.student} in percent of that of {found.teacher}, on the same examples."]
    claims = {task.kept.claim for task in found.tasks}
    if "checkpoints" in claims:
        notes.append(
            f"The claims are about these checkpoints only: one about models needs {SEEDS_FOR_METHODS} seeds of each "
            "on every task."
        )
    notes += [
        f"{task.label}: {task.kept.kind}."
        for task in found.tasks
        if task.kept.low is None and task.kept.kind.startswith("none")
    ]
    notes += [f"Average {name}: {kept.kind}." for name, kept in found.averages.items() if kept.share is None]
    bins = {task.agreement.bins for task in found.tasks if task.agreement.student_ece is not None}
    notes += [f"ECE: expected calibration error over {n} equal-width bins of confidence." for n in sorted(bins)]
    without = [task.label for task in found.tasks if task.agreement.student_ece is None]
    if without:
        notes.append(
            f"No ECE on {', '.join(without)}: answers in text, numbers and constant answers have no probabilities, and "
            "tags of words only where their logits were stored: run the suite again."
        )
    samples = [task.label for task in found.tasks if not task.complete]
    if samples:
        notes.append(f"A sample of the data, not the task itself, and in no average: {', '.join(samples)}.")
    return notes
