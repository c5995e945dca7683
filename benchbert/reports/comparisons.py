"""Every model minus its controls: by column and on the macro, with intervals.

Where what both predicted is stored, they are judged by that, as ranks are; else by their seeds or intervals
(`benchbert.statistics.differences`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from benchbert.comparison.judge import Judge
from benchbert.reports.board import BoardRow, Comparison, Leaderboard
from benchbert.reports.estimate import Estimate
from benchbert.reports.judging import family
from benchbert.reports.macro import Seeds, seed_means
from benchbert.reports.wording import beyond
from benchbert.statistics.differences import Difference, difference
from benchbert.statistics.intervals import Interval

__all__ = ["overall", "untrained_reasons", "with_controls"]


def with_controls(board: Leaderboard, seeds: Seeds, judge: Judge | None = None) -> Leaderboard:
    """The board with every model that has a control on it, minus that control, in the order of the rows."""
    pairs = [(row, control) for row in board.rows for control in _controls_of(row, board)]
    columns: list[dict[str, Difference]] = [{} for _ in pairs]
    for column in board.columns:
        both = [i for i, pair in enumerate(pairs) if all(column.label in row.scores for row in pair)]
        judged = family(board, [pairs[i] for i in both], ((column.label,),), judge)
        for i, found in zip(both, judged, strict=True):
            columns[i][column.label] = found or _by_seeds(*pairs[i], column.label, seeds)
    macros: list[Difference | None] = [None for _ in pairs]
    both = [i for i, pair in enumerate(pairs) if all(row.macro is not None for row in pair)]
    for i, found in zip(both, family(board, [pairs[i] for i in both], board.macro_columns, judge), strict=True):
        macros[i] = found or _macro_by_seeds(*pairs[i], board, seeds)
    return replace(
        board,
        controls=tuple(
            Comparison(model=row.label, control=control.label, columns=columns[i], macro=macros[i])
            for i, (row, control) in enumerate(pairs)
        ),
    )


def overall(comparison: Comparison, board: Leaderboard) -> Difference | None:
    """The difference on what ranks the board; None: one of the two has no score there, or nothing ranks it."""
    return comparison.macro if board.macro_name else comparison.columns.get(board.ranked_by)


def untrained_reasons(board: Leaderboard) -> dict[str, str]:
    """Label -> why a model has no rank that is no better than itself from random weights."""
    reasons = {}
    better = "above" if board.higher_is_better else "below"
    for pair in board.controls:
        found = overall(pair, board)
        if found is not None and found.verdict != better and board.row(pair.control).weights == "random":
            reasons[pair.model] = (
                f"under-trained: on {board.ranked_by} it does not beat {pair.control}, the same model from random "
                f"weights, {beyond(found)}"
            )
    return reasons


def _controls_of(row: BoardRow, board: Leaderboard) -> Iterator[BoardRow]:
    """The scored controls of a row: of its own precision and backend where the control has those, else all."""
    if not row.scores:
        return
    controls = [c for c in board.rows if c.control_of == row.model and c.scores and c.label != row.label]
    for control in controls:
        like = [c for c in controls if c.model == control.model and c.variant[2:] == row.variant[2:]]
        if not like or control in like:
            yield control


def _by_seeds(row: BoardRow, control: BoardRow, label: str, seeds: Seeds) -> Difference:
    """The difference in one column where predictions cannot be compared."""
    return difference(
        _interval(row.scores[label]),
        _interval(control.scores[label]),
        seeds[row.variant, label],
        seeds[control.variant, label],
    )


def _macro_by_seeds(row: BoardRow, control: BoardRow, board: Leaderboard, seeds: Seeds) -> Difference | None:
    """The difference of the macros where predictions cannot be compared."""
    if row.macro is None or control.macro is None:
        return None
    ours, theirs = (
        seed_means([[seeds[each.variant, label] for label in labels] for labels in board.macro_columns])
        for each in (row, control)
    )
    return difference(_interval(row.macro), _interval(control.macro), ours, theirs)


def _interval(estimate: Estimate) -> Interval:
    """The same number as statistics know it, its seeds as `n`."""
    return Interval(
        estimate=estimate.value,
        low=estimate.low,
        high=estimate.high,
        level=estimate.level if estimate.has_interval else None,
        kind=estimate.kind,
        n=estimate.seeds,
    )
