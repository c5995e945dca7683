"""When a series of timings has settled, and how much independent information it holds.

Drift: the slope of Theil (1950) and Sen (1968), the median of the slopes of all pairs of points, which a few disturbed
blocks cannot move. Effective sample size: Geyer's initial positive sequence (Statistical Science 7, 1992). Minima for
percentiles: the early-stopping rule of MLPerf's LoadGen (64, 130 and 662 queries for p90, p95 and p99).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = [
    "DRIFT_TOLERANCE",
    "MINIMUM_EFFECTIVE_SAMPLES",
    "WINDOW",
    "effective_sample_size",
    "is_steady",
    "relative_drift",
    "supported_percentiles",
    "theil_sen_slope",
]

WINDOW = 8
"""Blocks that the drift is taken over."""
DRIFT_TOLERANCE = 0.005
"""Largest relative change over the window that counts as steady."""
MINIMUM_EFFECTIVE_SAMPLES = {90: 64, 95: 130, 99: 662}
"""Percentile -> effective samples below which it is not stated."""


def theil_sen_slope(values: Sequence[float]) -> float:
    """Median slope over all pairs of equally spaced points, in units of the values per step.

    Raises:
        ValueError: fewer than two points.
    """
    y = np.asarray(values, dtype=np.float64)
    if y.size < 2:
        raise ValueError("a slope needs at least two points")
    first, second = np.triu_indices(y.size, k=1)
    return float(np.median((y[second] - y[first]) / (second - first)))


def relative_drift(blocks: Sequence[float]) -> float:
    """Change over the whole series along its Theil-Sen line, as a signed share of the median.

    Args:
        blocks: one typical time (a median) per block, in any unit.
    """
    middle = float(np.median(np.asarray(blocks, dtype=np.float64)))
    return theil_sen_slope(blocks) * (len(blocks) - 1) / middle if middle else 0.0


def is_steady(blocks: Sequence[float], *, window: int = WINDOW, tolerance: float = DRIFT_TOLERANCE) -> bool:
    """Whether the last `window` blocks drift by less than `tolerance`; False while there are fewer blocks."""
    return len(blocks) >= window and abs(relative_drift(blocks[-window:])) < tolerance


def effective_sample_size(samples: Sequence[float]) -> float:
    """Number of independent samples that carry as much information as this autocorrelated series.

    n / (1 + 2 * sum of autocorrelations), the sum cut at the first pair of lags whose sum is not positive; between 1
    and n. A constant series counts in full.
    """
    x = np.asarray(samples, dtype=np.float64)
    n = x.size
    if n < 4:
        return float(n)
    centred = x - x.mean()
    variance = float(centred @ centred)
    if variance <= 0.0:
        return float(n)
    size = 1 << (2 * n - 1).bit_length()
    spectrum = np.fft.rfft(centred, size)
    correlation = np.fft.irfft(spectrum * np.conj(spectrum), size)[:n] / variance
    pairs = correlation[: n // 2 * 2].reshape(-1, 2).sum(axis=1)
    negative = np.flatnonzero(pairs <= 0.0)
    kept = pairs[: int(negative[0])] if negative.size else pairs
    # The first pair holds lag 0, so that 2 * (sum of pairs) - 1 is 1 + 2 * (sum of the lags from 1 on).
    inflation = max(2.0 * float(kept.sum()) - 1.0, 1.0)
    return float(min(max(n / inflation, 1.0), n))


def supported_percentiles(effective_samples: float) -> tuple[int, ...]:
    """The percentiles that so many effective samples allow, rising."""
    return tuple(p for p, minimum in MINIMUM_EFFECTIVE_SAMPLES.items() if effective_samples >= minimum)
