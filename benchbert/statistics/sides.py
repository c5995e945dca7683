"""Scores of two models in the same resamples: of the examples, or of seeds and examples both.

- Over examples (Efron and Tibshirani 1993): both models see the same draws, so that what makes an example hard for both
  falls out of their difference. The checkpoints are fixed: the claim is about them.
- Crossed (Owen 2007, "The pigeonhole bootstrap", Annals of Applied Statistics 1): examples and each model's seeds are
  drawn apart, and a resample is the product. The claim is about the models: other seeds, other examples. It takes the
  interaction of seed and example for too large rather than too small. Of S seeds S - 1 are drawn, so that the variance
  over seeds is unbiased (Efron 1982, "The jackknife, the bootstrap and other resampling plans", chapter 8).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchbert.statistics.cells import Cells
from benchbert.statistics.contrast import Contrast, SeedTerm

__all__ = [
    "RESAMPLES",
    "SEEDS_FOR_METHODS",
    "Checkpoints",
    "Resampled",
    "Sides",
    "mean_sides",
    "over_seeds",
    "resample",
    "resampled_sides",
    "sides_of",
]

RESAMPLES = 2000
"""Resamples of a comparison."""

SEEDS_FOR_METHODS = 5
"""Seeds of each model from which on a claim about models, not checkpoints, can be made."""

Checkpoints = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Counts of cells of shape (resamples, cells) -> score of each checkpoint, of shape (resamples, checkpoints)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Sides:
    """Scores of two models, each the mean over its checkpoints."""

    ours: float
    """The first model's score; NaN: undefined."""
    theirs: float
    """The second model's."""
    our_draws: NDArray[np.float64] = field(repr=False)
    """The first model's score in each resample, of shape (resamples,), NaN where undefined."""
    their_draws: NDArray[np.float64] = field(repr=False)
    """The second model's."""
    our_term: SeedTerm | None = None
    """What the first model's seeds add to the variance; None: they are fixed."""
    their_term: SeedTerm | None = None
    """What the second model's seeds add."""

    @property
    def defined(self) -> bool:
        """Whether both have a score."""
        return math.isfinite(self.ours) and math.isfinite(self.theirs)

    @property
    def difference(self) -> Contrast:
        """Ours minus theirs."""
        terms = [term for term in (self.our_term, self.their_term) if term]
        return Contrast(value=self.ours - self.theirs, draws=self.our_draws - self.their_draws, terms=terms)

    @property
    def ratio(self) -> Contrast:
        """Ours as a share of theirs, which must be above 0; the variance over seeds by the delta method."""
        slopes = ((self.our_term, 1 / self.theirs), (self.their_term, self.ours / self.theirs**2))
        positive = np.where(self.their_draws > 0, self.their_draws, np.nan)
        terms = [term.times(slope) for term, slope in slopes if term]
        return Contrast(value=self.ours / self.theirs, draws=self.our_draws / positive, terms=terms)


@dataclass(frozen=True, kw_only=True, eq=False)
class Resampled:
    """Scores of checkpoints in the same resamples of the examples."""

    point: NDArray[np.float64]
    """Their scores, of shape (checkpoints,), NaN where undefined."""
    values: NDArray[np.float64] = field(repr=False)
    """Their scores in each resample, of shape (resamples, checkpoints), NaN where undefined."""


def resample(statistic: Checkpoints, cells: Cells, resamples: int, stream: Sequence[int]) -> Resampled:
    """Scores of checkpoints over resamples of the examples.

    Args:
        statistic: scores of all checkpoints as a function of counts.
        cells: the examples.
        resamples: number of resamples.
        stream: seeds the random numbers, as in `sides_of`.
    """
    point = statistic(cells.counts[None].astype(np.float64))[0]
    rng = np.random.default_rng([*stream, 1])
    values = np.concatenate([statistic(counts) for counts in cells.resampled(rng, resamples)])
    return Resampled(point=point, values=values)


