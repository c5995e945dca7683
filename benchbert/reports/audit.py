"""The audit: what the published checkpoints scored here, held against what their authors and others published.

The band around our mean is where one more run of the same recipe would fall: a 95 % prediction interval from our own
seeds (`benchbert.statistics.prediction`), at least one example wide, and widened by the rounding of the published
number, which is itself one run, or the median of a few. With one seed the interval over examples stands in, times the
root of two. A score on a sample, of other weights, on another split or after another recipe is not compared at all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from benchbert.registry import entries
from benchbert.reports.comparability import obstacles, published_name
from benchbert.reports.published import METRICS, PublishedScore, published_scores
from benchbert.reports.records import records_table
from benchbert.statistics.prediction import one_more_run, one_more_run_from_examples
from benchbert.statistics.seeds import VARIANT, summarise

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NOT_COMPARABLE", "AuditedScore", "Verdict", "audit", "audited"]

Verdict = Literal["within", "below", "above", "not comparable"]

NOT_COMPARABLE: Verdict = "not comparable"
"""Nothing can be said; the reason stands beside it."""

_TUNED = {"exact_match": "best_exact", "f1": "best_f1"}
"""SQuAD 2.0: sources do not say whether their null threshold was tuned on dev, so either of ours may be theirs."""


@dataclass(frozen=True, kw_only=True)
class AuditedScore:
    """One score of ours beside one published score of that model, task and metric."""

    model: str
    """Name of the model."""
    revision: str
    """Commit or digest of its weights."""
    dtype: str
    """Precision it predicted in."""
    backend: str
    """What executed it."""
    weights: str
    """Where its weights came from."""
    task: str
    """Name of the task."""
    split: str
    """Split that we scored."""
    metric: str
    """Our metric; of several that the published one may be, the one nearest to it."""
    score: float | None
    """Our mean over seeds; None: undefined."""
    seeds: int
    """Seeds behind it."""
    low: float | None
    """Lower end of the band; None: not compared."""
    high: float | None
    """Upper end."""
    band: str
    """How the band was made; empty: not compared."""
    published: float
    """The published score, in 0..1 or -1..1."""
    published_metric: str
    """Its metric in the words of its source."""
    published_split: str
    """Its split, `dev` or `test`."""
    source: str
    """Who published it."""
    recipe: str
    """How that model was trained for the task."""
    verdict: Verdict
    """Where our score lies beside the published one."""
    reason: str
    """Why they cannot be compared; empty: they are."""


def audit(frame: pd.DataFrame, strange: Collection[str] = frozenset()) -> pd.DataFrame:
    """The audit as a table with the fields of `AuditedScore` as columns; missing numbers are NA.

    Args:
        frame: as `benchbert.load_results` gives it.
        strange: models that only have a registered model's name (`comparability.strangers`).
    """
    numbers = {"score", "low", "high", "published"}
    return records_table(audited(frame, strange), AuditedScore, numbers=numbers, counts={"seeds"})


def audited(frame: pd.DataFrame, strange: Collection[str] = frozenset()) -> tuple[AuditedScore, ...]:
    """Every score of a registered model beside every published score of its task and metric; arguments as `audit`.

    Scores that nobody published anything of are left out.
    """
    by_task: dict[tuple[str, str], list[PublishedScore]] = {}
    for published in published_scores():
        by_task.setdefault((published.model, published.task), []).append(published)
    found: list[AuditedScore] = []
    for scores in _scored(frame):
        first = next(iter(scores.values()))
        wanted = by_task.get((first.model, published_name(first.task, first.split)), [])
        found += [row for published in wanted if (row := _audited(scores, published, frame, strange)) is not None]
    return tuple(found)


def _scored(frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """For each variant of a registered model and each split it was scored on: metric -> its row of `summarise`."""
    models = entries("models")
    groups: dict[tuple[Any, ...], dict[str, Any]] = {}
    row: Any
    for row in summarise(frame).itertuples():
        if row.model in models:
            names = (*VARIANT, "task", "task_version", "dataset_fingerprint", "split")
            groups.setdefault(tuple(getattr(row, name) for name in names), {})[str(row.metric)] = row
    yield from groups.values()


@dataclass(frozen=True, kw_only=True)
class _Band:
    """Where one more run of ours would fall."""

    metric: str
    """Our metric."""
    score: float
    """Our mean."""
    half: float
    """Half of its width."""
    kind: str
    """How it was made."""


def _audited(
    scores: Mapping[str, Any], published: PublishedScore, frame: pd.DataFrame, strange: Collection[str]
) -> AuditedScore | None:
    """One comparison; None: the published metric is none that we scored."""
    names = [name for name in METRICS[published.metric] if name in scores]
    if not names:
        return None
    reasons = obstacles(scores[names[0]], published, frame, strange)
    if published.task == "squad_v2":
        names += [_TUNED[name] for name in names if _TUNED.get(name) in scores]
    bands = [band for name in names if (band := _band(scores, name)) is not None]
    undefined = [f"{name} is {_undefined(scores[name])}" for name in METRICS[published.metric] if _bad(scores, name)]
    if not undefined and not bands:
        undefined = ["one seed without an interval: how far another seed would fall is not known"]
    reasons += undefined
    verdict, shown = (NOT_COMPARABLE, None) if reasons else _verdict(bands, published)
    if not reasons and shown is None:
        asked = " and ".join(names)
        reasons = [f"the source does not say which metric it reports, and our {asked} lie on both sides of it"]
    mean = _mean(scores[shown.metric if shown else names[0]])
    return _row(scores[names[0]], published, verdict, shown, mean, "; ".join(reasons))


def _row(
    ours: Any, published: PublishedScore, verdict: Verdict, shown: _Band | None, mean: float | None, reason: str
) -> AuditedScore:
    half = shown.half + published.rounding if shown else 0.0
    return AuditedScore(
        **{name: str(getattr(ours, name)) for name in (*VARIANT, "weights", "task", "split")},
        metric=shown.metric if shown else str(ours.metric),
        score=mean,
        seeds=int(ours.seeds),
        low=shown.score - half if shown else None,
        high=shown.score + half if shown else None,
        band=shown.kind if shown else "",
        published=published.score,
        published_metric=published.metric,
        published_split=published.split,
        source=published.source,
        recipe=published.recipe,
        verdict=verdict,
        reason=reason,
    )


def _verdict(bands: list[_Band], published: PublishedScore) -> tuple[Verdict, _Band | None]:
    """Where we lie; of several metrics that the published one may be, all must lie on the same side."""
    nearest = min(bands, key=lambda band: abs(band.score - published.score))
    # A band that ends at the published number to the last bit holds it: sums of decimals are not exact.
    off = {band.metric: abs(band.score - published.score) > band.half + published.rounding + 1e-9 for band in bands}
    if not all(off.values()):
        return "within", min((b for b in bands if not off[b.metric]), key=lambda b: abs(b.score - published.score))
    sides: set[Verdict] = {"below" if band.score < published.score else "above" for band in bands}
    return (sides.pop(), nearest) if len(sides) == 1 else (NOT_COMPARABLE, None)


def _band(scores: Mapping[str, Any], name: str) -> _Band | None:
    """The band around one of our scores; None: undefined, or nothing says how wide it is."""
    import pandas as pd

    row = scores[name]
    mean = _mean(row)
    if mean is None:
        return None
    if row.seeds >= 2:
        # A score moves in steps of one example: the same number from all seeds by chance is no spread of 0.
        half = max(one_more_run(float(row.sd), int(row.seeds)), 1 / max(int(row.examples), 1))
        kind = f"95% prediction interval of one more run, from {row.seeds} seeds"
        return _Band(metric=name, score=mean, half=half, kind=kind)
    # What was tuned on the split has no interval over its examples: that of the headline stands in.
    headline = next((plain for plain, tuned in _TUNED.items() if tuned == name), name)
    low, high = scores[headline].ci_low, scores[headline].ci_high
    if pd.isna(low) or pd.isna(high):
        return None
    half = one_more_run_from_examples(float(low), float(high))
    return _Band(metric=name, score=mean, half=half, kind="interval over examples, times the root of two, 1 seed")


def _mean(row: Any) -> float | None:
    import pandas as pd

    return None if pd.isna(row.mean) else float(row.mean)


def _bad(scores: Mapping[str, Any], name: str) -> bool:
    return name in scores and _mean(scores[name]) is None


def _undefined(row: Any) -> str:
    return f"undefined for {row.undefined} of {row.seeds} seeds"
