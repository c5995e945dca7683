"""Whether a model is not worse than another by more than a stated margin (Blackwelder 1982).

A difference test that fails shows nothing: with few examples everything fails it. Here the burden is the other way, and
where the data cannot carry it nothing is shown: a model that errs on one example in fifty more looks just like its
equal on thirty of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from benchbert.statistics.contrast import Contrast
from benchbert.statistics.exchange import FEW_EXAMPLES
from benchbert.statistics.paired_shares import binomial_floor, p_not_worse

__all__ = ["LEAST_DIFFERING", "LEAST_EXAMPLES", "NonInferiority", "not_worse", "share_not_worse"]

LEAST_EXAMPLES = 15
"""Below so many a standard error is too rough for a claim."""

LEAST_DIFFERING = 30
"""Examples that must tell two models apart before a bootstrap knows how a metric that is no mean over them varies."""

_STEPS = 60
"""Halvings of a bound."""


@dataclass(frozen=True, kw_only=True)
class NonInferiority:
    """Whether a model is not worse than another by more than a margin."""

    margin: float
    """The largest loss that still counts as not worse, in the metric's unit."""
    bound: float | None = None
    """One-sided lower confidence bound of ours minus theirs, the better the higher; None: none can be had."""
    level: float
    """Confidence of that bound."""
    p: float | None = None
    """One-sided p-value of "it is worse by the margin or more"; None: none can be had."""
    shown: bool = False
    """Whether not being worse is shown: p below 1 - level. Not shown is not the same as worse."""
    method: str = ""
    """How it was tested, or why it could not be."""


def share_not_worse(won: int, lost: int, n: int, margin: float, *, level: float = 0.95) -> NonInferiority:
    """Of two single checkpoints by a share of rights: the score test (Nam 1997, Tango 1998).

    Args:
        won: examples that only ours gets right.
        lost: examples that only theirs gets right.
        n: all examples.
        margin: stated before looking, above 0, as a share.
        level: confidence of the one-sided bound.
    """
    assert margin > 0, "a margin is above 0"
    p = p_not_worse(won, lost, n, margin)
    low, high = -1.0, 1.0
    # The p-value falls as the margin grows: the bound is where it crosses 1 - level.
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if p_not_worse(won, lost, n, middle) < 1 - level else (middle, high)
    return NonInferiority(
        margin=margin, bound=-high, level=level, p=p, shown=p < 1 - level, method="score test of two paired shares"
    )


def not_worse(
    contrast: Contrast, margin: float, *, examples: int, differing: int, mean: bool, level: float = 0.95
) -> NonInferiority:
    """Of several checkpoints, or by another metric: the bootstrap, where it can carry the claim.

    Args:
        contrast: ours minus theirs, higher the better; `usable`.
        margin: stated before looking, above 0, in the metric's unit.
        examples: number of examples.
        differing: of them, those that tell the two models apart.
        mean: whether the metric is a mean of outcomes in 0..1, so that rare losses can be bounded exactly
            (`binomial_floor`). Else many examples must differ.
        level: confidence of the one-sided bound.
    """
    assert margin > 0, "a margin is above 0"
    if examples < LEAST_EXAMPLES:
        why = f"too few examples to tell: {examples}, it takes {LEAST_EXAMPLES}"
        return NonInferiority(margin=margin, level=level, method=why)
    if not mean and differing < LEAST_DIFFERING:
        why = f"too few examples to tell: the models differ on {differing}, it takes {LEAST_DIFFERING}"
        return NonInferiority(margin=margin, level=level, method=why)
    freedom = examples - 1.0
    few = examples < FEW_EXAMPLES and not contrast.terms
    p = contrast.t_not_above(-margin, freedom) if few or not differing else contrast.p_not_above(-margin)
    bound = (contrast.t_interval(2 * level - 1, freedom) if few else contrast.interval(2 * level - 1))[0]
    if mean:
        lost = -contrast.value * examples
        p = max(p, binomial_floor(lost, examples, margin))
        bound = min(bound, -_rare_losses(lost, examples, 1 - level))
    method = ("Student's t with the bootstrap's error" if few else "bootstrap") + (
        ", rare losses by the binomial" if mean else ""
    )
    return NonInferiority(margin=margin, bound=bound, level=level, p=p, shown=p < 1 - level, method=method)


def _rare_losses(net_lost: float, n: int, alpha: float) -> float:
    """The smallest margin that `binomial_floor` would let pass."""
    from scipy import stats

    lost = math.floor(net_lost + 1e-9)
    return -math.inf if lost < 0 else 1.0 if lost >= n else float(stats.beta.ppf(1 - alpha, lost + 1, n - lost))
