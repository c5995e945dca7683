"""How far a rank may be off: every resample ranks all models (Goldstein and Spiegelhalter 1996, JRSS A 159).

With many models pairs are too many to be tested one by one; where a model stands in 95% of the resamples says what can
be said. Percentiles of a rank are a rough interval: among equal models the best of them looks better than it is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["rank_intervals"]

_DIGITS = 12
"""Scores that agree to so many digits are equal: sums of the same numbers in another order."""


def rank_intervals(
    point: NDArray[np.float64], draws: NDArray[np.float64], *, level: float = 0.95
) -> list[tuple[int, int]] | None:
    """The interval of each model's rank, 1 + number of models with a higher score.

    Args:
        point: scores of shape (models,).
        draws: scores in the same resamples, of shape (resamples, models).
        level: share of the resamples that it covers.

    Returns:
        For each model the lowest and highest rank, its own rank within; None: too few resamples have all scores.
    """
    whole = draws[np.isfinite(draws).all(axis=1)]
    if not np.isfinite(point).all() or 2 * len(whole) < len(draws):
        return None
    ranks = np.stack([_ranks(each) for each in whole])
    low, high = np.quantile(ranks, [(1 - level) / 2, (1 + level) / 2], axis=0, method="inverted_cdf")
    own = _ranks(point)
    return [(int(min(a, r)), int(max(b, r))) for a, b, r in zip(low, high, own, strict=True)]


def _ranks(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """1 + number of higher scores, of shape (models,)."""
    rounded = np.round(scores, _DIGITS)
    return 1 + scores.size - np.searchsorted(np.sort(rounded), rounded, side="right")
