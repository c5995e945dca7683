"""The difference between two models' scores, with an interval that says how it was made.

From two common seeds on it is Student's t over the differences seed by seed (W. S. Gosset, 1908: the paired test); it
covers other seeds on the same examples. With fewer, the two intervals are combined as independent: half-widths add in
squares, as errors of independent quantities do. Two models that were scored on the same examples are as a rule alike in
which they get right, so that the second interval is wide rather than narrow.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from benchbert.statistics.intervals import Interval
from benchbert.statistics.seeds import t_interval

__all__ = ["COMBINED", "NOT_TOLD_APART", "PAIRED", "Difference", "Verdict", "difference"]

Verdict = Literal["above", "below", "not told apart"]

NOT_TOLD_APART: Verdict = "not told apart"
"""The interval holds 0, or there is none."""

PAIRED = "t over seed-paired differences"
"""Kind of the interval from two common seeds on."""

COMBINED = "intervals of the two scores combined as independent"
"""Kind of the interval with fewer: root of the summed squares of the half-widths."""

_LEVEL = 0.95


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One score minus another, in the scores' unit."""

    value: float
    """Ours minus theirs: above 0 where ours is the larger, whichever way is better."""
    low: float | None
    """Lower end of its interval; None: no interval."""
    high: float | None
    """Upper end."""
    kind: str
    """How the interval was made, or why there is none."""
    level: float | None
    """Coverage aimed at; None: no interval."""
    seeds: int
    """Seeds behind it: the common ones where they are paired, else the fewer of the two."""
    verdict: Verdict
    """`above` or `below` where the p-value or, without one, the interval says so, else `not told apart`."""
    p: float | None = None
    """Two-sided p-value, adjusted for the other pairs it was judged with; None: only the interval judges."""
    claim: str = ""
    """`models` or `checkpoints`: what a p-value is about; empty: there is none."""

    @property
    def basis(self) -> str:
        """What the interval is, in words: level, kind and seeds."""
        kind = self.kind if self.level is None else f"{self.level:.0%} {self.kind}"
        return f"{kind}, {self.seeds} seed{'' if self.seeds == 1 else 's'}"


def difference(
    ours: Interval, theirs: Interval, our_seeds: Mapping[int, float], their_seeds: Mapping[int, float]
) -> Difference:
    """Ours minus theirs.

    Args:
        ours: one score with its interval; `n` is its number of seeds.
        theirs: the other.
        our_seeds: seed -> the score of that seed.
        their_seeds: the same of the other; only common seeds are paired.
    """
    common = sorted(our_seeds.keys() & their_seeds.keys())
    if len(common) >= 2:
        each = [our_seeds[seed] - their_seeds[seed] for seed in common]
        low, high = t_interval(each, _LEVEL)
        return _judged(math.fsum(each) / len(each), (low, high), PAIRED, _LEVEL, len(common))
    value, seeds = ours.estimate - theirs.estimate, min(ours.n, theirs.n)
    halves = [(i.high - i.low) / 2 for i in (ours, theirs) if i.low is not None and i.high is not None]
    if len(halves) < 2:
        return _judged(value, None, "no interval: one of the two scores has none", None, seeds)
    if ours.level != theirs.level:
        return _judged(value, None, "no interval: those of the two scores have different levels", None, seeds)
    half = math.hypot(*halves)
    return _judged(value, (value - half, value + half), COMBINED, ours.level, seeds)


def _judged(value: float, ends: tuple[float, float] | None, kind: str, level: float | None, seeds: int) -> Difference:
    low, high = ends or (None, None)
    verdict = NOT_TOLD_APART
    if low is not None and low > 0:
        verdict = "above"
    elif high is not None and high < 0:
        verdict = "below"
    return Difference(value=value, low=low, high=high, kind=kind, level=level, seeds=seeds, verdict=verdict)
