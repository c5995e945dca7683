"""The leaderboard as data: what every table, chart and page of a report is drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchbert.reports.cells import Cell
from benchbert.reports.estimate import MISSING, Estimate
from benchbert.reports.named_averages import NamedAverage
from benchbert.statistics.differences import Difference

__all__ = [
    "BaselineCheck",
    "BoardRow",
    "Comparison",
    "Leaderboard",
    "RankedPair",
    "Ranking",
    "ScoreColumn",
    "Variant",
]

Variant = tuple[str, ...]
"""Model, revision, dtype, backend."""


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
    protocol: str
    """Version of the way of predicting."""
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
    variant: Variant
    """Model, revision, dtype and backend of its scores."""
    family: str
    """Architecture family."""
    weights: str
    """Where its weights came from: `published`, `folder`, `recipe`, `random`, `mixed`; `constant`: it has none and
    gives one answer a task; empty: not known."""
    control_of: str
    """Name of the model that this one is a control of; empty: of none."""
    under_trained: str
    """Why it is not trained enough to be ranked; empty: it is, or nothing is known."""
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
    """1 + number of ranked models that are significantly better; on a board with too many models for pairs the lower
    end of the rank's interval. None: not ranked."""
    unranked: str
    """Why it has no rank; empty: it has one."""
    task_ranks: Mapping[str, int]
    """Column label -> rank in that column, among the models that can be ranked."""
    rank_high: int | None = None
    """Upper end of the rank's interval; None: the rank is one number."""
    latency: Estimate | None
    """Latency in the board's latency cell, ms."""
    memory: Estimate | None
    """Peak memory in the board's memory cell, MiB."""
    computed_in: tuple[str, ...] = ()
    """Dtypes that its scores were computed in: where the check of a model against float32 did not allow the dtype of
    the job, float32. Empty: it has no scores."""

    @property
    def is_control(self) -> bool:
        """Whether it is a control of a model, or has random weights: a reference to look at, never a competitor."""
        return bool(self.control_of) or self.weights == "random"

    @property
    def is_baseline(self) -> bool:
        """Whether it gives one constant answer a task: what every model must beat."""
        return self.weights == "constant"

    @property
    def is_competitor(self) -> bool:
        """Whether it is neither a control nor a baseline."""
        return not (self.is_control or self.is_baseline)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A model minus one of its controls."""

    model: str
    """Label of the model's row."""
    control: str
    """Label of the control's row."""
    columns: Mapping[str, Difference]
    """Column label -> difference; a column in which one of the two has no score is absent."""
    macro: Difference | None
    """Difference of the macros; None: one of the two has none."""


@dataclass(frozen=True, kw_only=True)
class RankedPair:
    """Two models that can be ranked, on what ranks the board."""

    model: str
    """Label of the one whose score is the better."""
    other: str
    """Label of the other."""
    difference: Difference | None
    """The first minus the second, judged by their predictions; None: their intervals decide."""
    is_better: bool
    """Whether the first is significantly better; False: they are not told apart."""


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """How a rank was found, on what ranks the board or in a column."""

    pairs: int
    """Pairs of models that were judged by their stored predictions, Holm-adjusted as one family."""
    by_interval: int
    """Pairs whose predictions cannot be compared: there a model is better where its interval lies wholly beyond."""
    claims: tuple[str, ...]
    """What the judged pairs are about: `checkpoints`, `models`, or both."""
    is_bootstrapped: bool = False
    """Whether there were too many models for pairs, and every resample ranked all of them."""

    @property
    def by_predictions(self) -> bool:
        """Whether any stored predictions decided."""
        return self.is_bootstrapped or self.pairs > 0


