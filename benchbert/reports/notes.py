"""What a reader of the table must know: what the numbers are, what a rank and a tie mean, who is not ranked and why."""

from __future__ import annotations

from collections.abc import Iterator

from benchbert.registry import entries
from benchbert.reports.board import BoardRow, Leaderboard
from benchbert.reports.cells import DEVICE_MEMORY
from benchbert.reports.rank_notes import rank_notes
from benchbert.reports.wording import names
from benchbert.statistics.seeds import T_OVER_SEEDS

__all__ = ["not_ranked", "not_ranked_notes", "notes_of"]

_FEW = 3
"""Up to so many controls of a kind are explained one by one."""


def notes_of(board: Leaderboard) -> Iterator[str]:
    """Sentences for below the table, without those on the models that are not ranked."""
    kinds = {e.kind for row in board.rows for e in row.scores.values() if e.has_interval}
    if board.columns:
        yield "Scores are times 100, in brackets their intervals" + (
            f" ({'; '.join(sorted(kinds))})." if kinds else "."
        )
    if T_OVER_SEEDS in kinds:
        yield f"{T_OVER_SEEDS}: where another seed would fall on the same examples; other examples are not in it."
    yield from board.left_out
    yield from _stale(board)
    yield from rank_notes(board)
    yield from _baselines(board)
    if board.macro_name:
        yield (
            f"{board.macro_name}: plain mean of the main metrics of {', '.join(board.macro_tasks)} (several splits of "
            "a task averaged first). A model with a missing task has no macro."
        )
    yield from _averages(board)
    samples = [column.label for column in board.columns if column.is_sample]
    if samples:
        yield f"Sample, not comparable with published scores and not averaged: {', '.join(samples)}."
    yield from _costs(board)


def _stale(board: Leaderboard) -> Iterator[str]:
    """Scores by another version of a task than this benchbert has."""
    known = entries("tasks")
    for task, version in dict.fromkeys((column.task, column.task_version) for column in board.columns):
        if task in known and known[task].version != version:
            yield f"{task} was scored by version {version} of the task; this benchbert has {known[task].version}."


def _averages(board: Leaderboard) -> Iterator[str]:
    """What the named averages are, and who has none and why."""
    if not board.averages:
        return
    yield (
        "GLUE averages by name: official (9 tasks, metrics of a task averaged first), bert (9 columns, no WNLI), "
        "distilbert (9 tasks, one metric each), no_wnli (the same without WNLI); they rank nobody."
    )
    blocked: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for mean in board.averages:
        for label, missing in mean.blocked.items():
            tasks = tuple(dict.fromkeys(each.partition("/")[0] for each in missing))
            blocked.setdefault((label, tasks), []).append(mean.name)
    for (label, tasks), kinds in blocked.items():
        yield f"{label} has no average {names(kinds)}: missing or undefined {names(tasks)}."


def not_ranked(board: Leaderboard) -> Iterator[tuple[tuple[BoardRow, ...], str]]:
    """The models without a rank and the reason that they share; many controls of a kind stand together."""
    groups: dict[tuple[bool, str], list[BoardRow]] = {}
    for row in board.unranked:
        reason = row.unranked.removeprefix(f"control of {row.control_of}: ")
        groups.setdefault((bool(row.control_of), reason), []).append(row)
    for (is_control, reason), rows in groups.items():
        if not is_control:
            yield tuple(rows), reason
        elif len(rows) <= _FEW:
            yield from (((row,), row.unranked) for row in rows)
        else:
            models = list(dict.fromkeys(row.control_of for row in rows))
            yield tuple(rows), f"controls of {names(models, len(models))}: {reason}"


def not_ranked_notes(board: Leaderboard) -> Iterator[str]:
    """The same as sentences."""
    for rows, reason in not_ranked(board):
        yield f"Not ranked: {names([row.label for row in rows], len(rows))} ({reason})."


def _baselines(board: Leaderboard) -> Iterator[str]:
    """The rule that a ranked model beats the baseline, and on what."""
    for baseline in dict.fromkeys(check.baseline for check in board.baseline_checks):
        checks = [check for check in board.baseline_checks if check.baseline == baseline]
        check = next((check for check in checks if check.difference), checks[0])
        on = f" on {check.over}" if check.over else ", column by column,"
        if board.ranked_by and not check.over:
            yield f"The {baseline} baseline has no score on {board.ranked_by}: no model was checked against it."
            continue
        without = f" (a constant has no score on {names(check.left_out)})" if check.left_out else ""
        in_columns = not check.over and any(each.by_predictions for each in board.column_rankings.values())
        if check.difference is not None or in_columns:
            yield (
                f"A model is ranked only where it is significantly better{on} than the {baseline} baseline, one "
                f"constant answer a task{without}, compared as ranked models are."
            )
            continue
        yield (
            f"A model is ranked only where its interval{on} lies wholly on the better side of the {baseline} "
            f"baseline, one constant answer a task{without}; beside an interval over seeds, which holds for these very "
            "examples, the baseline's own number counts, else its interval."
        )


def _costs(board: Leaderboard) -> Iterator[str]:
    """The conditions of latency and memory."""
    memory = "Peak memory of the device" if board.memory_metric == DEVICE_MEMORY else "Peak memory of the process"
    for name, cell in (("Latency", board.latency_cell), (memory, board.memory_cell)):
        if cell:
            yield f"{name}: {cell.conditions}, on {cell.machine}."
    dtypes = {dtype for row in board.rows if row.scores and not row.is_baseline for dtype in row.computed_in}
    timed = [row.model for row in board.rows if row.latency]
    if len(set(timed)) < len(timed):
        yield "Each row of a model stands beside the costs of its own precision and backend, else unchanged."
    elif board.latency_cell and dtypes - {board.latency_cell.dtype}:
        yield f"Scores were computed in {', '.join(sorted(dtypes))}, latency in {board.latency_cell.dtype}."
