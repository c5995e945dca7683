"""The one way in which a difference between two models is judged, wherever their predictions are stored.

One checkpoint each and a metric that is a mean of rights and wrongs: McNemar's exact test (1947) and Tango's score
interval (1998). Otherwise a paired bootstrap over examples, which is about these checkpoints; from five seeds of each
model on a crossed bootstrap over seeds and examples, which is about the models.

On few examples, or where few tell the models apart, a bootstrap is too sure. There the exchange test over examples
judges checkpoints (`benchbert.statistics.exchange`), and a claim about models must pass both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from benchbert.comparison.evidence import Evidence
from benchbert.comparison.measured import Claim
from benchbert.statistics.contrast import Contrast
from benchbert.statistics.exchange import exchange_p, least_differing
from benchbert.statistics.mcnemar import mcnemar
from benchbert.statistics.paired_shares import score_interval
from benchbert.statistics.ranges import cut
from benchbert.statistics.sides import Sides

__all__ = [
    "CROSSED",
    "EXCHANGED",
    "LEVEL",
    "MCNEMAR",
    "PAIRED",
    "TOO_FEW",
    "Judged",
    "few_interval",
    "judged",
]

MCNEMAR = "McNemar's exact test"
PAIRED = "paired bootstrap over examples"
CROSSED = "crossed bootstrap over seeds and examples"
EXCHANGED = "exchange test over examples"

TOO_FEW = "too few examples to tell"
"""What is said where no outcome could have been called a difference."""

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


def judged(sides: Sides, claim: Claim, evidence: Evidence, *, level: float = LEVEL, seeds: int = 1) -> Judged:
    """Judges two models from their scores in the same resamples.

    Args:
        sides: the scores.
        claim: what the resamples carry.
        evidence: the examples behind them.
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
    if evidence.examples < 2 or not contrast.usable:
        undefined = f"undefined in {contrast.undefined} of {contrast.draws.size} resamples"
        why = undefined if contrast.undefined else "fewer than two examples"
        return replace(none, interval_kind=f"none: {why}")
    if evidence.shares and claim == "checkpoints":
        return _of_shares(none, evidence.shares, evidence.examples)
    if evidence.is_thin:
        return _of_few(none, contrast, evidence)
    kind = f"{level:.0%} {resampled}" + (", Student's t" if contrast.terms else ", percentiles")
    low, high = contrast.interval(level)
    return replace(none, low=low, high=high, interval_kind=kind + _undefined(contrast), p=contrast.p_value())


def _of_shares(none: Judged, shares: tuple[int, int], n: int) -> Judged:
    """Two single checkpoints by a share of rights."""
    low, high = score_interval(*shares, n, none.level)
    kind = f"{none.level:.0%} score interval of two paired shares (Tango)"
    return replace(none, low=low, high=high, interval_kind=kind, p=mcnemar(*shares), test=MCNEMAR)


def _of_few(none: Judged, contrast: Contrast, evidence: Evidence) -> Judged:
    """Few examples, or few that differ."""
    p = exchange_p(evidence.exchanges(), stream=evidence.stream)
    test = EXCHANGED
    if contrast.terms:
        # Of the models only what is true of these checkpoints, too.
        p = max(p, contrast.p_value())
        test = f"{CROSSED}, {EXCHANGED}"
    ends, kind = few_interval(contrast, evidence, none.level)
    low, high = cut(ends, (-evidence.reach, evidence.reach)) if ends else (None, None)
    return replace(none, low=low, high=high, interval_kind=kind, p=p, test=test)


def few_interval(contrast: Contrast, evidence: Evidence, level: float) -> tuple[tuple[float, float] | None, str]:
    """Interval and its kind on few examples: Student's t over them; none where too few differ to know their spread."""
    least = least_differing(level)
    if evidence.differing < least:
        differ = f"{evidence.differing} of {evidence.examples} examples differ, it takes {least}"
        return None, f"none: {TOO_FEW} ({differ})"
    if contrast.terms:
        return contrast.interval(level), f"{level:.0%} {CROSSED}, Student's t{_undefined(contrast)}"
    ends = contrast.t_interval(level, evidence.examples - 1)
    return ends, f"{level:.0%} {PAIRED}, Student's t over few examples{_undefined(contrast)}"


def _undefined(contrast: Contrast) -> str:
    return f" ({contrast.undefined} of {contrast.draws.size} resamples undefined)" if contrast.undefined else ""
