"""One number made of two models' scores (a difference, a ratio) with its distribution over resamples.

Over examples only, intervals and p-values are those of the percentile method (Efron and Tibshirani 1993, chapters 13
and 15: a p-value is the level at which the interval just reaches the null value). Over seeds too, of which there are
few, they are Student's t around the number with the bootstrap's standard error, its degrees of freedom pooled from the
seeds as Welch (1947) and Satterthwaite (1946) do: percentiles of five seeds would be far too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["Contrast", "NonInferiority", "SeedTerm", "not_worse"]


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


@dataclass(frozen=True, kw_only=True)
class NonInferiority:
    """Whether a model is not worse than another by more than a margin."""

    margin: float
    """The largest loss that still counts as not worse, in the score's unit."""
    bound: float
    """One-sided lower confidence bound of the difference."""
    level: float
    """Confidence of that bound."""
    p: float
    """One-sided p-value of "it is worse by the margin or more"."""
    shown: bool
    """Whether not being worse is shown: p below 1 - level. Not shown is not the same as worse."""


def not_worse(contrast: Contrast, margin: float, *, level: float = 0.95) -> NonInferiority:
    """Tests the null hypothesis that ours is worse than theirs by `margin` or more (Blackwelder 1982).

    A difference test that fails shows nothing: with few examples everything fails it. Here the burden is the other way.

    Args:
        contrast: ours minus theirs, higher the better; `usable`.
        margin: stated before looking, above 0, in the score's unit.
        level: confidence of the one-sided bound.
    """
    assert margin > 0, "a margin is above 0"
    p = contrast.p_not_above(-margin)
    bound, _ = contrast.interval(2 * level - 1)
    return NonInferiority(margin=margin, bound=bound, level=level, p=p, shown=p < 1 - level)
