"""What other backends and dtypes bring a model and cost it: speed-up beside error, flips and score change."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from benchbert.reports.cells import LATENCY, Cell, cells_of
from benchbert.reports.estimate import Estimate

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BackendRow", "TaskChange", "backend_rows"]

_REFERENCE = ("float32", "eager")


@dataclass(frozen=True, kw_only=True)
class TaskChange:
    """What one backend and dtype changes on one split of a task, over all seeds."""

    task: str
    """Name of the task, with its split where it is not the validation split."""
    flips: float | None
    """Share of the examples whose prediction differs from float32 eager's; None: it has no labels."""
    score: float | None
    """Mean change of the main metric; None: undefined or unlabelled."""
    metric: str
    """Name of the main metric; empty: no score."""


@dataclass(frozen=True, kw_only=True)
class BackendRow:
    """One model on one backend in one dtype."""

    model: str
    """Name of the model."""
    cell: Cell
    """What was timed."""
    latency: Estimate
    """Its latency, ms."""
    speed_up: Estimate | None
    """How many times faster than float32 eager in the same shape, on the same machine; None: that was not timed."""
    max_error: float | None
    """Largest error on the probe, as a share of float32 eager's outputs; None: it is the reference, or unchecked."""
    changes: tuple[TaskChange, ...]
    """By task; empty: its heads were not scored on it."""


def backend_rows(frame: pd.DataFrame) -> tuple[BackendRow, ...]:
    """Every model that was timed in more than one way at one shape, the float32 eager row first.

    Args:
        frame: the results table.
    """
    cells = cells_of(frame, LATENCY)
    errors = cells_of(frame, "max_error")
    rows = []
    for cell, models in sorted(cells.items()):
        same = {other for other in cells if replace(other, dtype=cell.dtype, backend=cell.backend) == cell}
        for model, latency in models.items():
            if sum(model in cells[other] for other in same) < 2:
                continue
            base = cells.get(replace(cell, dtype=_REFERENCE[0], backend=_REFERENCE[1]), {}).get(model)
            error = errors.get(cell, {}).get(model)
            rows.append(
                BackendRow(
                    model=model,
                    cell=cell,
                    latency=latency,
                    speed_up=_ratio(base, latency) if base else None,
                    max_error=error.value if error else None,
                    changes=_changes(frame, model, cell),
                )
            )
    return tuple(sorted(rows, key=_order))


def _order(row: BackendRow) -> tuple[str, Cell, bool, float]:
    shape = replace(row.cell, dtype="", backend="")
    return row.model, shape, (row.cell.dtype, row.cell.backend) != _REFERENCE, row.latency.value


def _ratio(base: Estimate, latency: Estimate) -> Estimate:
    """Base / latency; its interval from the far ends of both, which is wider than their joint one."""
    value = base.value / latency.value
    if base.low is None or base.high is None or latency.low is None or latency.high is None:
        return Estimate(value=value, kind="no interval", unit="x")
    low, high = base.low / latency.high, base.high / latency.low
    return Estimate(value=value, low=low, high=high, kind="from the far ends of two intervals", unit="x")


def _changes(frame: pd.DataFrame, model: str, cell: Cell) -> tuple[TaskChange, ...]:
    """Flips and score change of a model's heads on the backend and dtype of a cell."""
    of_kind = (frame["kind"] == "predict") & frame["metric"].isin(["label_flips", "score_change"])
    own = (frame["model"] == model) & (frame["dtype"] == cell.dtype) & (frame["backend"] == cell.backend)
    rows = frame[of_kind & own]
    found = []
    for (task, split), group in rows.groupby(["task", "split"], sort=False):
        flips = group[(group["metric"] == "label_flips") & group["value"].notna()]
        scores = group[(group["metric"] == "score_change") & group["value"].notna()]
        found.append(
            TaskChange(
                task=str(task) if split == "validation" else f"{task} {split}",
                flips=float(flips["value"].sum()) / float(flips["n"].sum()) if len(flips) else None,
                score=float(scores["value"].mean()) if len(scores) else None,
                metric=str(scores["convention"].iloc[0]).partition(" ")[0] if len(scores) else "",
            )
        )
    return tuple(found)
