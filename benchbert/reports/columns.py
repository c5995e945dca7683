"""Which scores stand in one column of the board, and which columns make the macro."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from benchbert.registry import entries
from benchbert.reports.board import ScoreColumn
from benchbert.statistics.seeds import COMPARABLE

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["key_of", "macro_columns", "score_columns"]

Key = tuple[Any, ...]


def key_of(row: Any) -> Key:
    """What makes scores comparable, from a row of `summarise` or of the results table."""
    return tuple(getattr(row, name) for name in COMPARABLE)


def score_columns(summary: pd.DataFrame) -> dict[Key, ScoreColumn]:
    """A column for each comparable set of main-metric scores: registered tasks in their order, then the others."""
    found: dict[Key, ScoreColumn] = {}
    places = {name: place for place, name in enumerate(entries("tasks"))}
    tasks = list(summary.groupby("task", sort=False))
    for task, rows in sorted(tasks, key=lambda pair: places.get(str(pair[0]), len(places))):
        main = _main_metric(str(task), [str(metric) for metric in rows["metric"]])
        same: dict[Key, ScoreColumn] = {}
        for row in rows[rows["metric"] == main].itertuples():
            same.setdefault(key_of(row), _column(row))
        found.update(zip(same, _labelled(list(same.values())), strict=True))
    return found


def macro_columns(columns: Sequence[ScoreColumn], counts: dict[str, int]) -> dict[str, list[ScoreColumn]]:
    """Task -> its columns in the macro: complete data, higher is better, one version of task and data.

    Where a task was scored on several versions of its data, the version that most models have counts.

    Args:
        columns: all columns of the board.
        counts: column label -> number of models with a score there.
    """
    by_task: dict[str, dict[Key, list[ScoreColumn]]] = {}
    for column in columns:
        if not column.is_sample and column.direction == "higher" and not column.unit:
            version = (column.task_version, column.dataset_fingerprint, column.convention, column.protocol)
            by_task.setdefault(column.task, {}).setdefault(version, []).append(column)
    return {
        task: max(versions.values(), key=lambda same: sum(counts[column.label] for column in same))
        for task, versions in by_task.items()
    }


def _main_metric(task: str, metrics: Sequence[str]) -> str:
    """The metric that ranks: the registered task's, or, for a task not registered here, the first one reported."""
    registered = entries("tasks").get(task)
    main = registered.main_metric if registered is not None else metrics[0]
    return main if main in metrics else metrics[0]


def _column(row: Any) -> ScoreColumn:
    import pandas as pd

    return ScoreColumn(
        label=row.task,
        task=row.task,
        task_version=int(row.task_version),
        dataset_fingerprint=row.dataset_fingerprint,
        split=row.split,
        convention=row.convention,
        protocol=row.protocol,
        metric=row.metric,
        direction=row.direction,
        unit=row.unit,
        complete=None if pd.isna(row.complete) else bool(row.complete),
    )


def _labelled(columns: list[ScoreColumn]) -> list[ScoreColumn]:
    """The columns of one task with labels that tell them apart by what differs between them."""
    if len(columns) < 2:
        return columns
    parts: dict[str, Callable[[ScoreColumn], str]] = {
        "split": lambda c: c.split,
        "task_version": lambda c: f"v{c.task_version}",
        "convention": lambda c: c.convention,
        "protocol": lambda c: c.protocol or "unknown protocol",
        "dataset_fingerprint": lambda c: f"data {c.dataset_fingerprint[:8] or 'unknown'}",
    }
    differing = [text for name, text in parts.items() if len({getattr(c, name) for c in columns}) > 1]
    return [replace(c, label=" ".join([c.task, *(text(c) for text in differing)])) for c in columns]
