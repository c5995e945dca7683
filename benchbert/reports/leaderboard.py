"""From the results table to a leaderboard: ranks with ties, a named macro, one cost cell, and who has no rank and why.

Rank = 1 + number of ranked models that are significantly better, by paired comparisons of stored predictions (see
`benchbert.reports.places`); without predictions by intervals that do not overlap. Ties are not transitive. Controls,
the majority baseline, under-trained models, models that do not beat the baseline and models with a missing task are
shown, with the reason, and have no rank.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchbert.comparison.judge import Judge, judge_of
from benchbert.reports.baseline import with_baselines
from benchbert.reports.board import Leaderboard, Variant
from benchbert.reports.cells import LATENCY
from benchbert.reports.columns import key_of, score_columns
from benchbert.reports.comparisons import with_controls
from benchbert.reports.costs import costs_of, memory_of
from benchbert.reports.named_averages import named_averages
from benchbert.reports.notes import notes_of
from benchbert.reports.ranking import ranked, with_macro
from benchbert.reports.rows import row_of, seed_scores, variant_of, variants_of
from benchbert.reports.terminal import render_terminal
from benchbert.statistics.seeds import summarise
from benchbert.store.files import read_results

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["leaderboard", "leaderboard_of", "render_terminal"]


def leaderboard_of(folder: Path) -> Leaderboard:
    """The leaderboard of a results folder, its models compared by the predictions that are stored there.

    Raises:
        StoreError: no such folder, or no result in it.
    """
    from benchbert.store.frame import to_frame

    read = read_results(folder)
    results = sorted(read.results, key=lambda result: result.started_at)
    return leaderboard(to_frame(results), judge_of(folder, read))


def leaderboard(frame: pd.DataFrame, judge: Judge | None = None) -> Leaderboard:
    """The leaderboard of a results table.

    Args:
        frame: as `benchbert.load_results` gives it.
        judge: compares what models predicted, as `judge_of` makes it of a results folder; None: a table alone has no
            predictions, and intervals decide.
    """
    # What a recipe made on the way to a model (a teacher that the suite does not compare) is no competitor.
    frame = frame[~frame["kind"].isin(["pretrain", "distil"])]
    summary = summarise(frame)
    columns = score_columns(summary)
    rows = [row for row in summary.itertuples() if key_of(row) in columns]
    variants = variants_of(frame, rows)
    latency = costs_of(frame, LATENCY, {variant[2] for variant in variants})
    memory = memory_of(frame, latency.cell)
    scored: dict[Variant, dict[str, Any]] = {variant: {} for variant in variants}
    for row in rows:
        scored[variant_of(row)][columns[key_of(row)].label] = row
    own = {str(model): rows for model, rows in frame.groupby("model", sort=False)}
    board_rows = [
        row_of(
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
        left_out=tuple(_left_out(rows)),
        averages=named_averages(frame, {row.variant: row.label for row in board_rows}),
    )
    seeds = seed_scores(frame, columns)
    board = ranked(with_controls(with_baselines(with_macro(board, seeds), seeds, judge), seeds, judge), judge)
    if judge is not None:
        judge.save()
        board = replace(board, resamples=judge.resamples, unusable=judge.problems)
    return replace(board, notes=tuple(notes_of(board)))


def _left_out(rows: Iterable[Any]) -> Iterator[str]:
    """What `same_settings` left out, a line a model."""
    counts: dict[str, list[str]] = {}
    for row in rows:
        if row.left_out:
            counts.setdefault(str(row.model), []).append(f"{row.left_out} on {row.task}")
    for model, tasks in counts.items():
        yield (
            f"{model} was fine-tuned in more than one way; the last one counts, and scores of others are left out: "
            f"{', '.join(dict.fromkeys(tasks))}. Give each way a name of its own to see them side by side."
        )
