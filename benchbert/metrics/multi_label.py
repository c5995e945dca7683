"""F1 over several labels a row, and the share of rows whose labels are all right (Tsoumakas and Katakis 2007).

Micro F1 pools the labels of all rows; macro F1 is the mean of the labels' own F1, 0 where a label neither holds nor is
predicted, as in scikit-learn with `zero_division=0`. A row without label and without prediction is right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

__all__ = ["METRICS", "f1_of", "macro_f1", "micro_f1", "subset_accuracy"]

Floats = NDArray[np.float64]
Sets = NDArray[np.int8]
"""Whether each label holds for each row, 0 or 1, of shape (n, classes)."""


def micro_f1(labels: Sets, predictions: Sets, counts: Floats) -> Floats:
    """Micro F1 in each resample; 0 where nothing is right.

    Args:
        labels: Shape (n, classes).
        predictions: Shape (n, classes).
        counts: How often each row was drawn, of shape (resamples, n).

    Returns:
        Shape (resamples,).
    """
    hits = (labels & predictions).sum(axis=1, dtype=np.float64)
    either = labels.sum(axis=1, dtype=np.float64) + predictions.sum(axis=1, dtype=np.float64)
    return f1_of(counts @ hits, counts @ either)


def macro_f1(labels: Sets, predictions: Sets, counts: Floats) -> Floats:
    """Mean over the labels of their F1 in each resample; arguments and result as `micro_f1`."""
    hits = (labels & predictions).astype(np.float64)
    either = labels.astype(np.float64) + predictions.astype(np.float64)
    return np.asarray(f1_of(counts @ hits, counts @ either).mean(axis=1))


def subset_accuracy(labels: Sets, predictions: Sets, counts: Floats) -> Floats:
    """Share of rows whose labels are all right in each resample; arguments and result as `micro_f1`."""
    right = (labels == predictions).all(axis=1).astype(np.float64)
    return np.asarray((counts @ right) / counts.sum(axis=1))


def f1_of(hits: Floats, either: Floats) -> Floats:
    """2 hits / (true + predicted); 0 where there are neither."""
    return np.asarray(2 * hits / np.where(either == 0, 1.0, either))


METRICS: Mapping[str, Callable[[Sets, Sets, Floats], Floats]] = {
    "micro_f1": micro_f1,
    "macro_f1": macro_f1,
    "subset_accuracy": subset_accuracy,
}
"""Metric name -> function of labels, predictions and counts."""
