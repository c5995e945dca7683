"""The rule that a ranked model beats the baseline: one constant answer a task, such as the most frequent label.

Its interval must lie wholly on the better side of the baseline's, on what ranks the board. Where a constant has no
score on a task (a correlation is undefined), both are compared on the mean over the other tasks.
"""

from __future__ import annotations

from dataclasses import replace

from benchbert.reports.board import BaselineCheck, BoardRow, Leaderboard
from benchbert.reports.estimate import Estimate, estimate_text
from benchbert.reports.macro import Seeds, mean_over
from benchbert.statistics.seeds import T_OVER_SEEDS

__all__ = ["beats", "unfit_reasons", "with_baselines"]


def with_baselines(board: Leaderboard, seeds: Seeds) -> Leaderboard:
    """The board with every scored model checked against every baseline; the macro must be there."""
    checks = tuple(
        _check(board, row, baseline, seeds)
        for row in board.rows
        if row.is_competitor and row.scores
        for baseline in board.rows
        if baseline.is_baseline
    )
    return replace(board, baseline_checks=checks)


def unfit_reasons(board: Leaderboard) -> dict[str, str]:
    """Label -> why a model that does not beat a baseline has no rank."""
    return {
        check.model: (
            f"under-trained or unfit: on {check.over}, {estimate_text(check.score)} does not beat the {check.baseline} "
            f"baseline, {estimate_text(check.bar)}, by more than the intervals"
        )
        for check in board.baseline_checks
        if check.beats is False
    }


def beats(score: Estimate, bar: Estimate, *, higher: bool) -> bool:
    """Whether a score's interval lies wholly on the better side of the baseline's.

    A score without interval is never sure to. A baseline has no seeds: beside an interval over seeds, which holds for
    these very examples, it is exact, and so it is where it has no interval of its own.
    """
    exact = replace(bar, low=bar.value, high=bar.value)
    over_examples = bar.has_interval and score.kind != T_OVER_SEEDS
    return score.surely_better(bar if over_examples else exact, higher=higher)


def _check(board: Leaderboard, row: BoardRow, baseline: BoardRow, seeds: Seeds) -> BaselineCheck:
    over, left_out, score, bar = _ground(board, row, baseline, seeds)
    in_column: dict[str, bool | None] = {}
    for column in board.columns:
        ours, theirs = row.scores.get(column.label), baseline.scores.get(column.label)
        higher = column.direction != "lower"
        in_column[column.label] = None if ours is None or theirs is None else beats(ours, theirs, higher=higher)
    return BaselineCheck(
        model=row.label,
        baseline=baseline.label,
        over=over,
        left_out=left_out,
        score=score,
        bar=bar,
        beats=None if score is None or bar is None else beats(score, bar, higher=board.higher_is_better),
        above=tuple(label for label, found in in_column.items() if found),
        not_above=tuple(label for label, found in in_column.items() if found is False),
        uncompared=tuple(label for label, found in in_column.items() if found is None),
    )


def _ground(
    board: Leaderboard, row: BoardRow, baseline: BoardRow, seeds: Seeds
) -> tuple[str, tuple[str, ...], Estimate | None, Estimate | None]:
    """What both are compared on, the tasks left out of it, and the two numbers."""
    if not board.macro_name:
        bar = baseline.scores.get(board.ranked_by)
        return board.ranked_by if bar else "", (), row.scores.get(board.ranked_by) if bar else None, bar
    parts = dict(zip(board.macro_tasks, board.macro_columns, strict=True))
    kept = [task for task, labels in parts.items() if all(label in baseline.scores for label in labels)]
    left_out = tuple(task for task in parts if task not in kept)
    if not kept:
        return "", left_out, None, None
    columns = [parts[task] for task in kept]
    over = board.macro_name
    if left_out:
        over = f"the mean over {len(kept)} task{'' if len(kept) == 1 else 's'}"
    return over, left_out, mean_over(row, columns, seeds), mean_over(baseline, columns, seeds)
