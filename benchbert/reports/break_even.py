"""When a distillation has paid for itself: what it cost, over what its student saves on the same machine.

A query is one sequence of the cell that both models were timed in. What was trained on one machine is never set against
what was timed on another. The teacher's own cost stands apart: it was spent before there was anything to distil.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchbert.reports.cells import LATENCY, Cell, cells_of, choose_cell
from benchbert.reports.estimate import Estimate, plain

if TYPE_CHECKING:
    import pandas as pd

    from benchbert.types import Result

__all__ = ["BreakEven", "break_evens"]

_MILLION = 1_000_000


@dataclass(frozen=True, kw_only=True)
class BreakEven:
    """One distilled student on the machine that made it."""

    student: str
    """Its name."""
    teacher: str
    """Its teacher's."""
    machine: str
    """Id of the machine."""
    training_s: float
    """Seconds of the distillation, their median over seeds."""
    teacher_s: float | None
    """Seconds of the teacher's pre-training, their median over seeds, which are not counted; None: it was there, or was
    made elsewhere."""
    cell: Cell | None
    """Conditions of both latencies; None: there are none."""
    saved_s: Estimate | None
    """Seconds saved per million queries; None: not measured. The interval takes the two latencies' ends against each
    other, so it is wide."""
    queries: Estimate | None
    """Queries after which the distillation is paid for; None: never, or not measured. An end that is missing is not
    finite."""
    reason: str
    """Why there are no queries; empty: there are."""


def break_evens(results: Iterable[Result], frame: pd.DataFrame, cell: Cell | None = None) -> tuple[BreakEven, ...]:
    """Every recipe of a distillation that was carried out well, one a student and machine.

    Args:
        results: of a folder.
        frame: its table.
        cell: the condition to take where both models were timed in it, the board's; else the one with the most models.
    """
    made = [r for r in results if r.status == "ok" and r.job.kind in {"pretrain", "distil"}]
    by_job = {(r.job.id, r.key.machine_id): r for r in made}
    cells = cells_of(frame, LATENCY)
    # Carried out with several seeds, a recipe is one row: its students cost and save the same but for noise.
    same: dict[tuple[str, str], list[Result]] = {}
    for result in made:
        if result.job.kind == "distil" and _training_s(result) is not None:
            same.setdefault((str(result.job.spec["revision"]), result.key.machine_id), []).append(result)
    rows = []
    for (_, machine), runs in same.items():
        wanted = [(run.job.inputs.get("teacher", ""), machine) for run in runs]
        above = [by_job[key] for key in wanted if key in by_job]
        names = _name(frame, runs[0]), _teacher_name(frame, runs[0], above)
        cost = _Cost(machine=machine, training_s=_median(runs) or 0.0, teacher_s=_median(above))
        here = {one: models for one, models in cells.items() if one.machine == machine}
        rows.append(_break_even(names, cost, here, cell, elsewhere=bool(cells)))
    return tuple(rows)


@dataclass(frozen=True, kw_only=True)
class _Cost:
    """What was spent, and where."""

    machine: str
    """Id of the machine."""
    training_s: float
    """Seconds of the distillation."""
    teacher_s: float | None
    """Seconds of the teacher's pre-training; None: not known."""


def _break_even(
    names: tuple[str, str],
    cost: _Cost,
    cells: Mapping[Cell, Mapping[str, Estimate]],
    wanted: Cell | None,
    *,
    elsewhere: bool,
) -> BreakEven:
    """Of a student and a teacher, in the cells of the machine; `elsewhere`: whether any machine has a latency."""
    student, teacher = names
    both = {one: models for one, models in cells.items() if student in models and teacher in models}
    cell = wanted if wanted in both else choose_cell(both)
    saved = queries = None
    if cell is not None:
        saved = _saved(both[cell][student], both[cell][teacher], max(1, cell.batch_size))
        queries = _queries(cost.training_s, saved)
    return BreakEven(
        student=student,
        teacher=teacher,
        machine=cost.machine,
        training_s=cost.training_s,
        teacher_s=cost.teacher_s,
        cell=cell,
        saved_s=saved,
        queries=queries,
        reason="" if queries else _why_not(names, cells, both.get(cell) if cell else None, elsewhere and not cells),
    )


def _saved(student: Estimate, teacher: Estimate, batch_size: int) -> Estimate:
    """Seconds per million queries, from latencies in ms of a batch."""
    scale = _MILLION / 1000 / batch_size

    def difference(one: float | None, other: float | None) -> float | None:
        return None if one is None or other is None else scale * (one - other)

    return Estimate(
        value=scale * (teacher.value - student.value),
        low=difference(teacher.low, student.high),
        high=difference(teacher.high, student.low),
        kind="ends of both latencies against each other",
        unit="s",
    )


def _queries(seconds: float, saved: Estimate) -> Estimate | None:
    """None: nothing is saved."""
    if saved.value <= 0:
        return None
    cost = seconds * _MILLION
    return Estimate(
        value=cost / saved.value,
        low=cost / saved.high if saved.high is not None else None,
        high=cost / saved.low if saved.low is not None and saved.low > 0 else None,
        kind=saved.kind,
        unit="queries",
    )


def _why_not(
    names: tuple[str, str],
    cells: Mapping[Cell, Mapping[str, Estimate]],
    both: Mapping[str, Estimate] | None,
    elsewhere: bool,
) -> str:
    student, teacher = names
    if both is not None:
        return (
            f"saves nothing here: {plain(both[student], interval=False)} ms, and its teacher takes "
            f"{plain(both[teacher], interval=False)} ms"
        )
    if elsewhere:
        return "the latencies are of another machine than the training"
    missing = [name for name in names if not any(name in models for models in cells.values())]
    if missing:
        return f"no latency of {' and '.join(missing)} on this machine (profile with latency)"
    return f"{student} and {teacher} were not timed under the same conditions"


def _median(runs: Sequence[Result]) -> float | None:
    """Of the training seconds; None: there are none."""
    seconds = [found for run in runs if (found := _training_s(run)) is not None]
    return statistics.median(seconds) if seconds else None


def _training_s(result: Result) -> float | None:
    return next((v.value for v in result.values if v.metric == "training_s" and v.value is not None), None)


def _name(frame: pd.DataFrame, result: Result) -> str:
    """The name that the suite gives to what a recipe made; the recipe's own where nothing was measured of it."""
    rows = frame[
        (frame["kind"] == "profile")
        & (frame["weights"] == "recipe")
        & (frame["revision"] == str(result.job.spec["revision"]))
    ]
    return str(rows["model"].iloc[0]) if len(rows) else str(result.job.spec["model"])


def _teacher_name(frame: pd.DataFrame, result: Result, above: Sequence[Result]) -> str:
    if above:
        return _name(frame, above[0])
    return str(result.job.spec.get("teacher") or "its teacher")
