"""Scores that papers and README files report, each with its source; facts only, in `published.csv` beside this file.

The names of models, and of tasks without MNLI's halves, are those that benchbert registers.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

__all__ = ["METRICS", "PLAIN_RECIPES", "SECOND_HAND", "PublishedScore", "published_scores"]

_FILE = "published.csv"

SECOND_HAND = "second-hand"
"""Provenance of a number that was quoted, not read in its source."""

PLAIN_RECIPES = frozenset({"fine-tuned", "fine-tuned per task"})
"""Recipes that fine-tune the checkpoint on the task's own training split, which is what benchbert does."""

METRICS: Mapping[str, tuple[str, ...]] = {
    "accuracy": ("accuracy",),
    "accuracy_or_f1": ("accuracy", "f1"),
    "correlation": ("pearson", "spearman"),
    "exact": ("exact_match",),
    "f1": ("f1",),
    "f1_or_acc": ("f1", "accuracy"),
    "matthews": ("matthews_correlation",),
    "pearson": ("pearson",),
    "spearman": ("spearman",),
}
"""Metric as published -> the metrics of ours that it can be; several: the source does not say which."""


@dataclass(frozen=True, kw_only=True)
class PublishedScore:
    """One number that somebody published."""

    model: str
    """Name of the checkpoint, as benchbert registers it."""
    task: str
    """`cola`, ..., `mnli_matched`, `mnli_mismatched`, `squad`, `squad_v2`."""
    metric: str
    """A key of `METRICS`."""
    split: str
    """`dev` or `test`."""
    value: float
    """The score times 100."""
    decimals: int
    """Digits after the point that it was printed with."""
    source: str
    """Who reported it."""
    recipe: str
    """How the checkpoint was trained for the task."""
    provenance: str
    """`read in source` or `second-hand`."""

    @property
    def rounding(self) -> float:
        """How far the unrounded number may lie from the printed one, as a score in 0..1."""
        return 0.5 * 10.0 ** -(self.decimals + 2)

    @property
    def score(self) -> float:
        """The score in 0..1 or -1..1."""
        return self.value / 100.0


@cache
def published_scores() -> tuple[PublishedScore, ...]:
    """All published scores, in the order of the file."""
    text = files("benchbert.reports").joinpath(_FILE).read_text(encoding="utf-8")
    return tuple(_score(row) for row in csv.DictReader(text.splitlines()))


def _score(row: Mapping[str, str]) -> PublishedScore:
    value = float(row["value"])
    # The file ships with the package: what is wrong in it is our mistake, not the user's.
    assert math.isfinite(value), row
    assert row["metric"] in METRICS, row
    return PublishedScore(
        model=row["model"],
        task=row["task"],
        metric=row["metric"],
        split=row["split"],
        value=value,
        decimals=len(row["value"].partition(".")[2]),
        source=row["source"],
        recipe=row["recipe"],
        provenance=row["provenance"],
    )
