"""From the results table to a leaderboard: ranks with ties, a named macro, one cost cell, and who has no rank and why.

Rank = 1 + number of ranked models whose interval lies wholly above. Overlapping intervals are a tie; a paired test on
the same examples can separate more. Ties are not transitive. Random weights, under-trained models and models with a
missing task are shown, with the reason, and have no rank.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from benchbert.reports.board import BoardRow, Leaderboard, ScoreColumn
from benchbert.reports.cells import (
    DEVICE_MEMORY,
    HOST_MEMORY,
    LATENCY,
    PARAMETERS,
    Cell,
    cells_of,
    choose_cell,
    facts_of,
)
from benchbert.reports.columns import key_of, score_columns
from benchbert.reports.estimate import Estimate
from benchbert.reports.ranking import Variant, ranked, with_macro
from benchbert.reports.terminal import render_terminal
from benchbert.statistics.seeds import T_OVER_SEEDS, VARIANT, summarise

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["leaderboard", "render_terminal"]


@dataclass(frozen=True, kw_only=True)
class _Costs:
    """One cost of the models, in the cell that most of them have."""

    metric: str
    """Name of the number; empty: not measured."""
    cell: Cell | None
    """The chosen cell; None: not measured."""
    of_model: Mapping[str, Estimate]
    """Model -> its number in that cell."""

    def of(self, variant: Variant, *, alone: bool) -> Estimate | None:
        """The cost that may stand beside this variant's score: never another backend's or precision's of several."""
        if self.cell is None or not (alone or variant[2:] == (self.cell.dtype, self.cell.backend)):
            return None
        return self.of_model.get(variant[0])


def leaderboard(frame: pd.DataFrame) -> Leaderboard:
    """The leaderboard of a results table, as `benchbert.load_results` gives it."""
    # What a recipe made on the way to a model (a teacher that the suite does not compare) is no competitor.
    frame = frame[~frame["kind"].isin(["pretrain", "distil"])]
    summary = summarise(frame)
    columns = score_columns(summary)
    rows = [row for row in summary.itertuples() if key_of(row) in columns]
    variants = _variants(frame, rows)
    latency = _costs(frame, LATENCY, {variant[2] for variant in variants})
    memory = _memory(frame, latency.cell)
    scored: dict[Variant, dict[str, Any]] = {variant: {} for variant in variants}
    for row in rows:
        scored[_variant(row)][columns[key_of(row)].label] = row
    own = {str(model): rows for model, rows in frame.groupby("model", sort=False)}
    board_rows = [
        _row(
            own=own[variant[0]],
            variant=variant,
            scored=scored[variant],
            variants=variants,
            latency=latency,
            memory=memory,
            columns=list(columns.values()),
        )
        for variant in variants
    ]
    board = Leaderboard(
        rows=tuple(board_rows),
        columns=tuple(columns.values()),
        latency_cell=latency.cell,
        memory_metric=memory.metric,
        memory_cell=memory.cell,
    )
    board = with_macro(board, _seed_scores(frame, columns), variants)
    board = ranked(board)
    return replace(board, notes=tuple(_notes(board, {variant[2] for variant in scored if scored[variant]})))


# --- rows -----------------------------------------------------------------------------------------------------------


def _variant(row: Any) -> Variant:
    return tuple(str(getattr(row, name)) for name in VARIANT)


def _variants(frame: pd.DataFrame, scored: Iterable[Any]) -> list[Variant]:
    """Every scored variant, then every model that has no score at all, in the order of the results."""
    found = list(dict.fromkeys(_variant(row) for row in scored))
    known = {variant[0] for variant in found}
    rest = frame[(frame["model"] != "") & ~frame["model"].isin(known)]
    unscored: dict[str, Variant] = {}
    for row in rest.itertuples():
        unscored.setdefault(str(row.model), _variant(row))
    return found + list(unscored.values())


def _costs(frame: pd.DataFrame, metric: str, dtypes: Iterable[str]) -> _Costs:
    cells = cells_of(frame, metric)
    cell = choose_cell(cells, tuple(dtypes))
    return _Costs(metric=metric if cell else "", cell=cell, of_model=cells[cell] if cell else {})


def _memory(frame: pd.DataFrame, beside: Cell | None) -> _Costs:
    """Memory on the device whose latency is shown: the device's own where it has one, else the process's."""
    dtypes = {beside.dtype} if beside else set()
    same = frame[frame["device"] == beside.device] if beside else frame
    found = [_costs(rows, metric, dtypes) for rows in (same, frame) for metric in (DEVICE_MEMORY, HOST_MEMORY)]
    return next((costs for costs in found if costs.cell), found[0])


