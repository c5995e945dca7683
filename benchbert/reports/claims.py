"""Published claims of smaller, faster and nearly as good, held against what was measured here.

Sizes are counts: a claim holds where ours differs by no more than 5 %, for its two digits and for what was counted
(pooler or not). Speed and score claims hold where the whole interval of ours reaches the claim, less 10 % for a speed
and its rounding for a score; they fail where none of it does; else these results cannot tell. Speeds were claimed on
other hardware, so a verdict is about this machine, and about none other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from benchbert.registry import entries
from benchbert.reports.cells import PARAMETERS, facts_of
from benchbert.reports.claimed_scores import retention
from benchbert.reports.claimed_speeds import speedup
from benchbert.reports.measured import Measured, Unknown
from benchbert.reports.records import records_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CANNOT_TELL", "CLAIMS", "CheckedClaim", "Claim", "Outcome", "check_claims", "claims"]

Outcome = Literal["confirm", "refute", "cannot tell"]

CANNOT_TELL: Outcome = "cannot tell"
"""Numbers are missing, or their interval holds the claim's bound."""

_BASE = "bert-base-uncased"
_DISTIL = "distilbert-base-uncased"
_SIZE_TOLERANCE = 0.05
_SPEED_TOLERANCE = 0.10
_RETENTION_TOLERANCE = 0.005


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Something that a publication says of a model beside another."""

    name: str
    """The claim in words."""
    kind: Literal["size", "speed", "no faster", "retention"]
    """What it is about: parameters, latency, latency, GLUE."""
    model: str
    """The model that it is about."""
    reference: str
    """The model that it is measured by."""
    claimed: float
    """Size and speed: how many times smaller or faster; retention: share of the reference's average."""
    source: str
    """Who says so."""
    conditions: str = ""
    """What it was measured on; empty: a count."""
    average: str = ""
    """Retention: which named GLUE average."""


_SANH = "Sanh et al. 2019, arXiv 1910.01108"
_SUN = "Sun et al. 2020, arXiv 2004.02984"

CLAIMS = (
    Claim(
        name="DistilBERT is 40 % smaller than BERT-base",
        kind="size",
        model=_DISTIL,
        reference=_BASE,
        claimed=1 / 0.6,
        source=_SANH,
    ),
    Claim(
        name="DistilBERT is 60 % smaller than BERT-base",
        kind="size",
        model=_DISTIL,
        reference=_BASE,
        claimed=1 / 0.4,
        source="often repeated, not in the paper",
    ),
    Claim(
        name="DistilBERT is 60 % faster than BERT-base",
        kind="speed",
        model=_DISTIL,
        reference=_BASE,
        claimed=1.63,
        source=_SANH,
        conditions="STS-B, batch 1, CPU: 668 s to 410 s",
    ),
    Claim(
        name="DistilBERT keeps 97 % of BERT-base on GLUE",
        kind="retention",
        model=_DISTIL,
        reference=_BASE,
        claimed=0.97,
        source=_SANH,
        conditions="9 tasks with WNLI, dev",
        average="distilbert",
    ),
    Claim(
        name="DistilBERT keeps 97 % of BERT-base on GLUE without WNLI",
        kind="retention",
        model=_DISTIL,
        reference=_BASE,
        claimed=0.97,
        source="the same claim; the published scores give 96.2 %",
        conditions="8 tasks, dev",
        average="no_wnli",
    ),
    Claim(
        name="MobileBERT is 4.3 times smaller than BERT-base",
        kind="size",
        model="mobilebert-uncased",
        reference=_BASE,
        claimed=4.3,
        source=_SUN,
    ),
    Claim(
        name="MobileBERT is 5.5 times faster than BERT-base",
        kind="speed",
        model="mobilebert-uncased",
        reference=_BASE,
        claimed=5.5,
        source=f"{_SUN} (quoted at second hand)",
        conditions="a Pixel 4 phone: 342 ms to 62 ms",
    ),
    Claim(
        name="TinyBERT-4 is 9.4 times faster than BERT-base",
        kind="speed",
        model="tinybert-4l-312",
        reference=_BASE,
        claimed=9.4,
        source="Jiao et al. 2020, arXiv 1909.10351",
        conditions="a GPU of its authors",
    ),
    Claim(
        name="MiniLM-L12 is 2.7 times faster than BERT-base",
        kind="speed",
        model="minilm-l12-h384",
        reference=_BASE,
        claimed=2.7,
        source="MiniLM README",
        conditions="hardware of its authors",
    ),
    Claim(
        name="ALBERT-base has 9.4 times fewer parameters than BERT-base",
        kind="size",
        model="albert-base-v2",
        reference=_BASE,
        claimed=9.4,
        source="Lan et al. 2020, arXiv 1909.11942",
    ),
    Claim(
        name="ALBERT-base is no faster than BERT-base",
        kind="no faster",
        model="albert-base-v2",
        reference=_BASE,
        claimed=1.0,
        source="its layer runs as often as BERT's layers do",
        conditions="any hardware",
    ),
)
"""The claims, in the order in which they are shown."""


