"""Confidence intervals of typical times and rates, each of which says what it was taken over.

Iterations inside one process are not independent: layout, clock and cache are drawn once for all of them. The replicate
is therefore the process, and an interval from one process says so in its kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Interval", "over_blocks", "over_processes", "typical"]

_RESAMPLES = 1000


@dataclass(frozen=True, kw_only=True)
class Interval:
    """An estimate and how far it may be off."""

    estimate: float
    """The number itself."""
    low: float | None = None
    """Lower end; None: no interval can be had."""
    high: float | None = None
    """Upper end."""
    level: float | None = None
    """Coverage aimed at; None: no interval."""
    kind: str
    """How it was made, or why there is none."""
    n: int
    """Processes or blocks that it is over."""

    @property
    def relative_half_width(self) -> float:
        """Half of the width as a share of the estimate; infinite where there is no interval."""
        if self.low is None or self.high is None or not self.estimate:
            return float("inf")
        return (self.high - self.low) / 2.0 / abs(self.estimate)


def typical(replicates: Sequence[Sequence[Sequence[float]]], *, level: float = 0.95) -> Interval:
    """Median time over processes, or within the one process there is.

    Args:
        replicates: processes, each a list of blocks, each a list of times; none of them empty.
        level: coverage.
    """
    if len(replicates) > 1:
        medians = [float(np.median(np.concatenate([np.asarray(b, float) for b in blocks]))) for blocks in replicates]
        return over_processes(medians, level=level)
    return over_blocks(replicates[0], level=level)


def over_processes(estimates: Sequence[float], *, level: float = 0.95) -> Interval:
    """Geometric mean of one positive estimate per process, with Student's t on the logarithms.

    Times err by factors, not by sums, so that their logarithms are the symmetric quantity.

    Raises:
        ValueError: no estimate, or one that is not positive.
    """
    values = np.asarray(estimates, dtype=np.float64)
    if values.size == 0 or bool((values <= 0).any()):
        raise ValueError("an interval over processes needs positive estimates")
    n = int(values.size)
    logs = np.log(values)
    centre = float(logs.mean())
    if n < 2:
        return Interval(estimate=float(values[0]), kind="none: replicates = 1", n=1)
    from scipy import stats

    half = float(stats.t.ppf(0.5 + level / 2.0, n - 1)) * float(logs.std(ddof=1)) / n**0.5
    return Interval(
        estimate=float(np.exp(centre)),
        low=float(np.exp(centre - half)),
        high=float(np.exp(centre + half)),
        level=level,
        kind=f"Student t on logarithms over {n} processes",
        n=n,
    )


def over_blocks(blocks: Sequence[Sequence[float]], *, level: float = 0.95, seed: int = 0) -> Interval:
    """Median of all samples of one process, with a percentile bootstrap that draws whole blocks.

    Args:
        blocks: blocks of consecutive samples, none empty; neighbours in a block stay together.
        level: coverage.
        seed: of the resampling; the same samples always give the same interval.
    """
    arrays = [np.asarray(block, dtype=np.float64) for block in blocks]
    estimate = float(np.median(np.concatenate(arrays)))
    n = len(arrays)
    if n < 2:
        return Interval(estimate=estimate, kind="none: one block within one process, replicates = 1", n=n)
    low, high = np.quantile(_resampled_medians(arrays, seed), [0.5 - level / 2.0, 0.5 + level / 2.0])
    return Interval(
        estimate=estimate,
        low=min(float(low), estimate),
        high=max(float(high), estimate),
        level=level,
        kind=f"bootstrap over {n} blocks within one process, replicates = 1",
        n=n,
    )


def _resampled_medians(blocks: Sequence[np.ndarray], seed: int) -> np.ndarray:
    """Medians of `_RESAMPLES` draws of as many blocks, of shape (resamples,)."""
    draws = np.random.default_rng(seed).integers(len(blocks), size=(_RESAMPLES, len(blocks)))
    return np.array([np.median(np.concatenate([blocks[i] for i in draw])) for draw in draws])
