"""A number with its interval, and how people read it."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["MISSING", "Estimate", "estimate_text", "plain", "score_text", "significant"]

MISSING = "–"
"""What stands where there is no number."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """One number of a model."""

    value: float
    """The number, finite."""
    low: float | None = None
    """Lower end of its interval; None: no interval."""
    high: float | None = None
    """Upper end."""
    kind: str = ""
    """How the interval was made, or why there is none."""
    level: float | None = None
    """Coverage aimed at."""
    unit: str = ""
    """Unit of all three; empty: a score in 0..1 or -1..1."""
    seeds: int = 0
    """Seeds behind it; 0: does not apply."""
    examples: int = 0
    """Examples, samples or processes behind it."""
    sd: float | None = None
    """Sample standard deviation over the seeds; None: fewer than two."""

    @property
    def has_interval(self) -> bool:
        """Whether both ends are known."""
        return self.low is not None and self.high is not None

    def surely_above(self, other: Estimate) -> bool:
        """Whether the two intervals are disjoint and this one is the higher; without intervals nothing is sure."""
        return self.low is not None and other.high is not None and self.low > other.high

    def surely_better(self, other: Estimate, *, higher: bool) -> bool:
        """Whether the two intervals are disjoint and this one is on the better side."""
        return self.surely_above(other) if higher else other.surely_above(self)

    @property
    def basis(self) -> str:
        """What the interval is, in words: kind, level, seeds and examples."""
        parts = [self.kind or "no interval"]
        if self.has_interval and self.level is not None:
            parts[0] = f"{self.level:.0%} {parts[0]}"
        if self.seeds:
            spread = f" with sd {significant(self.sd if self.unit else 100 * self.sd)}" if self.sd is not None else ""
            parts.append(f"{self.seeds} seed{'s' if self.seeds > 1 else ''}{spread}")
        if self.examples:
            parts.append(f"n = {self.examples:,}")
        return ", ".join(parts)


def estimate_text(estimate: Estimate | None, *, interval: bool = True) -> str:
    """A number with its interval: a score times 100, anything else in its unit."""
    is_score = estimate is None or not estimate.unit
    return score_text(estimate, interval=interval) if is_score else plain(estimate, interval=interval)


def score_text(estimate: Estimate | None, *, interval: bool = True) -> str:
    """A score times 100 with one decimal, its interval in brackets."""
    return plain(estimate, scale=100.0, decimals=1, interval=interval)


def plain(estimate: Estimate | None, *, scale: float = 1.0, decimals: int | None = None, interval: bool = True) -> str:
    """`12.3 [11.9, 12.8]`: the number and its interval; decimals None: three significant digits."""
    if estimate is None:
        return MISSING

    def text(number: float) -> str:
        return significant(number * scale) if decimals is None else f"{number * scale:.{decimals}f}"

    if interval and estimate.low is not None and estimate.high is not None:
        return f"{text(estimate.value)} [{text(estimate.low)}, {text(estimate.high)}]"
    return text(estimate.value)


def significant(number: float) -> str:
    """Three significant digits without exponent, whole numbers from 100 on, thousands separated."""
    if number == 0:
        return "0"
    digits = 2 - math.floor(math.log10(abs(number)))
    return f"{number:,.{max(0, min(digits, 9))}f}"
