"""The mean over tasks, with an interval that says how it was made."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

from benchbert.reports.board import BoardRow, Variant
from benchbert.reports.estimate import Estimate
from benchbert.statistics.seeds import T_OVER_SEEDS, t_interval

__all__ = ["PROPAGATED", "SeedScores", "Seeds", "macro_of", "mean_over", "seed_means"]

PROPAGATED = "tasks' intervals combined as independent"
"""Kind of the interval where the tasks have no common seeds: root of the summed squares of the half-widths, over N."""

SeedScores = Mapping[int, float]
"""Seed -> score."""

Seeds = Mapping[tuple[Variant, str], SeedScores]
"""(variant, column label) -> the scores of its seeds."""


def mean_over(row: BoardRow, tasks: Sequence[Sequence[str]], seeds: Seeds) -> Estimate | None:
    """A row's mean over tasks; None: it has no score in one of their columns, or there is no task.

    Args:
        row: a model.
        tasks: for each task the labels of its columns.
        seeds: the scores of every seed.
    """
    if not tasks or any(label not in row.scores for labels in tasks for label in labels):
        return None
    return macro_of([[(row.scores[label], seeds[row.variant, label]) for label in labels] for labels in tasks])


def macro_of(tasks: Sequence[Sequence[tuple[Estimate, SeedScores]]]) -> Estimate:
    """Mean over tasks of the mean over a task's columns (its splits).

    Args:
        tasks: for each task its columns, each with its score over seeds and the score of every seed.
    """
    value = _mean([_mean([estimate.value for estimate, _ in columns]) for columns in tasks])
    seed_sets = {frozenset(seeds) for columns in tasks for _, seeds in columns}
    seeds = min((e.seeds for columns in tasks for e, _ in columns), default=0)
    if len(seed_sets) == 1 and len(next(iter(seed_sets))) >= 2:
        of_seed = seed_means([[scores for _, scores in columns] for columns in tasks])
        low, high = t_interval(list(of_seed.values()))
        low, high = max(low, -1.0), min(high, 1.0)
        sd = statistics.stdev(of_seed.values())
        return Estimate(value=value, low=low, high=high, kind=T_OVER_SEEDS, level=0.95, seeds=len(of_seed), sd=sd)
    halves = [_half_width([estimate for estimate, _ in columns]) for columns in tasks]
    levels = {estimate.level for columns in tasks for estimate, _ in columns}
    if any(half is None for half in halves) or len(levels) != 1:
        return Estimate(value=value, kind="none: a task has no interval", seeds=seeds)
    half = math.sqrt(math.fsum(h * h for h in halves if h is not None)) / len(tasks)
    return Estimate(
        value=value, low=value - half, high=value + half, kind=PROPAGATED, level=next(iter(levels)), seeds=seeds
    )


def seed_means(tasks: Sequence[Sequence[SeedScores]]) -> dict[int, float]:
    """Seed -> mean over tasks of the mean over a task's columns, for the seeds that all columns have.

    Args:
        tasks: for each task its columns, each with the score of every seed.
    """
    columns = [scores for same in tasks for scores in same]
    common = sorted(set.intersection(*(set(scores) for scores in columns))) if columns else []
    return {seed: _mean([_mean([scores[seed] for scores in same]) for same in tasks]) for seed in common}


def _half_width(columns: Sequence[Estimate]) -> float | None:
    """Half-width of the mean of a task's columns, taken as independent; None: one has no interval."""
    halves = [(e.high - e.low) / 2 for e in columns if e.low is not None and e.high is not None]
    if len(halves) < len(columns):
        return None
    return math.sqrt(math.fsum(h * h for h in halves)) / len(columns)


def _mean(numbers: Sequence[float]) -> float:
    return math.fsum(numbers) / len(numbers)
