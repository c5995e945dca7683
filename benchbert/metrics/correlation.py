"""Pearson and Spearman correlation (STS-B), undefined for a constant, and squared error; with counts to resample.

Spearman is Pearson over ranks, ties sharing their mean rank. With counts, an example drawn twice is two tied examples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchbert.errors import DataError

__all__ = ["METRICS", "pearson", "resampled_mse", "resampled_pearson", "resampled_spearman", "spearman", "value"]

Floats = NDArray[np.float64]


def pearson(labels: ArrayLike, predictions: ArrayLike) -> float | None:
    """Pearson correlation; None where labels or predictions are constant or there are fewer than two."""
    return _single(resampled_pearson, labels, predictions)


def spearman(labels: ArrayLike, predictions: ArrayLike) -> float | None:
    """Spearman rank correlation; None where labels or predictions are constant or there are fewer than two."""
    return _single(resampled_spearman, labels, predictions)


def resampled_pearson(labels: Floats, predictions: Floats, counts: Floats) -> Floats:
    """Pearson correlation in each resample.

    Args:
        labels: Shape (n,).
        predictions: Shape (n,).
        counts: How often each example was drawn, of shape (resamples, n).

    Returns:
        Shape (resamples,), NaN where undefined.
    """
    constant = _constant(labels, counts) | _constant(predictions, counts)
    # Centred and scaled by the whole sample first: sums of squares then lose no digits, whatever the values' size.
    x, y = _standard(labels)[None], _standard(predictions)[None]
    return np.where(constant, np.nan, _weighted_pearson(x, y, counts))


def resampled_spearman(labels: Floats, predictions: Floats, counts: Floats) -> Floats:
    """Spearman correlation in each resample; arguments and result as `resampled_pearson`."""
    constant = _constant(labels, counts) | _constant(predictions, counts)
    return np.where(constant, np.nan, _weighted_pearson(_ranks(labels, counts), _ranks(predictions, counts), counts))


def resampled_mse(labels: Floats, predictions: Floats, counts: Floats) -> Floats:
    """Mean squared error in each resample; arguments and result as `resampled_pearson`."""
    return np.asarray((counts @ np.square(labels - predictions)) / counts.sum(axis=1))


def _single(
    metric: Callable[[Floats, Floats, Floats], Floats], labels: ArrayLike, predictions: ArrayLike
) -> float | None:
    x, y = _finite(labels, "label"), _finite(predictions, "prediction")
    if x.size != y.size:
        raise DataError(f"{x.size} labels but {y.size} predictions: give one prediction for each label")
    if x.size < 2:
        return None
    value = float(metric(x, y, np.ones((1, x.size)))[0])
    return None if np.isnan(value) else value


def _finite(values: ArrayLike, what: str) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    wrong = ~np.isfinite(array)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(f"{what} of row {row} is {array[row]}: it must be a finite number")
    return array


def _constant(values: Floats, counts: Floats) -> NDArray[np.bool_]:
    """Whether all drawn values are equal, of shape (resamples,): exact, where a variance would only be small."""
    drawn = counts > 0
    low = np.where(drawn, values, np.inf).min(axis=-1, initial=np.inf)
    high = np.where(drawn, values, -np.inf).max(axis=-1, initial=-np.inf)
    return np.asarray(low >= high)


def _standard(values: Floats) -> Floats:
    centred = values - values.mean()
    scale = np.abs(centred).max()
    return np.asarray(centred / scale) if scale > 0 else centred


def _ranks(values: Floats, counts: Floats) -> Floats:
    """Mean ranks of the drawn values, of shape (resamples, n)."""
    unique, group = np.unique(values, return_inverse=True)
    order = np.argsort(group, kind="stable")
    first = np.searchsorted(group[order], np.arange(unique.size))
    size = np.add.reduceat(counts[:, order], first, axis=1)
    rank = np.cumsum(size, axis=1) - (size - 1) / 2
    return np.asarray(rank[:, group])


def _weighted_pearson(x: Floats, y: Floats, counts: Floats) -> Floats:
    """Correlation of x and y, each of shape (resamples or 1, n), weighted by counts of shape (resamples, n)."""
    total = counts.sum(axis=1, keepdims=True)
    x = x - (counts * x).sum(axis=1, keepdims=True) / total
    y = y - (counts * y).sum(axis=1, keepdims=True) / total
    covariance = (counts * x * y).sum(axis=1)
    scale = np.sqrt((counts * x * x).sum(axis=1)) * np.sqrt((counts * y * y).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.clip(covariance / scale, -1.0, 1.0))


METRICS: Mapping[str, Callable[[Floats, Floats, Floats], Floats]] = {
    "pearson": resampled_pearson,
    "spearman": resampled_spearman,
    "mse": resampled_mse,
}
"""Metric name -> function of labels, predictions and counts."""


def value(metric: str, labels: ArrayLike, predictions: ArrayLike) -> float | None:
    """One of `METRICS` of the examples as they are; None where it is undefined."""
    return _single(METRICS[metric], labels, predictions)
