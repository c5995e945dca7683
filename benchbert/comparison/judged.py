"""The one way in which a difference between two models is judged, wherever their predictions are stored.

One checkpoint each and a metric that is a mean of rights and wrongs: McNemar's exact test (1947). Otherwise a paired
bootstrap over examples, which is about these checkpoints; from five seeds of each model on a crossed bootstrap over
seeds and examples, which is about the models.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from benchbert.comparison.measured import Claim
from benchbert.statistics.mcnemar import mcnemar
from benchbert.statistics.sides import Sides

__all__ = ["CROSSED", "LEVEL", "MCNEMAR", "PAIRED", "Judged", "judged"]

MCNEMAR = "McNemar's exact test"
PAIRED = "paired bootstrap over examples"
CROSSED = "crossed bootstrap over seeds and examples"

LEVEL = 0.95
"""Confidence of intervals; differences are called at 1 minus it."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The difference between two models on the same examples, before its p-value is adjusted for others."""

    effect: float | None
    """The first model's score minus the second's; None: one is undefined."""
    low: float | None = None
    """Lower end of its interval; None: no interval."""
    high: float | None = None
    """Upper end."""
    level: float
    """Confidence of the interval."""
    interval_kind: str
    """How the interval was made, or why there is none."""
    p: float | None = None
    """Two-sided p-value; None: undefined."""
    test: str
    """Name of the test that gave it."""
    claim: Claim
    """What it is about: the models, or only these checkpoints."""
    seeds: int
    """Checkpoints of the model that has fewer; one constant answer, which needs no seeds, does not count."""


def judged(
    sides: Sides,
    claim: Claim,
    *,
    examples: int,
    exact: tuple[int, int] | None = None,
    level: float = LEVEL,
    seeds: int = 1,
) -> Judged:
    """Judges two models from their scores in the same resamples.

    Args:
        sides: the scores.
        claim: what the resamples carry.
        examples: number of examples, the fewest where there are several tasks.
        exact: examples that only the first and that only the second gets right, where both are single checkpoints and
            the metric is a share of rights; None: McNemar's test does not apply.
        level: confidence of the interval.
        seeds: as `Judged.seeds`.
    """
    resampled = CROSSED if claim == "models" else PAIRED
    effect = sides.ours - sides.theirs if sides.defined else None
    none = Judged(
        effect=effect,
        level=level,
        interval_kind="none: undefined",
        test=resampled,
        claim=claim,
        seeds=seeds,
    )
    if effect is None:
        return none
    contrast = sides.difference
    undefined = f"undefined in {contrast.undefined} of {contrast.draws.size} resamples"
    if examples < 2 or not contrast.usable:
        why = undefined if contrast.undefined else "fewer than two examples"
        return replace(none, interval_kind=f"none: {why}")
    kind = f"{level:.0%} {resampled}" + (", Student's t" if contrast.terms else ", percentiles")
    kind += f" ({contrast.undefined} of {contrast.draws.size} resamples undefined)" if contrast.undefined else ""
    low, high = contrast.interval(level)
    counts = exact if claim == "checkpoints" else None
    return replace(
        none,
        low=low,
        high=high,
        interval_kind=kind,
        p=mcnemar(*counts) if counts else contrast.p_value(),
        test=MCNEMAR if counts else resampled,
    )
