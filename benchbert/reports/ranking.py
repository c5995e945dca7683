"""Macro and ranks: the two steps that turn a board of numbers into an order."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from benchbert.reports.baseline import unfit_reasons
from benchbert.reports.board import BoardRow, Leaderboard
from benchbert.reports.columns import macro_columns
from benchbert.reports.comparisons import untrained_reasons
from benchbert.reports.estimate import Estimate
from benchbert.reports.macro import Seeds, mean_over

__all__ = ["ranked", "with_macro"]


def with_macro(board: Leaderboard, seeds: Seeds) -> Leaderboard:
    """The board with the macro of every model that has all its tasks, and the name of what ranks."""
    counts = {c.label: sum(c.label in row.scores for row in board.rows) for c in board.columns}
    tasks = macro_columns(board.columns, counts)
    if len(tasks) < 2:
        return replace(board, ranked_by=board.columns[0].label if len(board.columns) == 1 else "")
    parts = tuple(tuple(column.label for column in same) for same in tasks.values())
    rows = []
    for row in board.rows:
        missing = tuple(label for labels in parts for label in labels if label not in row.scores)
        rows.append(replace(row, macro=mean_over(row, parts, seeds), missing=missing if row.scores else ()))
    name = f"macro over {len(tasks)} tasks"
    return replace(
        board, rows=tuple(rows), macro_name=name, ranked_by=name, macro_tasks=tuple(tasks), macro_columns=parts
    )


def ranked(board: Leaderboard) -> Leaderboard:
    """The board with overall and per-column ranks: ranked models first, then the others, controls and baselines last.

    A model that does not beat a baseline, or itself from random weights, has no rank. In a column those are ranked that
    have an overall rank, and those that miss only a score for one, where they beat the baselines of that column.
    """
    higher = board.higher_is_better
    unfit = untrained_reasons(board) | unfit_reasons(board)
    rows = [replace(row, unranked=row.unranked or unfit.get(row.label, "")) for row in board.rows]
    overall = {r.label: e for r in rows if not r.unranked and (e := board.ranking_score(r)) is not None}
    ranks = _ranks(overall, higher=higher)
    below = {(check.model, label) for check in board.baseline_checks for label in check.not_above}
    of_task: dict[str, dict[str, int]] = {row.label: {} for row in rows}
    for column in board.columns:
        scores = {
            row.label: row.scores[column.label]
            for row in rows
            if column.label in row.scores
            and not row.unranked
            and (row.label in ranks or (row.label, column.label) not in below)
        }
        for label, rank in _ranks(scores, higher=column.direction != "lower").items():
            of_task[label][column.label] = rank
    finished = [
        replace(
            row,
            rank=ranks.get(row.label),
            unranked=row.unranked or ("" if row.label in ranks else _no_rank(row, board)),
            task_ranks=of_task[row.label],
        )
        for row in rows
    ]

    def order(row: BoardRow) -> tuple[Any, ...]:
        score = board.ranking_score(row)
        value = 0.0 if score is None else -score.value if higher else score.value
        return row.rank is None, row.rank or 0, row.is_baseline, row.is_control, score is None, value, row.label

    best_first = tuple(sorted(finished, key=order))
    places = {row.label: place for place, row in enumerate(best_first)}
    checks = tuple(sorted(board.baseline_checks, key=lambda check: places[check.model]))
    controls = tuple(sorted(board.controls, key=lambda pair: (places[pair.model], places[pair.control])))
    return replace(board, rows=best_first, baseline_checks=checks, controls=controls)


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