def _row(
    *,
    own: pd.DataFrame,
    variant: Variant,
    scored: Mapping[str, Any],
    variants: Sequence[Variant],
    latency: _Costs,
    memory: _Costs,
    columns: Sequence[ScoreColumn],
) -> BoardRow:
    """One model with its scores and costs, not yet ranked."""
    model = variant[0]
    namesakes = [other for other in variants if other[0] == model]
    scores = {label: estimate for label, row in scored.items() if (estimate := _score(row)) is not None}
    alone = len(namesakes) == 1
    return BoardRow(
        label=_label(variant, namesakes),
        model=model,
        family=next((str(f) for f in own["family"] if f), ""),
        weights=_weights(own, scored.values()),
        parameters=facts_of(own, PARAMETERS).get(model),
        scores=scores,
        absent={c.label: _absence(own, c, scored.get(c.label)) for c in columns if c.label not in scores},
        macro=None,
        missing=(),
        rank=None,
        unranked=_barred(own, scored.values(), scores),
        task_ranks={},
        latency=latency.of(variant, alone=alone),
        memory=memory.of(variant, alone=alone),
    )


def _label(variant: Variant, namesakes: Sequence[Variant]) -> str:
    """The model's name, with what tells it from its other variants."""
    parts = [variant[i][:8] if i == 1 else variant[i] for i in (1, 2, 3) if len({v[i] for v in namesakes}) > 1]
    return f"{variant[0]} ({', '.join(part or 'unknown' for part in parts)})" if parts else variant[0]


def _weights(own: pd.DataFrame, scored: Iterable[Any]) -> str:
    """Where the scored weights came from, else those of any of its jobs."""
    found = {str(row.weights) for row in scored} or {str(w) for w in own["weights"] if w}
    return found.pop() if len(found) == 1 else "mixed" if found else ""


def _score(row: Any) -> Estimate | None:
    """A row of the summary as an estimate; None: undefined."""
    import pandas as pd

    if pd.isna(row.mean):
        return None
    low, high, level = (None if pd.isna(x) else float(x) for x in (row.ci_low, row.ci_high, row.ci_level))
    return Estimate(
        value=float(row.mean),
        low=low,
        high=high,
        kind=str(row.ci_kind),
        level=level,
        unit=str(row.unit),
        seeds=int(row.seeds),
        examples=int(row.examples),
    )


def _absence(own: pd.DataFrame, column: ScoreColumn, row: Any) -> str:
    """Why a model has no score in a column."""
    if row is not None:
        return f"undefined for {row.undefined} of {row.seeds} seeds"
    failed = own[(own["task"] == column.task) & (own["status"] != "ok")]
    if len(failed):
        return f"{failed['status'].iloc[-1]}: {failed['error'].iloc[-1]}"
    return "scored on other data only" if (own["task"] == column.task).any() else "not scored"


def _barred(own: pd.DataFrame, scored: Iterable[Any], scores: Mapping[str, Estimate]) -> str:
    """Why a model may not be ranked whatever its scores; empty: it may."""
    if any(row.weights == "random" for row in scored):
        return "random weights: a control, never ranked"
    reason = next((str(text) for text in own["under_trained"] if text), "")
    if reason:
        return f"under-trained: {reason}"
    if not scores:
        only_random = {str(w) for w in own["weights"] if w} == {"random"}
        return "random weights, profiled only" if only_random else "no score"
    return ""


def _seed_scores(
    frame: pd.DataFrame, columns: Mapping[Any, ScoreColumn]
) -> dict[tuple[Variant, str], dict[int, float]]:
    """(variant, column label) -> seed -> score."""
    found: dict[tuple[Variant, str], dict[int, float]] = {}
    rows = frame[(frame["kind"] == "predict") & (frame["status"] == "ok") & frame["value"].notna()]
    row: Any
    for row in rows.itertuples():
        column = columns.get(key_of(row))
        if column is not None:
            found.setdefault((_variant(row), column.label), {})[int(row.seed)] = float(row.value)
    return found


# --- notes ----------------------------------------------------------------------------------------------------------


def _notes(board: Leaderboard, dtypes: set[str]) -> Iterable[str]:
    """What a reader of the table must know."""
    kinds = {e.kind for row in board.rows for e in row.scores.values() if e.has_interval}
    if board.columns:
        yield "Scores are times 100, in brackets their intervals" + (
            f" ({'; '.join(sorted(kinds))})." if kinds else "."
        )
    if T_OVER_SEEDS in kinds:
        yield f"{T_OVER_SEEDS}: where another seed would fall on the same examples; other examples are not in it."
    if board.ranked:
        yield (
            f"Rank by {board.ranked_by}: 1 + number of ranked models whose interval lies wholly above. Models with "
            "overlapping intervals are tied: these results do not tell which is better."
        )
    if board.macro_name:
        yield (
            f"{board.macro_name}: plain mean of the main metrics of {', '.join(board.macro_tasks)} (several splits of "
            "a task averaged first). A model with a missing task has no macro."
        )
    samples = [column.label for column in board.columns if column.is_sample]
    if samples:
        yield f"Sample, not comparable with published scores and not averaged: {', '.join(samples)}."
    memory = "Peak memory of the device" if board.memory_metric == DEVICE_MEMORY else "Peak memory of the process"
    for name, cell in (("Latency", board.latency_cell), (memory, board.memory_cell)):
        if cell:
            yield f"{name}: {cell.conditions}, on {cell.machine}."
    if board.latency_cell and dtypes - {board.latency_cell.dtype}:
        yield f"Scores were computed in {', '.join(sorted(dtypes))}, latency in {board.latency_cell.dtype}."
