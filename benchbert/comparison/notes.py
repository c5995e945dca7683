"""What a reader of a comparison must know: what its claims are about, and what few examples keep from being said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchbert.comparison.judged import EXCHANGED, TOO_FEW
from benchbert.statistics.exchange import least_differing
from benchbert.statistics.sides import SEEDS_FOR_METHODS

if TYPE_CHECKING:
    from benchbert.comparison.compare import Comparison

__all__ = ["comparison_notes"]


def comparison_notes(comparison: Comparison) -> tuple[str, ...]:
    """Sentences for below the table."""
    ours, theirs = comparison.models
    scale = "" if comparison.tasks and all(task.unit for task in comparison.tasks) else "Scores are times 100; the "
    notes = [f"{scale or 'The '}difference is {ours} minus {theirs}, on the same examples."]
    notes += [
        f"{task.metric} on {task.label} is in {task.unit}, not times 100, and so is its margin"
        + ("; lower is better." if task.direction == "lower" else ".")
        for task in comparison.tasks
        if task.unit
    ]
    for claim, about in (
        ("checkpoints", f"only these checkpoints: a claim about models needs {SEEDS_FOR_METHODS} seeds of each"),
        ("models", "the models: other seeds and other such examples"),
    ):
        labels = [task.label for task in comparison.tasks if task.claim == claim]
        if labels:
            notes.append(f"The claim on {', '.join(labels)} is about {about}.")
    notes += [f"Interval of {task.label}: {task.interval_kind}." for task in comparison.tasks if task.low is None]
    notes += _few_notes(comparison)
    tested = sum(task.p is not None for task in comparison.tasks)
    notes.append(
        f"p-values are two-sided, adjusted by Holm over {tested} test{'' if tested == 1 else 's'}; a difference is "
        f"called below {1 - comparison.level:.2g}. Intervals have {comparison.level:.0%} confidence each, unadjusted."
    )
    samples = [task.label for task in comparison.tasks if not task.complete]
    if samples:
        notes.append(f"A sample of the data, not the task itself: {', '.join(samples)}.")
    notes += [f"Left out: {label} ({why})." for label, why in comparison.left_out.items()]
    return tuple(notes)


def _few_notes(comparison: Comparison) -> list[str]:
    """What few examples keep from being said."""
    least = least_differing(comparison.level)
    notes = [
        f"{task.label}: {TOO_FEW}. Of {task.examples}, even all won would be no sign of a difference: it takes {least}."
        for task in comparison.tasks
        if task.verdict == "too few examples to tell"
    ]
    exchanged = [task.label for task in comparison.tasks if EXCHANGED in task.test]
    if exchanged:
        notes.append(
            f"On {', '.join(exchanged)} few examples speak: the p-value is of the exchange test, which is exact there, "
            "where a bootstrap would call too many differences real. Its interval is rougher: the p-value decides."
        )
    notes += [
        f"Not worse on {task.label}: {found.method}."
        for task in comparison.tasks
        if (found := task.non_inferiority) and found.p is None
    ]
    return notes
