"""One number made of two models' scores (a difference, a ratio) with its distribution over resamples.

Over examples only, intervals and p-values are those of the percentile method (Efron and Tibshirani 1993, chapters 13
and 15: a p-value is the level at which the interval just reaches the null value). Over seeds too, of which there are
few, they are Student's t around the number with the bootstrap's standard error, its degrees of freedom pooled from the
seeds as Welch (1947) and Satterthwaite (1946) do: percentiles of five seeds would be far too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

__all__ = ["Contrast", "SeedTerm"]

_NO_SPREAD = 1e-12
"""A standard error that is the rounding of equal numbers."""


@dataclass(frozen=True, kw_only=True)
class SeedTerm:
    """What the choice of seeds adds to a variance."""

    variance: float
    """Squared standard error of a mean over seeds."""
    freedom: float
    """Its degrees of freedom: seeds minus 1."""

    def times(self, factor: float) -> SeedTerm:
        """The term of the same mean times a factor."""
        return SeedTerm(variance=self.variance * factor**2, freedom=self.freedom)


@dataclass(frozen=True, kw_only=True, eq=False)
class Contrast:
    """A number and where it fell in each resample."""

    value: float
    """The number itself, finite."""
    draws: NDArray[np.float64] = field(repr=False)
    """The number in each resample, NaN where it is undefined there, of shape (resamples,)."""
    terms: Sequence[SeedTerm] = ()
    """What seeds add to its variance; empty: only examples were resampled."""

    @property
    def turned(self) -> Contrast:
        """The same seen from the other side."""
        return replace(self, value=-self.value, draws=-self.draws)

    @property
    def defined(self) -> NDArray[np.float64]:
        """The resamples in which it is defined."""
        return self.draws[~np.isnan(self.draws)]

    @property
    def undefined(self) -> int:
        """Resamples in which it is not."""
        return int(np.isnan(self.draws).sum())

    @property
    def usable(self) -> bool:
        """Whether it is defined in more than half of the resamples: else there is neither interval nor p-value."""
        return 2 * self.undefined < self.draws.size

    @property
    def error(self) -> float:
        """The bootstrap's standard error."""
        return float(self.defined.std(ddof=1))

    @property
    def freedom(self) -> float:
        """Degrees of freedom; infinite where no seeds were resampled or they make no difference."""
        pooled = math.fsum(term.variance**2 / term.freedom for term in self.terms)
        return max(self.error**4 / pooled, min(term.freedom for term in self.terms)) if pooled > 0 else math.inf

    def t_interval(self, level: float, freedom: float) -> tuple[float, float]:
        """Two-sided Student's t interval with the bootstrap's standard error, unbiased for few examples.

        Args:
            level: confidence.
            freedom: examples minus 1.
        """
        from scipy import stats

        half = float(stats.t.ppf((1 + level) / 2, freedom)) * self._unbiased_error(freedom)
        return self.value - half, self.value + half

    def t_not_above(self, bound: float, freedom: float) -> float:
        """`p_not_above` by the same Student's t; 0 or 1 where nothing varies."""
        from scipy import stats

        error = self._unbiased_error(freedom)
        if error <= _NO_SPREAD:
            return float(self.value <= bound)
        return float(stats.t.sf((self.value - bound) / error, freedom))

    def _unbiased_error(self, freedom: float) -> float:
        """The bootstrap's error is that of dividing by n; dividing by n - 1 makes up for it."""
        return self.error * math.sqrt((freedom + 1) / freedom)

    def interval(self, level: float) -> tuple[float, float]:
        """Two-sided confidence interval; it must be `usable`."""
        if not self.terms:
            low, high = np.quantile(self.defined, [(1 - level) / 2, (1 + level) / 2])
            return float(low), float(high)
        from scipy import stats

        half = float(stats.t.ppf((1 + level) / 2, self.freedom)) * self.error
        return self.value - half, self.value + half

    def p_not_above(self, bound: float) -> float:
        """One-sided p-value of "the true number is at most `bound`": small where it is surely above."""
        return self._tail(self.defined <= bound, self.value - bound)

    def p_not_below(self, bound: float) -> float:
        """One-sided p-value of "the true number is at least `bound`": small where it is surely below."""
        return self._tail(self.defined >= bound, bound - self.value)

    def p_value(self, bound: float = 0.0) -> float:
        """Two-sided p-value of "the true number is `bound`"."""
        return min(1.0, 2.0 * min(self.p_not_above(bound), self.p_not_below(bound)))

    def _tail(self, crossed: NDArray[np.bool_], distance: float) -> float:
        """p-value at `distance` on the expected side; `crossed` marks the resamples on the other."""
        from scipy import stats

        floor = 1.0 / (crossed.size + 1)
        error = self.error
        if self.terms and error > 0:
            return float(stats.t.sf(distance / error, self.freedom))
        if crossed.any() or error == 0:
            return (1.0 + float(crossed.sum())) * floor
        # No resample is on the other side: how far away that side is says the normal tail, never more than the floor.
        return min(floor, float(stats.norm.sf(distance / error)))