def sides_of(
    ours: Resampled, theirs: Resampled, *, seeds: tuple[bool, bool] = (False, False), stream: Sequence[int] = (0,)
) -> Sides:
    """Two models' scores, each the mean over its checkpoints, drawn too where `seeds` says so.

    Args:
        ours: the first model's checkpoints.
        theirs: the second's, in the same resamples.
        seeds: for each model whether its checkpoints are a sample of seeds to be resampled (two or more then) rather
            than fixed.
        stream: seeds the random numbers: the same stream and data give the same result, different streams are
            independent.
    """
    # A generator of their own: the splits of one task, whose checkpoints are the same, can share the draws.
    generators = [np.random.default_rng([stream[0], side]) for side in (2, 3)]
    sides = []
    for part, sampled, generator in zip((ours, theirs), seeds, generators, strict=True):
        draws = over_seeds(part.values, generator) if sampled else part.values.mean(axis=1)
        sides.append((float(part.point.mean()), draws, _term(part.point) if sampled else None))
    (our, our_draws, our_term), (their, their_draws, their_term) = sides
    return Sides(
        ours=our,
        theirs=their,
        our_draws=our_draws,
        their_draws=their_draws,
        our_term=our_term,
        their_term=their_term,
    )


def resampled_sides(
    statistic: Checkpoints,
    cells: Cells,
    ours: int,
    *,
    seeds: tuple[bool, bool] = (False, False),
    resamples: int = RESAMPLES,
    stream: Sequence[int] = (0,),
) -> Sides:
    """Scores of two models over resamples of the examples and, where `seeds` says so, of their checkpoints.

    Args:
        statistic: scores of all checkpoints as a function of counts, the first model's checkpoints first.
        cells: the examples.
        ours: how many checkpoints the first model has.
        seeds: as in `sides_of`.
        resamples: number of resamples.
        stream: as in `sides_of`.
    """
    both = resample(statistic, cells, resamples, stream)
    first, second = (
        Resampled(point=both.point[part], values=both.values[:, part]) for part in (slice(ours), slice(ours, None))
    )
    return sides_of(first, second, seeds=seeds, stream=stream)


def mean_sides(groups: Sequence[Sequence[Sides]]) -> Sides:
    """The mean over groups (tasks) of the mean over each group's members (splits or metrics of a task).

    Groups are independent of each other; members of a group share their seeds, and are taken as moving together.

    Args:
        groups: none of them empty, all with the same number of resamples.
    """
    weighted = [(side, 1 / (len(groups) * len(group))) for group in groups for side in group]
    return Sides(
        ours=math.fsum(side.ours * weight for side, weight in weighted),
        theirs=math.fsum(side.theirs * weight for side, weight in weighted),
        our_draws=np.sum([side.our_draws * weight for side, weight in weighted], axis=0),
        their_draws=np.sum([side.their_draws * weight for side, weight in weighted], axis=0),
        our_term=_pooled([[side.our_term for side in group] for group in groups]),
        their_term=_pooled([[side.their_term for side in group] for group in groups]),
    )


def over_seeds(values: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Mean over S - 1 of the S columns drawn with replacement, one draw a row."""
    resamples, seeds = values.shape
    assert seeds >= 2, "one seed is no sample of seeds"
    drawn = rng.integers(0, seeds, size=(resamples, seeds - 1))
    return np.asarray(np.take_along_axis(values, drawn, axis=1).mean(axis=1))


def _term(scores: NDArray[np.float64]) -> SeedTerm:
    return SeedTerm(variance=float(scores.var(ddof=1)) / scores.size, freedom=scores.size - 1)


def _pooled(groups: Sequence[Sequence[SeedTerm | None]]) -> SeedTerm | None:
    """The term of the mean over groups; its degrees of freedom are pooled (Satterthwaite 1946)."""
    parts = []
    for group in groups:
        terms = [term for term in group if term]
        if terms:
            deviation = math.fsum(math.sqrt(term.variance) for term in terms) / (len(group) * len(groups))
            parts.append(SeedTerm(variance=deviation**2, freedom=min(term.freedom for term in terms)))
    if not parts:
        return None
    variance = math.fsum(part.variance for part in parts)
    pooled = math.fsum(part.variance**2 / part.freedom for part in parts)
    freedom = variance**2 / pooled if pooled > 0 else min(part.freedom for part in parts)
    return SeedTerm(variance=variance, freedom=freedom)
