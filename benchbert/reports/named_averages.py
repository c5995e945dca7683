"""The four numbers that are called "the GLUE average", each under its own name (`benchbert.metrics.averages`).

An average is made seed by seed from all metrics of a task, and a seed that lacks one, or has it undefined, blocks it:
no model's average is over fewer seeds than it was trained with.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchbert.metrics.averages import AVERAGES, Average, average, column
from benchbert.reports.estimate import Estimate
from benchbert.statistics.seeds import T_OVER_SEEDS, VARIANT, same_settings, t_interval

if TYPE_CHECKING:
    import pandas as pd

    from benchbert.reports.board import Variant

__all__ = ["NamedAverage", "average_of", "named_averages"]

_PREFIXES = ("glue/", "builtin/glue/")
"""Whose tasks an average is of; the generated ones are told from the real by the average's name."""


@dataclass(frozen=True, kw_only=True)
class NamedAverage:
    """One of the four conventions of a GLUE average, for all models of a board."""

    name: str
    """`official`, `bert`, `distilbert` or `no_wnli`, with `builtin/` before it for generated tasks."""
    scores: Mapping[str, Estimate]
    """Label of a row -> its average, over seeds."""
    blocked: Mapping[str, tuple[str, ...]]
    """Label of a row -> the columns that keep it from having one, in any of its seeds."""


def named_averages(frame: pd.DataFrame, labels: Mapping[Variant, str]) -> tuple[NamedAverage, ...]:
    """The averages that at least one model has, or that one lacks a few columns for.

    Args:
        frame: the results table.
        labels: model -> its label on the board.
    """
    made = (_average(frame, prefix, name, labels) for prefix in _PREFIXES for name in AVERAGES)
    return tuple(found for found in made if found)


def _average(frame: pd.DataFrame, prefix: str, name: str, labels: Mapping[Variant, str]) -> NamedAverage | None:
    scores: dict[str, Estimate] = {}
    blocked: dict[str, tuple[str, ...]] = {}
    for variant, seeds in _columns(frame, prefix):
        found = average_of(name, seeds)
        if isinstance(found, Estimate):
            scores[labels[variant]] = found
        else:
            blocked[labels[variant]] = found
    # Where every model lacks most of GLUE, nobody asked for an average of it.
    needed = len({each for group in AVERAGES[name] for each in group})
    near = any(2 * len(missing) < needed for missing in blocked.values())
    full = f"builtin/{name}" if prefix.startswith("builtin/") else name
    return NamedAverage(name=full, scores=scores, blocked=blocked) if scores or near else None


def average_of(name: str, seeds: Mapping[int, Mapping[str, float | None]]) -> Estimate | tuple[str, ...]:
    """One named average over seeds, or the columns that block it, in any seed.

    Args:
        name: the convention.
        seeds: seed -> column (see `benchbert.metrics.averages.column`) -> score on the whole split, None: undefined.
    """
    each: dict[int, Average] = {seed: average(name, scores) for seed, scores in seeds.items()}
    missing = dict.fromkeys(label for found in each.values() for label in found.missing)
    values = [found.value for found in each.values() if found.value is not None]
    if missing or not values:
        return tuple(missing)
    mean = math.fsum(values) / len(values)
    if len(values) < 2:
        return Estimate(value=mean, kind="none: one seed", seeds=1)
    low, high = t_interval(values)
    spread = statistics.stdev(values)
    return Estimate(value=mean, low=low, high=high, kind=T_OVER_SEEDS, level=0.95, seeds=len(values), sd=spread)


def _columns(frame: pd.DataFrame, prefix: str) -> Iterator[tuple[Variant, dict[int, dict[str, float | None]]]]:
    """Every model with a score of these tasks: seed -> column -> score, where the split was whole."""
    import pandas as pd

    short = frame["task"].str.removeprefix(prefix)
    scored = frame[
        (frame["kind"] == "predict")
        & (frame["status"] == "ok")
        & (frame["metric"] != "")
        & (frame["weights"] != "constant")
        & frame["task"].str.startswith(prefix)
        & ~short.str.contains("/", regex=False)
        & frame["complete"].fillna(False)
    ]
    if scored.empty:
        return
    for variant, rows in same_settings(scored).groupby(list(VARIANT), sort=False, dropna=False):
        seeds: dict[int, dict[str, float | None]] = {}
        row: Any
        for row in rows.itertuples():
            value = None if pd.isna(row.value) else float(row.value)
            seeds.setdefault(int(row.seed), {})[column(row.task, row.split, row.metric)] = value
        yield tuple(map(str, variant)), seeds
