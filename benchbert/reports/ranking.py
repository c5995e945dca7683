"""Macro and ranks: the two steps that turn a board of numbers into an order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from benchbert.comparison.judge import Judge
from benchbert.reports.baseline import unfit_reasons
from benchbert.reports.board import BoardRow, Leaderboard
from benchbert.reports.columns import macro_columns
from benchbert.reports.comparisons import untrained_reasons
from benchbert.reports.judging import parts_of
from benchbert.reports.macro import Seeds, mean_over
from benchbert.reports.places import places_of

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


def ranked(board: Leaderboard, judge: Judge | None = None) -> Leaderboard:
    """The board with overall and per-column ranks: ranked models first, then the others, controls and baselines last.

    A model that does not beat a baseline, or itself from random weights, has no rank. In a column those are ranked that
    have an overall rank, and those that miss only a score for one, where they beat the baselines of that column.

    Args:
        board: with its macro, baselines and controls.
        judge: who compares stored predictions; None: intervals decide.
    """
    unfit = untrained_reasons(board) | unfit_reasons(board)
    rows = [replace(row, unranked=row.unranked or unfit.get(row.label, "")) for row in board.rows]
    able = [row for row in rows if not row.unranked and board.ranking_score(row) is not None]
    places = places_of(board, able, parts_of(board), judge, higher=board.higher_is_better)
    below = {(check.model, label) for check in board.baseline_checks for label in check.not_above}
    of_task: dict[str, dict[str, int]] = {row.label: {} for row in rows}
    column_rankings = {}
    for column in board.columns:
        scored = [
            row
            for row in rows
            if column.label in row.scores
            and not row.unranked
            and (row.label in places.ranks or (row.label, column.label) not in below)
        ]
        found = places_of(board, scored, ((column.label,),), judge, higher=column.direction != "lower")
        for label, rank in found.ranks.items():
            of_task[label][column.label] = rank
        if found.ranking:
            column_rankings[column.label] = found.ranking
    finished = [
        replace(
            row,
            rank=places.ranks.get(row.label),
            rank_high=places.highs.get(row.label),
            unranked=row.unranked or ("" if row.label in places.ranks else _no_rank(row, board)),
            task_ranks=of_task[row.label],
        )
        for row in rows
    ]
    board = replace(
        board, ranking=places.ranking, ranked_pairs=places.pairs, column_rankings=column_rankings, rows=tuple(finished)
    )
    return _best_first(board)


def _best_first(board: Leaderboard) -> Leaderboard:
    """The board with its rows in order, and what is of rows in the order of the rows."""

    def order(row: BoardRow) -> tuple[Any, ...]:
        score = board.ranking_score(row)
        value = 0.0 if score is None else -score.value if board.higher_is_better else score.value
        rank = (row.rank or 0, row.rank_high or 0)
        return row.rank is None, rank, row.is_baseline, row.is_control, score is None, value, row.label

    best_first = tuple(sorted(board.rows, key=order))
    places = {row.label: place for place, row in enumerate(best_first)}
    checks = tuple(sorted(board.baseline_checks, key=lambda check: places[check.model]))
    controls = tuple(sorted(board.controls, key=lambda pair: (places[pair.model], places[pair.control])))
    pairs = tuple(sorted(board.ranked_pairs, key=lambda pair: (places[pair.model], places[pair.other])))
    return replace(board, rows=best_first, baseline_checks=checks, controls=controls, ranked_pairs=pairs)


def _no_rank(row: BoardRow, board: Leaderboard) -> str:
    """Why a model that could be ranked is not."""
    if row.missing:
        return f"no score on {', '.join(row.missing)}"
    return (
        "no score" if not row.scores else "no overall rank" if not board.ranked_by else f"no score on {board.ranked_by}"
    )