@dataclass(frozen=True, kw_only=True)
class BaselineCheck:
    """A model beside a baseline that gives one constant answer a task."""

    model: str
    """Label of the model's row."""
    baseline: str
    """Label of the baseline's row."""
    over: str
    """What both are compared on: the macro's name, a mean over fewer tasks, a column; empty: on nothing."""
    left_out: tuple[str, ...]
    """Macro tasks that are not in it, because the baseline has no score there."""
    score: Estimate | None
    """The model's number; None: it has none, or there is nothing to compare on."""
    bar: Estimate | None
    """The baseline's number."""
    difference: Difference | None
    """The model minus the baseline, judged by their predictions; None: their intervals decide."""
    beats: bool | None
    """Whether the model is significantly better or, without predictions, its interval lies wholly on the better side of
    the baseline's; None: not compared."""
    above: tuple[str, ...]
    """Labels of the columns on which it does."""
    not_above: tuple[str, ...]
    """Labels of the columns on which it does not."""
    uncompared: tuple[str, ...]
    """Labels of the columns in which one of the two has no score."""


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
    macro_columns: tuple[tuple[str, ...], ...] = ()
    """For each of them the labels of its columns (its splits)."""
    ranked_by: str = ""
    """What the rank is of: the macro's name, or the only column's label; empty: no overall rank."""
    latency_cell: Cell | None = None
    """The conditions of the latency column; None: no latency."""
    memory_metric: str = ""
    """What the memory column holds: the peak of the process, or of the device; empty: nothing."""
    memory_cell: Cell | None = None
    """The conditions of the memory column; None: no memory."""
    controls: tuple[Comparison, ...] = ()
    """Every model with a control on the board, minus that control."""
    baseline_checks: tuple[BaselineCheck, ...] = ()
    """Every model with a score, beside every baseline."""
    ranking: Ranking | None = None
    """How the overall ranks were found; None: there are none."""
    column_rankings: Mapping[str, Ranking] = field(default_factory=dict)
    """Column label -> how the ranks in it were found."""
    ranked_pairs: tuple[RankedPair, ...] = ()
    """Every two ranked models; empty where there are too many for pairs."""
    resamples: int = 0
    """Resamples of each bootstrap of predictions; 0: none were compared."""
    unusable: tuple[str, ...] = ()
    """Why stored predictions could not be compared, a line each."""
    left_out: tuple[str, ...] = ()
    """Scores that are not on the board, because their heads were fine-tuned in another way than the last, a line a
    model."""
    averages: tuple[NamedAverage, ...] = ()
    """The four GLUE averages by name, where the board has the tasks; they rank nobody."""
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

    @property
    def higher_is_better(self) -> bool:
        """Which way the ranking score is better."""
        return not any(c.direction == "lower" for c in self.columns if c.label == self.ranked_by)

    @property
    def ties(self) -> tuple[tuple[BoardRow, ...], ...]:
        """The rows that share a rank, one group a rank."""
        groups: dict[tuple[int | None, int | None], list[BoardRow]] = {}
        for row in self.ranked:
            groups.setdefault((row.rank, row.rank_high), []).append(row)
        return tuple(tuple(group) for group in groups.values() if len(group) > 1)

    def rank_text(self, row: BoardRow) -> str:
        """The rank for people: `1`, `1=` where it is shared, `3–7` for an interval, a dash where there is none."""
        if row.rank is None:
            return MISSING
        if row.rank_high is not None:
            return str(row.rank) if row.rank == row.rank_high else f"{row.rank}–{row.rank_high}"
        return f"{row.rank}{'=' if sum(other.rank == row.rank for other in self.rows) > 1 else ''}"

    def is_tied(self, one: BoardRow, other: BoardRow) -> bool:
        """Whether two ranked models are not told apart, which ranks alone do not say."""
        if not self.ranked_pairs:
            return True
        both = {one.label, other.label}
        return not any(pair.is_better and {pair.model, pair.other} == both for pair in self.ranked_pairs)

    def row(self, label: str) -> BoardRow:
        """The row of that label, which is one of the board's."""
        return next(row for row in self.rows if row.label == label)

    def ranking_score(self, row: BoardRow) -> Estimate | None:
        """The number that ranks this row, None where it has none."""
        return row.macro if self.macro_name else row.scores.get(self.ranked_by)

    def best(self, column: ScoreColumn) -> frozenset[str]:
        """Labels of the rows with the first rank in a column."""
        return frozenset(row.label for row in self.rows if row.task_ranks.get(column.label) == 1)