@dataclass(frozen=True, kw_only=True)
class CheckedClaim:
    """A claim and what these results say of it."""

    claim: str
    """The claim in words."""
    claimed: float
    """The ratio or share that it states."""
    measured: float | None
    """Ours; None: not measured."""
    low: float | None
    """Lower end of its interval; None: a count, or no interval."""
    high: float | None
    """Upper end."""
    verdict: Outcome
    """Whether ours confirms it, refutes it, or cannot tell."""
    reason: str
    """What ours stands on, or which numbers are missing."""
    source: str
    """Who claims it."""
    conditions: str
    """What they measured it on; empty: a count."""


def claims(frame: pd.DataFrame, strange: Collection[str] = frozenset()) -> pd.DataFrame:
    """All claims as a table with the fields of `CheckedClaim` as columns; missing numbers are NA.

    Args:
        frame: as `benchbert.load_results` gives it.
        strange: models that only have a registered model's name (`comparability.strangers`).
    """
    return records_table(check_claims(frame, strange), CheckedClaim, numbers={"claimed", "measured", "low", "high"})


def check_claims(frame: pd.DataFrame, strange: Collection[str] = frozenset()) -> tuple[CheckedClaim, ...]:
    """Every claim of `CLAIMS` with its verdict; arguments as `claims`."""
    known = entries("models")
    families = [known[model].family if model in known else "" for model in frame["model"]]
    own = frame[(frame["family"] == families) & (frame["control_of"] == "") & ~frame["model"].isin(list(strange))]
    return tuple(_checked(claim, own) for claim in CLAIMS)


def _checked(claim: Claim, frame: pd.DataFrame) -> CheckedClaim:
    found = _MEASURES[claim.kind](claim, frame)
    if isinstance(found, Unknown):
        return _row(claim, None, CANNOT_TELL, found.reason)
    if found.doubt:
        return _row(claim, found, CANNOT_TELL, f"{found.doubt}; {found.basis}")
    if claim.kind == "size":
        holds = abs(found.value / claim.claimed - 1) <= _SIZE_TOLERANCE
        return _row(claim, found, "confirm" if holds else "refute", found.basis)
    if found.low is None or found.high is None:
        return _row(claim, found, CANNOT_TELL, f"no interval; {found.basis}")
    if claim.kind == "no faster":
        # Faster than a tenth is what it must not be, anything slower is what it says.
        verdict = _judged(-found.high, -found.low, -claim.claimed * (1 + _SPEED_TOLERANCE))
    else:
        tolerance = _SPEED_TOLERANCE * claim.claimed if claim.kind == "speed" else _RETENTION_TOLERANCE
        verdict = _judged(found.low, found.high, claim.claimed - tolerance)
    held = "its interval holds the bound; " if verdict == CANNOT_TELL else ""
    return _row(claim, found, verdict, held + found.basis)


def _judged(low: float, high: float, bound: float) -> Outcome:
    return "confirm" if low >= bound else "refute" if high < bound else CANNOT_TELL


def _row(claim: Claim, found: Measured | None, verdict: Outcome, reason: str) -> CheckedClaim:
    return CheckedClaim(
        claim=claim.name,
        claimed=claim.claimed,
        measured=found.value if found else None,
        low=found.low if found else None,
        high=found.high if found else None,
        verdict=verdict,
        reason=reason,
        source=claim.source,
        conditions=claim.conditions,
    )


def _smaller(claim: Claim, frame: pd.DataFrame) -> Measured | Unknown:
    """How many times fewer stored parameters."""
    architecture = frame[frame["weights"].isin(["published", "random"])]
    counts = facts_of(architecture, PARAMETERS)
    missing = [name for name in (claim.model, claim.reference) if name not in counts]
    if missing:
        return Unknown(reason=f"missing: parameters of {' and '.join(missing)} (profile with size)")
    model, reference = counts[claim.model], counts[claim.reference]
    basis = f"{model / 1e6:.2f} of {reference / 1e6:.2f} million parameters, {1 - model / reference:.1%} fewer"
    return Measured(value=reference / model, basis=basis)


def _faster(claim: Claim, frame: pd.DataFrame) -> Measured | Unknown:
    return speedup(frame, claim.model, claim.reference)


def _kept(claim: Claim, frame: pd.DataFrame) -> Measured | Unknown:
    return retention(frame, claim.model, claim.reference, claim.average)


_MEASURES: Mapping[str, Callable[[Claim, pd.DataFrame], Measured | Unknown]] = {
    "size": _smaller,
    "speed": _faster,
    "no faster": _faster,
    "retention": _kept,
}
