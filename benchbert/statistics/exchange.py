"""The exchange test of two models on the same examples: exact on however few there are.

If neither is better, what the two said of an example might as well have been said the other way round. Every way of
exchanging their answers, example by example, is then as likely as the one seen, and the p-value is the share of them
with a difference at least as large (Fisher 1935, "The Design of Experiments", section 21; for metrics that are no
means Noreen 1989, "Computer-Intensive Methods for Testing Hypotheses", chapter 2, as Yeh 2000, arXiv cs/0008005,
uses it for F1). All ways are tried where they are few; else some are drawn, with the one seen among them (Phipson and
Smyth 2010, "Permutation p-values should never be zero").

Of k examples that differ at least two ways in 2^k are as extreme as what was seen, it and its mirror image: no p-value
is below 2^-(k-1). That is what a bootstrap does not know.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["FEW_DIFFERING", "FEW_EXAMPLES", "Exchange", "as_one_task", "exchange_p", "least_differing"]

FEW_EXAMPLES = 100
"""Below so many examples a bootstrap calls differences real more often than it says; the exchange test does not."""

FEW_DIFFERING = 15
"""The same where fewer examples than this tell the two models apart, however many there are."""

_CHUNK = 2_000_000
"""Counts held at once."""

_TIE = 1e-9
"""Differences nearer than this, as a share of the larger of 1 and the one seen, are equal."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Exchange:
    """One metric of two models, and what it becomes when they exchange answers."""

    value: float
    """The first model's score minus the second's."""
    counts: NDArray[np.int64]
    """Examples that tell the two apart, grouped where they are alike, of shape (groups,)."""
    exchanged: Callable[[NDArray[np.float64]], NDArray[np.float64]] = field(repr=False)
    """How many of each group change sides, of shape (rows, groups) -> the difference then, of shape (rows,)."""
    width: int
    """Numbers that `exchanged` holds for each row: what bounds how many rows are asked for at once."""
    weight: float = 1.0
    """Its share in a mean over tasks."""

    @property
    def differing(self) -> int:
        """Examples that tell the two apart."""
        return int(self.counts.sum())


def least_differing(level: float) -> int:
    """Examples that must differ before any p-value can be below 1 - level: 6 at 95%."""
    return math.floor(1 - math.log2(1 - level)) + 1


def as_one_task(examples: Sequence[int], weights: Sequence[float]) -> int:
    """How many examples of one task know as much of their spread as a weighted mean over tasks does of its own.

    Degrees of freedom pooled as Satterthwaite (1946) does, an example of one task taken to vary like one of another: a
    task of a handful decides where it has most of the variance, and hardly counts beside many others.

    Args:
        examples: number of examples of each task, above 0.
        weights: its share in the mean.
    """
    variances = [weight**2 / n for n, weight in zip(examples, weights, strict=True)]
    pooled = math.fsum(v**2 / max(n - 1, 0.5) for v, n in zip(variances, examples, strict=True))
    return max(1, min(sum(examples), math.floor(math.fsum(variances) ** 2 / pooled + 1e-9) + 1))


def exchange_p(parts: Sequence[Exchange], *, draws: int = 2000, stream: Sequence[int] = (0,)) -> float:
    """Two-sided p-value of "neither is better" for a weighted sum of metrics over independent sets of examples.

    Args:
        parts: the metrics; one where there is one task.
        draws: ways of exchanging that are drawn where all of them are more than so many.
        stream: seeds the random numbers.
    """
    differing = sum(part.differing for part in parts)
    if differing == 0:
        return 1.0
    seen = abs(math.fsum(part.weight * part.value for part in parts))
    if not math.isfinite(seen):
        return 1.0
    bar = seen - _TIE * max(1.0, seen)
    exact = 2**differing <= draws
    extreme = total = 0
    for moved in _all_ways(parts) if exact else _some_ways(parts, draws, stream):
        found = np.zeros(len(moved[0]))
        for part, swapped in zip(parts, moved, strict=True):
            found += part.weight * part.exchanged(swapped)
        # A way in which a metric is undefined counts as extreme: it cannot speak against chance.
        extreme += int((~(np.abs(found) < bar)).sum())
        total += found.size
    return extreme / total if exact else max((1 + extreme) / (1 + total), 2.0 ** (1 - differing))


def _all_ways(parts: Sequence[Exchange]) -> Iterator[list[NDArray[np.float64]]]:
    """Every way, for each part how many of each group change sides, some rows at a time."""
    differing = sum(part.differing for part in parts)
    step = _rows(parts)
    for first in range(0, 2**differing, step):
        ways = np.arange(first, min(first + step, 2**differing))
        bits = ((ways[:, None] >> np.arange(differing)) & 1).astype(np.float64)
        moved, start = [], 0
        for part in parts:
            group = np.repeat(np.arange(part.counts.size), part.counts)
            membership = (group[:, None] == np.arange(part.counts.size)).astype(np.float64)
            moved.append(bits[:, start : start + part.differing] @ membership)
            start += part.differing
        yield moved


def _some_ways(parts: Sequence[Exchange], draws: int, stream: Sequence[int]) -> Iterator[list[NDArray[np.float64]]]:
    """Ways that were drawn."""
    rng = np.random.default_rng([*stream, 4])
    step = _rows(parts)
    for first in range(0, draws, step):
        rows = min(step, draws - first)
        yield [rng.binomial(part.counts, 0.5, size=(rows, part.counts.size)).astype(np.float64) for part in parts]


def _rows(parts: Sequence[Exchange]) -> int:
    return max(1, _CHUNK // max(1, sum(part.width for part in parts)))
