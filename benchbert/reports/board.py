"""The leaderboard as data: what every table, chart and page of a report is drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchbert.reports.cells import Cell
from benchbert.reports.estimate import Estimate

__all__ = ["BoardRow", "Leaderboard", "ScoreColumn"]


@dataclass(frozen=True, kw_only=True)
class ScoreColumn:
    """One column of comparable scores: task, data, split and metric agree for everything in it."""

    label: str
    """Heading, unique on the board: the task, and what tells it from its namesakes."""
    task: str
    """Name of the task."""
    task_version: int
    """Version of the task's code."""
    dataset_fingerprint: str
    """Digest of the data."""
    split: str
    """Split that was scored."""
    convention: str
    """Which definition of the metric was followed."""
    metric: str
    """The task's main metric."""
    direction: str
    """Which way is better: `higher` or `lower`."""
    unit: str
    """Unit; empty: a score in 0..1 or -1..1."""
    complete: bool | None
    """Whether the split had its official number of rows; False: a sample. None: does not apply."""

    @property
    def is_sample(self) -> bool:
        """Whether its scores must not be compared with published ones, nor averaged."""
        return self.complete is False


@dataclass(frozen=True, kw_only=True)
class BoardRow:
    """One model on the board."""

    label: str
    """Name, unique on the board."""
    model: str
    """Name of the model in the suite."""
    family: str
    """Architecture family."""
    weights: str
    """Where its weights came from: `published`, `folder`, `recipe`, `random`, `mixed`; empty: not known."""
    parameters: float | None
    """Stored parameters; None: not measured."""
    scores: Mapping[str, Estimate]
    """Column label -> score; a column without a score is absent."""
    absent: Mapping[str, str]
    """Column label -> why the model has no score there."""
    macro: Estimate | None
    """Mean over the board's macro tasks; None: a task is missing, or there is no macro."""
    missing: tuple[str, ...]
    """Labels of the columns that keep it from having a macro."""
    rank: int | None
    """1 + number of ranked models that are surely better; None: not ranked."""
    unranked: str
    """Why it has no rank; empty: it has one."""
    task_ranks: Mapping[str, int]
    """Column label -> rank in that column, among the models that can be ranked."""
    latency: Estimate | None
    """Latency in the board's latency cell, ms."""
    memory: Estimate | None
    """Peak memory in the board's memory cell, MiB."""

    @property
    def is_control(self) -> bool:
        """Whether its weights are random: a reference to look at, never a competitor."""
        return self.weights == "random"


@dataclass(frozen=True, kw_only=True)
class Leaderboard:
    """Models, best first, with everything needed to read their numbers."""

    rows: tuple[BoardRow, ...]
    """Ranked models first, then the others."""
    columns: tuple[ScoreColumn, ...]
    """Score columns, in the order of the results."""
    macro_name: str = ""
    """`macro over N tasks`; empty: no macro (fewer than two complete tasks)."""
    macro_tasks: tuple[str, ...] = ()
    """The tasks in the macro."""
    ranked_by: str = ""
    """What the rank is of: the macro's name, or the only column's label; empty: no overall rank."""
    latency_cell: Cell | None = None
    """The conditions of the latency column; None: no latency."""
    memory_metric: str = ""
    """What the memory column holds: the peak of the process, or of the device; empty: nothing."""
    memory_cell: Cell | None = None
    """The conditions of the memory column; None: no memory."""
    notes: tuple[str, ...] = field(default_factory=tuple)
    """Sentences that a reader of the table must know: what ties mean, what the numbers are of."""

    @property
    def ranked(self) -> tuple[BoardRow, ...]:
        """The rows that have a rank."""
        return tuple(row for row in self.rows if row.rank is not None)

    @property
    def unranked(self) -> tuple[BoardRow, ...]:
        """The rows that have none."""
        return tuple(row for row in self.rows if row.rank is None)

    @property
    def leaders(self) -> tuple[BoardRow, ...]:
        """The rows that share the first rank, best first."""
        return tuple(row for row in self.ranked if row.rank == 1)

    def ranking_score(self, row: BoardRow) -> Estimate | None:
        """The number that ranks this row, None where it has none."""
        return row.macro if self.macro_name else row.scores.get(self.ranked_by)

    def best(self, column: ScoreColumn) -> frozenset[str]:
        """Labels of the rows with the first rank in a column."""
        return frozenset(row.label for row in self.rows if row.task_ranks.get(column.label) == 1)
