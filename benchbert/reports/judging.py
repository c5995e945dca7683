"""Pairs of models judged by their stored predictions, Holm-adjusted as one family; what cannot be is left to intervals.

The judge is `benchbert.comparison.judge`; without one, as for a table whose folder is not known, intervals decide all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from benchbert.comparison.contest import Contest
from benchbert.comparison.judge import Judge
from benchbert.comparison.judged import Judged
from benchbert.reports.board import BoardRow, Leaderboard, ScoreColumn
from benchbert.statistics.differences import NOT_TOLD_APART, Difference
from benchbert.statistics.holm import holm

__all__ = ["Parts", "family", "parts_of", "tasks_of"]

Parts = Sequence[Sequence[str]]
"""For each task the labels of its columns: what a mean is over; one label alone is a column."""

Pair = tuple[BoardRow, BoardRow]


def parts_of(board: Leaderboard) -> Parts:
    """What ranks the board: the macro's tasks, or the only column; empty: nothing does."""
    return board.macro_columns if board.macro_name else ((board.ranked_by,),) if board.ranked_by else ()


def tasks_of(board: Leaderboard, parts: Parts) -> list[list[Contest]]:
    """The same as contests."""
    columns = {column.label: _contest(column) for column in board.columns}
    return [[columns[label] for label in labels] for labels in parts]


def family(board: Leaderboard, pairs: Iterable[Pair], parts: Parts, judge: Judge | None) -> list[Difference | None]:
    """The first model of each pair minus the second, judged together; None: their predictions cannot be compared.

    Args:
        board: whose columns they are compared on.
        pairs: which of its rows.
        parts: on what; empty: on nothing.
        judge: who judges; None: nobody.
    """
    tasks = tasks_of(board, parts)
    found = [judge.pair(a.variant, b.variant, tasks) if judge and parts else None for a, b in pairs]
    p_values = {i: each.p for i, each in enumerate(found) if each is not None and each.p is not None}
    adjusted = dict(zip(p_values, holm(list(p_values.values())), strict=True))
    return [_difference(each, adjusted[i]) if each and i in adjusted else None for i, each in enumerate(found)]


def _difference(found: Judged, p: float) -> Difference:
    assert found.effect is not None, "a p-value is of a difference"
    difference = Difference(
        value=found.effect,
        low=found.low,
        high=found.high,
        kind=found.interval_kind.removeprefix(f"{found.level:.0%} "),
        level=None if found.low is None else found.level,
        seeds=found.seeds,
        verdict=NOT_TOLD_APART,
        p=p,
        claim=found.claim,
    )
    if p >= 1 - found.level or found.effect == 0:
        return difference
    return replace(difference, verdict="above" if found.effect > 0 else "below")


def _contest(column: ScoreColumn) -> Contest:
    return Contest(
        task=column.task,
        split=column.split,
        task_version=column.task_version,
        dataset_fingerprint=column.dataset_fingerprint,
        convention=column.convention,
        metric=column.metric,
    )
