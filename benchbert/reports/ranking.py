"""Macro and ranks: the two steps that turn a board of numbers into an order."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from benchbert.reports.board import BoardRow, Leaderboard
from benchbert.reports.columns import macro_columns
from benchbert.reports.estimate import Estimate
from benchbert.reports.macro import macro_of

__all__ = ["ranked", "with_macro"]

Variant = tuple[str, ...]
"""Model, revision, dtype, backend."""


def with_macro(
    board: Leaderboard, seeds: Mapping[tuple[Variant, str], Mapping[int, float]], variants: Sequence[Variant]
) -> Leaderboard:
    """The board with the macro of every model that has all its tasks."""
    counts = {c.label: sum(c.label in row.scores for row in board.rows) for c in board.columns}
    tasks = macro_columns(board.columns, counts)
    if len(tasks) < 2:
        return board
    labels = [column.label for same in tasks.values() for column in same]
    rows = []
    for row, variant in zip(board.rows, variants, strict=True):
        missing = tuple(label for label in labels if label not in row.scores)
        macro = None
        if not missing:
            macro = macro_of(
                [[(row.scores[c.label], seeds[variant, c.label]) for c in same] for same in tasks.values()]
            )
        rows.append(replace(row, macro=macro, missing=missing if row.scores else ()))
    return replace(board, rows=tuple(rows), macro_name=f"macro over {len(tasks)} tasks", macro_tasks=tuple(tasks))


def ranked(board: Leaderboard) -> Leaderboard:
    """The board with overall and per-column ranks, ranked models first."""
    ranked_by = board.macro_name or (board.columns[0].label if len(board.columns) == 1 else "")
    board = replace(board, ranked_by=ranked_by)
    higher = bool(board.macro_name) or not board.columns or board.columns[0].direction != "lower"
    overall = {r.label: e for r in board.rows if not r.unranked and (e := board.ranking_score(r)) is not None}
    ranks = _ranks(overall, higher=higher)
    of_task: dict[str, dict[str, int]] = {row.label: {} for row in board.rows}
    for column in board.columns:
        scores = {r.label: r.scores[column.label] for r in board.rows if not r.unranked and column.label in r.scores}
        for label, rank in _ranks(scores, higher=column.direction != "lower").items():
            of_task[label][column.label] = rank
    rows = []
    for row in board.rows:
        reason = row.unranked
        if not reason and row.label not in ranks:
            reason = _no_rank(row, board)
        rows.append(replace(row, rank=ranks.get(row.label), unranked=reason, task_ranks=of_task[row.label]))

    def order(row: BoardRow) -> tuple[Any, ...]:
        score = board.ranking_score(row)
        value = 0.0 if score is None else -score.value if higher else score.value
        return row.rank is None, row.rank or 0, score is None, value, row.label

    return replace(board, rows=tuple(sorted(rows, key=order)))


def _no_rank(row: BoardRow, board: Leaderboard) -> str:
    """Why a model that could be ranked is not."""
    if row.missing:
        return f"no score on {', '.join(row.missing)}"
    return (
        "no score" if not row.scores else "no overall rank" if not board.ranked_by else f"no score on {board.ranked_by}"
    )


def _ranks(scores: Mapping[str, Estimate], *, higher: bool) -> dict[str, int]:
    """Name -> 1 + number of names that are surely better: their interval lies wholly on the better side."""
    if higher:
        lows = sorted(e.low for e in scores.values() if e.low is not None)
        return {n: 1 if e.high is None else 1 + len(lows) - bisect_right(lows, e.high) for n, e in scores.items()}
    highs = sorted(e.high for e in scores.values() if e.high is not None)
    return {n: 1 if e.low is None else 1 + bisect_left(highs, e.low) for n, e in scores.items()}
