"""Expected calibration error: how far confidence is from being right (Naeini, Cooper and Hauskrecht 2015, AAAI).

Equal-width bins of the confidence in (0, 1]; in each the distance between mean confidence and share right, weighted by
the examples in it. The number depends on the bins, so their count goes with it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchbert.errors import DataError

__all__ = ["BINS", "confidences", "expected_calibration_error"]

BINS = 15
"""Bins of the confidence (Guo et al. 2017, arXiv 1706.04599, use as many)."""


def confidences(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Softmax probability of the predicted class, of shape (n,), for logits of shape (n, classes)."""
    return np.asarray(1.0 / np.exp(logits - logits.max(axis=1, keepdims=True)).sum(axis=1))


def expected_calibration_error(confidence: ArrayLike, correct: ArrayLike, bins: int = BINS) -> float:
    """The error, in 0..1.

    Args:
        confidence: Probability that each prediction was given, of shape (n,), in 0..1.
        correct: Whether it was right, of shape (n,).
        bins: Number of bins.

    Raises:
        DataError: no example, unequal lengths, or a confidence outside 0..1 (names the row).
    """
    given, right = np.asarray(confidence, dtype=np.float64), np.asarray(correct, dtype=np.float64)
    if given.size == 0 or given.size != right.size:
        raise DataError(f"{given.size} confidences and {right.size} outcomes: give one of each for every example")
    wrong = ~((given >= 0) & (given <= 1))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(f"confidence of row {row} is {given[row]}: it must be from 0 to 1")
    # The bins are open below and closed above; only 0 itself would fall out of the first.
    place = np.clip(np.ceil(given * bins).astype(np.int64) - 1, 0, bins - 1)
    gap = np.bincount(place, weights=given - right, minlength=bins)
    return float(np.abs(gap).sum() / given.size)
