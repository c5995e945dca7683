"""The rule that a ranked model beats the baseline: one constant answer a task, such as the most frequent label.

It must be significantly better on what ranks the board: by a paired comparison of what both predicted, where that is
stored, else by its interval, which must lie wholly on the better side of the baseline's. Where a constant has no score
on a task (a correlation is undefined), both are compared on the mean over the other tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchbert.comparison.judge import Judge
from benchbert.reports.board import BaselineCheck, BoardRow, Leaderboard
from benchbert.reports.estimate import Estimate, estimate_text
from benchbert.reports.judging import Parts, family
from benchbert.reports.macro import Seeds, mean_over
from benchbert.reports.wording import signed
from benchbert.statistics.differences import Difference
from benchbert.statistics.seeds import T_OVER_SEEDS

__all__ = ["beats", "unfit_reasons", "with_baselines"]


def with_baselines(board: Leaderboard, seeds: Seeds, judge: Judge | None = None) -> Leaderboard:
    """The board with every scored model checked against every baseline; the macro must be there."""
    checks: list[BaselineCheck] = []
    for baseline in board.rows:
        if baseline.is_baseline:
            checks += _checks(board, baseline, seeds, judge)
    order = {row.label: place for place, row in enumerate(board.rows)}
    return replace(board, baseline_checks=tuple(sorted(checks, key=lambda check: order[check.model])))


def unfit_reasons(board: Leaderboard) -> dict[str, str]:
    """Label -> why a model that does not beat a baseline has no rank."""
    reasons = {}
    for check in board.baseline_checks:
        if check.beats is False:
            by = "significantly" if check.difference else "by more than the intervals"
            unit = check.score.unit if check.score else ""
            margin = f" (difference {signed(check.difference, unit)})" if check.difference else ""
            reasons[check.model] = (
                f"under-trained or unfit: on {check.over}, {estimate_text(check.score)} does not beat the "
                f"{check.baseline} baseline, {estimate_text(check.bar)}, {by}{margin}"
            )
    return reasons


def beats(score: Estimate, bar: Estimate, *, higher: bool) -> bool:
    """Whether a score's interval lies wholly on the better side of the baseline's.

    A score without interval is never sure to. A baseline has no seeds: beside an interval over seeds, which holds for
    these very examples, it is exact, and so it is where it has no interval of its own.
    """
    exact = replace(bar, low=bar.value, high=bar.value)
    over_examples = bar.has_interval and score.kind != T_OVER_SEEDS
    return score.surely_better(bar if over_examples else exact, higher=higher)


def _checks(board: Leaderboard, baseline: BoardRow, seeds: Seeds, judge: Judge | None) -> list[BaselineCheck]:
    """Every scored model against one baseline, on what ranks the board and in each column."""
    rows = [row for row in board.rows if row.is_competitor and row.scores]
    parts, over, left_out = _common(board, baseline)
    overall = _judged(board, rows, baseline, parts, judge)
    in_columns = {c.label: _judged(board, rows, baseline, ((c.label,),), judge) for c in board.columns}
    checks = []
    for row in rows:
        score, bar = (_number(each, parts, seeds) for each in (row, baseline))
        found = overall.get(row.label) if score and bar else None
        in_column = {
            column.label: _beats(
                row.scores.get(column.label),
                baseline.scores.get(column.label),
                in_columns[column.label].get(row.label),
                higher=column.direction != "lower",
            )
            for column in board.columns
        }
        checks.append(
            BaselineCheck(
                model=row.label,
                baseline=baseline.label,
                over=over,
                left_out=left_out,
                score=score,
                bar=bar,
                difference=found,
                beats=_beats(score, bar, found, higher=board.higher_is_better),
                above=tuple(label for label, beaten in in_column.items() if beaten),
                not_above=tuple(label for label, beaten in in_column.items() if beaten is False),
                uncompared=tuple(label for label, beaten in in_column.items() if beaten is None),
            )
        )
    return checks


def _judged(
    board: Leaderboard, rows: Sequence[BoardRow], baseline: BoardRow, parts: Parts, judge: Judge | None
) -> dict[str, Difference]:
    """Label -> the model minus the baseline, for those whose predictions can be compared: one family."""
    able = [r for r in rows if all(label in r.scores and label in baseline.scores for same in parts for label in same)]
    found = family(board, [(row, baseline) for row in able], parts, judge)
    return {row.label: difference for row, difference in zip(able, found, strict=True) if difference}


def _beats(score: Estimate | None, bar: Estimate | None, found: Difference | None, *, higher: bool) -> bool | None:
    """Whether the model beats the baseline, by their predictions or else by intervals; None: one has no score."""
    if score is None or bar is None:
        return None
    if found is not None:
        return found.verdict == ("above" if higher else "below")
    return beats(score, bar, higher=higher)


def _common(board: Leaderboard, baseline: BoardRow) -> tuple[Parts, str, tuple[str, ...]]:
    """What models and the baseline are compared on (empty: nothing), its name, and the tasks left out of it."""
    if not board.macro_name:
        has = board.ranked_by and board.ranked_by in baseline.scores
        return (((board.ranked_by,),), board.ranked_by, ()) if has else ((), "", ())
    parts = dict(zip(board.macro_tasks, board.macro_columns, strict=True))
    kept = [task for task, labels in parts.items() if all(label in baseline.scores for label in labels)]
    left_out = tuple(task for task in parts if task not in kept)
    over = board.macro_name if kept else ""
    if kept and left_out:
        over = f"the mean over {len(kept)} task{'' if len(kept) == 1 else 's'}"
    return tuple(parts[task] for task in kept), over, left_out


def _number(row: BoardRow, parts: Parts, seeds: Seeds) -> Estimate | None:
    """A row's number on these parts; None: it has none, or there are none."""
    if len(parts) == 1 and len(parts[0]) == 1:
        return row.scores.get(parts[0][0])
    return mean_over(row, parts, seeds)
