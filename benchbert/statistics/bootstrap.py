"""Percentile bootstrap over examples (Efron 1979; Efron and Tibshirani 1993, chapter 13).

A resample is a vector of counts, one an example, so that a metric is computed for many resamples at once by matrix
products instead of once a resample. The seed is fixed: two models scored on the same examples see the same resamples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Interval", "Statistic", "at_the_edge", "bootstrap", "resample_counts"]

Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Counts of shape (resamples, n) -> values of shape (resamples, metrics), NaN where a metric is undefined."""

_NO_SPREAD = 1e-12
"""Ends of an interval nearer than this are one number."""

_CHUNK = 4_000_000
"""Counts held at once, so that 40,000 examples need tens of megabytes, not hundreds."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A confidence interval, or the reason why there is none."""

    low: float | None
    """Lower end; None: no interval."""
    high: float | None
    """Upper end; None: no interval."""
    level: float | None
    """Coverage aimed at; None: no interval."""
    kind: str
    """How it was made, such as `bootstrap over examples`."""


def resample_counts(rng: np.random.Generator, resamples: int, n: int) -> NDArray[np.float64]:
    """How often each of n examples was drawn, with replacement, in each resample.

    Returns:
        Counts of shape (resamples, n); each row sums to n.
    """
    drawn = rng.integers(0, n, size=(resamples, n))
    drawn += np.arange(resamples)[:, None] * n
    counts = np.bincount(drawn.ravel(), minlength=resamples * n)
    return counts.reshape(resamples, n).astype(np.float64)


def bootstrap(
    statistic: Statistic,
    n: int,
    *,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    unit: str = "examples",
) -> tuple[Interval, ...]:
    """Percentile intervals of one or more metrics over the same resamples.

    Args:
        statistic: The metrics as a function of counts, see `Statistic`.
        n: Number of examples.
        resamples: Number of resamples.
        level: Coverage aimed at.
        seed: Seed of the resamples.
        unit: What is resampled; it names the interval.

    Returns:
        One Interval a metric. Resamples in which a metric is undefined are left out and counted in `kind`; when they
        are half of all or more, or when there are fewer than two examples, there is no interval and `kind` says why.
    """
    if n < 2:
        metrics = statistic(np.ones((1, n))).shape[1]
        none = Interval(low=None, high=None, level=None, kind=f"none: fewer than two {unit}")
        return tuple(none for _ in range(metrics))
    rng = np.random.default_rng(seed)
    step = max(1, _CHUNK // n)
    chunks = [statistic(resample_counts(rng, min(step, resamples - first), n)) for first in range(0, resamples, step)]
    values = np.concatenate(chunks)
    return tuple(_percentile(values[:, metric], level, unit) for metric in range(values.shape[1]))


def at_the_edge(interval: Interval, value: float, n: int, *, mean: bool, unit: str = "examples") -> Interval:
    """The interval, or what can be said where all resamples are alike: that nothing was seen to vary is no certainty.

    All right or all wrong: the score interval of a share (Wilson 1927, "Probable inference, the law of succession, and
    statistical inference", JASA 22). It holds for the mean of other outcomes in 0..1 too, which lies between the share
    of those that are not 0 and the share of those that are 1.

    Args:
        interval: as `bootstrap` made it.
        value: the score of all examples.
        n: number of examples.
        mean: whether the score is a mean over the examples of outcomes in 0..1.
        unit: what was resampled.
    """
    if interval.low is None or interval.high is None or interval.high - interval.low > _NO_SPREAD:
        return interval
    if not mean or interval.level is None or min(abs(value), abs(1 - value)) > _NO_SPREAD:
        return Interval(low=None, high=None, level=None, kind=f"none: all resamples of the {unit} score the same")
    from scipy import stats

    square = float(stats.norm.ppf((1 + interval.level) / 2)) ** 2
    width = square / (n + square)
    low, high = (1 - width, 1.0) if value > 0.5 else (0.0, width)
    return Interval(low=low, high=high, level=interval.level, kind=f"Wilson score interval over {unit}")


def _percentile(values: NDArray[np.float64], level: float, unit: str) -> Interval:
    defined = values[~np.isnan(values)]
    undefined = values.size - defined.size
    if 2 * undefined >= values.size:
        return Interval(
            low=None, high=None, level=None, kind=f"none: undefined in {undefined} of {values.size} resamples"
        )
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    kind = f"bootstrap over {unit}"
    if undefined:
        kind += f" ({undefined} of {values.size} resamples undefined)"
    return Interval(low=float(low), high=float(high), level=level, kind=kind)
