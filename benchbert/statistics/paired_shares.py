"""Two shares of rights on the same examples: the score test and its interval, sound where the two hardly differ.

Nam 1997 ("Establishing equivalence of two treatments and sample size requirements in matched-pairs design",
Biometrics 53) tests "worse by the margin" with the variance that this hypothesis implies, not with the one seen: where
no example differs that is not 0, and nothing is shown for free. Tango 1998 ("Equivalence test and confidence interval
for the difference in proportions for the paired-sample design", Statistics in Medicine 17) inverts it to an interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable

__all__ = ["binomial_floor", "p_not_worse", "ratio_interval", "score_interval", "score_statistic"]

_STEPS = 60
"""Halvings of an interval end: to the last digits of a double."""


def score_statistic(won: int, lost: int, n: int, difference: float) -> float:
    """How many standard errors the difference seen lies above a supposed one.

    Args:
        won: examples that only the first model gets right.
        lost: examples that only the second gets right.
        n: all examples.
        difference: share of rights of the first minus that of the second, supposed, in -1..1.
    """
    gap = won - lost - n * difference
    b = -won - lost + (2 * n - won + lost) * difference
    c = -lost * difference * (1 - difference)
    # The share that only the second gets right, most likely if the supposed difference is the true one.
    only_second = (math.sqrt(max(b * b - 8 * n * c, 0.0)) - b) / (4 * n)
    variance = n * (2 * only_second + difference * (1 - difference))
    if variance <= 1e-12 * n:
        return 0.0 if abs(gap) < 1e-12 * n else math.copysign(math.inf, gap)
    return gap / math.sqrt(variance)


def score_interval(won: int, lost: int, n: int, level: float) -> tuple[float, float]:
    """Two-sided confidence interval of the difference of two shares (Tango 1998)."""
    from scipy import stats

    bar = float(stats.norm.ppf((1 + level) / 2))
    seen = (won - lost) / n
    low = _crossing(lambda d: score_statistic(won, lost, n, d) > bar, -1.0, seen)
    high = _crossing(lambda d: score_statistic(won, lost, n, d) >= -bar, seen, 1.0)
    return low, high


def ratio_interval(both: int, won: int, lost: int, level: float) -> tuple[float, float]:
    """Two-sided confidence interval of the ratio of two shares on the same examples.

    Hybrid of two Wilson intervals, narrowed for their correlation (Bonet & Price 2006, "Confidence intervals for a
    ratio of binomial proportions based on paired data", Statistics in Medicine 25).

    Args:
        both: examples that both get right.
        won: examples that only the first gets right.
        lost: examples that only the second gets right; `both + lost` is above 0.
        level: coverage aimed at.
    """
    from scipy import stats

    n, first, second = both + won + lost, both + won, both + lost

    def spread(right: int) -> float:
        return math.sqrt((1 - (right + 1) / (n + 2)) / (right + 1))

    together = math.sqrt((won + lost + 2) / ((first + 1) * (second + 1)))
    z = float(stats.norm.ppf((1 + level) / 2)) * together / (spread(first) + spread(second))

    def wilson(right: int) -> tuple[float, float]:
        middle = 2 * right + z * z
        half = z * math.sqrt(z * z + 4 * right * (1 - right / n))
        return (middle - half) / (2 * (n + z * z)), (middle + half) / (2 * (n + z * z))

    (low, high), (under, over) = wilson(first), wilson(second)
    return low / over, high / under if under > 0 else math.inf


def p_not_worse(won: int, lost: int, n: int, margin: float) -> float:
    """One-sided p-value of "the first model's share is lower by `margin` or more".

    The larger of the score test's and `binomial_floor`: alone, the first is a little too bold where losses are rare.

    Args:
        won: examples that only the first model gets right.
        lost: examples that only the second gets right.
        n: all examples.
        margin: largest loss that still counts as not worse; below 0 it is a gain that must be there.
    """
    from scipy import stats

    if margin >= 1:
        return 0.0
    score = float(stats.norm.sf(score_statistic(won, lost, n, -margin)))
    return max(score, binomial_floor(lost - won, n, margin))


def binomial_floor(net_lost: float, n: int, margin: float) -> float:
    """Chance of so small a loss where the truth is the margin and no example is won: binomial, exact.

    Whoever is worse by the margin loses at least so large a share of the examples, if an example counts 1 at most;
    examples won beside them only make small losses more likely.

    Args:
        net_lost: sum over the examples of what the first model loses, may be below 0.
        n: number of examples.
        margin: as in `p_not_worse`; at most 0 the bound says nothing, and is 0.
    """
    from scipy import stats

    return float(stats.binom.cdf(math.floor(net_lost + 1e-9), n, min(margin, 1.0))) if margin > 0 else 0.0


def _crossing(holds: Callable[[float], bool], low: float, high: float) -> float:
    """Where a condition that holds at the low end, if anywhere, ceases to."""
    if not holds(low):
        return low
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
