"""Accuracy, F1 and Matthews correlation, all from confusion matrices.

Matthews 1975; for more than two classes R_K of Gorodkin 2004 (doi 10.1016/j.compbiolchem.2004.09.006). GLUE (Wang et
al. 2018, arXiv 1804.07461) uses F1 of class 1. Matrices may be stacked: a bootstrap scores all resamples at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchbert.errors import DataError

__all__ = ["METRICS", "accuracy", "confusion_matrix", "f1", "macro_f1", "matthews_correlation"]

_FEW = 4
"""Up to so many classes a product of matrices counts pairs faster than sums over each kind of pair."""

POSITIVE = 1
"""The class whose F1 is reported: `equivalent` in MRPC, `duplicate` in QQP."""


def confusion_matrix(
    labels: ArrayLike, predictions: ArrayLike, classes: int, counts: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Counts of (label, prediction) pairs.

    Args:
        labels: True classes of shape (n,), each in 0..classes-1.
        predictions: Predicted classes of shape (n,).
        classes: Number of classes.
        counts: How often each example counts, of shape (..., n); None: once.

    Returns:
        Matrix of shape (..., classes, classes), rows the labels, columns the predictions.

    Raises:
        DataError: unequal lengths, or a class out of range (names the row).
    """
    truth, guess = _classes(labels, classes, "label"), _classes(predictions, classes, "prediction")
    if truth.size != guess.size:
        raise DataError(f"{truth.size} labels but {guess.size} predictions: give one prediction for each label")
    cells = truth * classes + guess
    if counts is None:
        return np.bincount(cells, minlength=classes * classes).astype(np.float64).reshape(classes, classes)
    if classes <= _FEW:
        one_hot = np.eye(classes * classes)[cells]
        return np.asarray(counts @ one_hot).reshape(*counts.shape[:-1], classes, classes)
    columns = [counts[..., cells == cell].sum(axis=-1) for cell in range(classes * classes)]
    return np.stack(columns, axis=-1).reshape(*counts.shape[:-1], classes, classes)


def _classes(values: ArrayLike, classes: int, what: str) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.size == 0:
        return array.astype(np.int64)
    wrong = ~((array >= 0) & (array < classes) & (array == np.floor(array)))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(f"{what} of row {row} is {array[row]}: it must be an integer from 0 to {classes - 1}")
    return array.astype(np.int64)


def accuracy(confusion: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of right predictions, of shape (...); NaN without examples."""
    return _ratio(np.trace(confusion, axis1=-2, axis2=-1), confusion.sum(axis=(-2, -1)), empty=np.nan)


def f1(confusion: NDArray[np.float64]) -> NDArray[np.float64]:
    """F1 of class 1 of two, of shape (...); 0 when nothing is or is said to be in it, NaN without examples."""
    if confusion.shape[-1] != 2:
        raise DataError(f"F1 is defined here for two classes, not {confusion.shape[-1]}")
    hits = confusion[..., POSITIVE, POSITIVE]
    either = confusion[..., POSITIVE, :].sum(axis=-1) + confusion[..., :, POSITIVE].sum(axis=-1)
    value = _ratio(2 * hits, either, empty=0.0)
    return np.where(confusion.sum(axis=(-2, -1)) > 0, value, np.nan)


def macro_f1(confusion: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the classes of their F1, of shape (...), 0 for a class that neither is nor is said; NaN without
    examples. As scikit-learn's `average="macro"` over all classes with `zero_division=0`.
    """
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    by_class = _ratio(2 * hits, confusion.sum(axis=-1) + confusion.sum(axis=-2), empty=0.0)
    return np.where(confusion.sum(axis=(-2, -1)) > 0, by_class.mean(axis=-1), np.nan)


def matthews_correlation(confusion: NDArray[np.float64]) -> NDArray[np.float64]:
    """Matthews correlation, of shape (...); 0 when labels or predictions are constant, NaN without examples."""
    total = confusion.sum(axis=(-2, -1))
    truth, guess = confusion.sum(axis=-1), confusion.sum(axis=-2)
    covariance = np.trace(confusion, axis1=-2, axis2=-1) * total - (truth * guess).sum(axis=-1)
    truth_variance = total**2 - (truth**2).sum(axis=-1)
    guess_variance = total**2 - (guess**2).sum(axis=-1)
    value = _ratio(covariance, np.sqrt(truth_variance) * np.sqrt(guess_variance), empty=0.0)
    return np.where(total > 0, value, np.nan)


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64], *, empty: float) -> NDArray[np.float64]:
    """Quotient; `empty` where the denominator is 0."""
    safe = np.where(below == 0, 1.0, below)
    return np.where(below == 0, empty, above / safe)


METRICS: Mapping[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "accuracy": accuracy,
    "f1": f1,
    "macro_f1": macro_f1,
    "matthews_correlation": matthews_correlation,
}
"""Metric name -> function of a confusion matrix."""
