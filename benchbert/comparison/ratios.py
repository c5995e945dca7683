"""Metrics of rows with many labels or words, as quotients of sums over rows: what a resample can add up.

Each row's counts are enough to compute the metric of any resample exactly: hits, held and said labels for the F1 of
`benchbert.metrics.multi_label`, right, true and said entities for that of `benchbert.metrics.entities`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchbert.comparison.aligned import Aligned
from benchbert.errors import DataError
from benchbert.metrics.entities import entity_counts
from benchbert.tasks.multi_label import membership

__all__ = ["Ratio", "ratios_of"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Ratio:
    """A metric of several checkpoints: the mean over columns of (sum of `above`) / (sum of `below`), 0 for 0 / 0."""

    metric: str
    """Name of the metric."""
    above: Floats
    """What each row adds to the numerators, of shape (checkpoints, n, columns)."""
    below: Floats
    """What it adds to the denominators, of the same shape."""
    each: Floats
    """How well each row went by itself, 0..1, of shape (checkpoints, n)."""
    binary: bool
    """Whether the metric is the mean of 0/1 outcomes."""

    @property
    def seen(self) -> Floats:
        """All that the metric sees of each row, of shape (n, numbers)."""
        parts = [*self.above, *self.below, self.each.T]
        return np.hstack(parts)


def ratios_of(aligned: Aligned, metrics: Sequence[str], labels: Sequence[str]) -> list[Ratio]:
    """Metrics of multi_label or token_classification predictions.

    Args:
        aligned: the predictions.
        metrics: as the stored values name them.
        labels: names of the task's classes, which entities are read from; empty: not known.

    Raises:
        DataError: a metric that these predictions do not have, or entities whose names are not known.
    """
    make = _MULTI_LABEL if aligned.head == "multi_label" else _WORDS
    for metric in metrics:
        if metric not in make:
            raise DataError(f"the metric {metric!r} cannot be resampled on {aligned.head} predictions")
    return [make[metric](aligned, metric, labels) for metric in metrics]


# --- several labels a row -------------------------------------------------------------------------------------------


def _sets(aligned: Aligned, labels: Sequence[str]) -> tuple[Floats, Floats]:
    """Right and said labels, of shapes (1, n, classes) and (checkpoints, n, classes)."""
    golds, guesses = aligned.label_lists, aligned.guess_lists
    seen = [number for rows in (golds, *guesses) for row in rows for number in row]
    classes = max(len(labels), max(seen, default=0) + 1)
    said = np.stack([membership(rows, classes) for rows in guesses])
    return membership(golds, classes)[None].astype(np.float64), said.astype(np.float64)


def _micro_f1(aligned: Aligned, metric: str, labels: Sequence[str]) -> Ratio:
    hits, either = _hits(aligned, labels)
    above, below = (2 * hits).sum(axis=2, keepdims=True), either.sum(axis=2, keepdims=True)
    return Ratio(metric=metric, above=above, below=below, each=_own_share(above, below), binary=False)


def _macro_f1(aligned: Aligned, metric: str, labels: Sequence[str]) -> Ratio:
    hits, either = _hits(aligned, labels)
    each = _own_share((2 * hits).sum(axis=2, keepdims=True), either.sum(axis=2, keepdims=True))
    return Ratio(metric=metric, above=2 * hits, below=either, each=each, binary=False)


def _hits(aligned: Aligned, labels: Sequence[str]) -> tuple[Floats, Floats]:
    """Whether each label is held and said, and in how many of the two it is, of shape (checkpoints, n, classes)."""
    held, said = _sets(aligned, labels)
    return held * said, held + said


def _subset_accuracy(aligned: Aligned, metric: str, labels: Sequence[str]) -> Ratio:
    held, said = _sets(aligned, labels)
    right = (held == said).all(axis=2).astype(np.float64)
    return Ratio(metric=metric, above=right[:, :, None], below=np.ones((*right.shape, 1)), each=right, binary=True)


# --- a label for each word ------------------------------------------------------------------------------------------


def _entity_f1(aligned: Aligned, metric: str, labels: Sequence[str]) -> Ratio:
    golds = _named(aligned.label_lists, labels)
    found = np.stack([entity_counts(golds, _named(rows, labels)) for rows in aligned.guess_lists])
    above, below = 2 * found[:, :, :1], found[:, :, 1:].sum(axis=2, keepdims=True)
    return Ratio(metric=metric, above=above, below=below, each=_own_share(above, below), binary=False)


def _named(rows: Sequence[Sequence[int]], labels: Sequence[str]) -> list[list[str]]:
    if any(number >= len(labels) for row in rows for number in row):
        raise DataError(
            "the names of the tags are not known here: keep lock.json beside the results, and compare again"
        )
    return [[labels[number] for number in row] for row in rows]


def _token_accuracy(aligned: Aligned, metric: str, labels: Sequence[str]) -> Ratio:
    golds = aligned.label_lists
    right = np.array(
        [
            [sum(a == b for a, b in zip(gold, guess, strict=True)) for gold, guess in zip(golds, rows, strict=True)]
            for rows in aligned.guess_lists
        ],
        dtype=np.float64,
    )[:, :, None]
    words = np.broadcast_to(np.array([len(gold) for gold in golds], dtype=np.float64)[None, :, None], right.shape)
    return Ratio(metric=metric, above=right, below=words, each=_own_share(right, words), binary=False)


def _own_share(above: Floats, below: Floats) -> Floats:
    """The quotient of each row by itself, of shape (checkpoints, n); 1 for a row with nothing to find or to say."""
    return np.where(below == 0, 1.0, above / np.where(below == 0, 1.0, below))[:, :, 0]


_Make = Callable[[Aligned, str, Sequence[str]], Ratio]

_MULTI_LABEL: Mapping[str, _Make] = {
    "micro_f1": _micro_f1,
    "macro_f1": _macro_f1,
    "subset_accuracy": _subset_accuracy,
}
_WORDS: Mapping[str, _Make] = {"entity_f1": _entity_f1, "token_accuracy": _token_accuracy}
