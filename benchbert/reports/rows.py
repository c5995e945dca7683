"""One row of the board for each scored variant of a model, not yet ranked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from benchbert.reports.board import BoardRow, ScoreColumn, Variant
from benchbert.reports.cells import PARAMETERS, facts_of
from benchbert.reports.columns import key_of
from benchbert.reports.costs import Costs
from benchbert.reports.estimate import Estimate
from benchbert.statistics.seeds import VARIANT, same_settings, variant_label

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["row_of", "seed_scores", "variant_of", "variants_of"]


def variant_of(row: Any) -> Variant:
    """Which variant a row of `summarise` or of the results table is of."""
    return tuple(str(getattr(row, name)) for name in VARIANT)


def variants_of(frame: pd.DataFrame, scored: Iterable[Any]) -> list[Variant]:
    """Every scored variant, then every model that has no score at all, in the order of the results."""
    found = list(dict.fromkeys(variant_of(row) for row in scored))
    known = {variant[0] for variant in found}
    rest = frame[(frame["model"] != "") & ~frame["model"].isin(known)]
    unscored: dict[str, Variant] = {}
    for row in rest.itertuples():
        unscored.setdefault(str(row.model), variant_of(row))
    return found + list(unscored.values())


def row_of(
    *,
    own: pd.DataFrame,
    variant: Variant,
    scored: Mapping[str, Any],
    variants: Sequence[Variant],
    latency: Costs,
    memory: Costs,
    columns: Sequence[ScoreColumn],
) -> BoardRow:
    """One model with its scores and costs, not yet ranked."""
    model = variant[0]
    namesakes = [other for other in variants if other[0] == model]
    scores = {label: estimate for label, row in scored.items() if (estimate := _score(row)) is not None}
    alone = len(namesakes) == 1
    return BoardRow(
        label=variant_label(variant, namesakes),
        model=model,
        variant=variant,
        family=_first(own, "family"),
        weights=_weights(own, scored.values()),
        control_of=_first(own, "control_of"),
        under_trained=_first(own, "under_trained"),
        parameters=facts_of(own, PARAMETERS).get(model),
        scores=scores,
        absent={c.label: _absence(own, c, scored.get(c.label)) for c in columns if c.label not in scores},
        macro=None,
        missing=(),
        rank=None,
        unranked=_barred(own, scored.values(), scores),
        task_ranks={},
        latency=latency.of(variant, alone=alone),
        memory=memory.of(variant, alone=alone),
        computed_in=_computed_in(own, variant),
    )


def _computed_in(own: pd.DataFrame, variant: Variant) -> tuple[str, ...]:
    """The dtypes that the scores of a variant were computed in; those of the jobs where the results do not say."""
    scored = own[(own["kind"] == "predict") & (own["status"] == "ok")]
    same = (row for row in scored.itertuples() if variant_of(row) == variant)
    return tuple(sorted({str(getattr(row, "computed_dtype", "") or row.dtype) for row in same}))


def _first(own: pd.DataFrame, name: str) -> str:
    """The first text of a column that is not empty; empty: there is none, or no such column (an older table)."""
    return next((str(text) for text in own[name] if text), "") if name in own else ""


def _weights(own: pd.DataFrame, scored: Iterable[Any]) -> str:
    """Where the scored weights came from, else those of any of its jobs."""
    found = {str(row.weights) for row in scored} or {str(w) for w in own["weights"] if w}
    return found.pop() if len(found) == 1 else "mixed" if found else ""


def _score(row: Any) -> Estimate | None:
    """A row of the summary as an estimate; None: undefined."""
    import pandas as pd

    if pd.isna(row.mean):
        return None
    low, high, level = (None if pd.isna(x) else float(x) for x in (row.ci_low, row.ci_high, row.ci_level))
    return Estimate(
        value=float(row.mean),
        low=low,
        high=high,
        kind=str(row.ci_kind),
        level=level,
        unit=str(row.unit),
        seeds=int(row.seeds),
        examples=int(row.examples),
        sd=None if pd.isna(row.sd) else float(row.sd),
    )


def _absence(own: pd.DataFrame, column: ScoreColumn, row: Any) -> str:
    """Why a model has no score in a column."""
    if row is not None and row.weights == "constant":
        return "undefined for one constant answer"
    if row is not None:
        return f"undefined for {row.undefined} of {row.seeds} seeds"
    failed = own[(own["task"] == column.task) & (own["status"] != "ok")]
    if len(failed):
        return f"{failed['status'].iloc[-1]}: {failed['error'].iloc[-1]}"
    return "scored on other data only" if (own["task"] == column.task).any() else "not scored"


def _barred(own: pd.DataFrame, scored: Iterable[Any], scores: Mapping[str, Estimate]) -> str:
    """Why a model may not be ranked whatever its scores; empty: it may."""
    weights = {str(row.weights) for row in scored}
    of_any_job = {str(w) for w in own["weights"] if w}
    if weights == {"constant"} or of_any_job == {"constant"}:
        return f"{_first(own, 'model')} baseline: one constant answer a task"
    if control_of := _first(own, "control_of"):
        is_random = (weights or of_any_job) == {"random"}
        what = "same architecture, random weights" if is_random else "a reference, never ranked"
        return f"control of {control_of}: {what}"
    if "random" in weights:
        return "random weights: a control, never ranked"
    if reason := _first(own, "under_trained"):
        return f"under-trained: {reason}"
    if not scores:
        return "random weights, profiled only" if of_any_job == {"random"} else "no score"
    return ""


def seed_scores(frame: pd.DataFrame, columns: Mapping[Any, ScoreColumn]) -> dict[tuple[Variant, str], dict[int, float]]:
    """(variant, column label) -> seed -> score."""
    found: dict[tuple[Variant, str], dict[int, float]] = {}
    scored = frame[(frame["kind"] == "predict") & (frame["status"] == "ok")]
    rows = same_settings(scored[scored["metric"] != ""])
    rows = rows[rows["value"].notna()]
    row: Any
    for row in rows.itertuples():
        column = columns.get(key_of(row))
        if column is not None:
            found.setdefault((variant_of(row), column.label), {})[int(row.seed)] = float(row.value)
    return found
