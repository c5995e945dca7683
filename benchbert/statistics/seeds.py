"""Scores of one model over its seeds: mean, spread, and an interval that says which kind it is.

With two seeds or more the interval is Student's t over seeds (it covers another seed of the same recipe, on the same
examples); with one it is that score's own interval over examples. The two answer different questions, so the kind goes
with the number. A seed whose metric is undefined leaves the mean undefined: it is reported, never dropped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from benchbert.statistics.ranges import cut, range_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "COMPARABLE",
    "SUMMARY_COLUMNS",
    "T_OVER_SEEDS",
    "VARIANT",
    "same_settings",
    "summarise",
    "t_interval",
    "variant_label",
]

COMPARABLE = ("task", "task_version", "dataset_fingerprint", "split", "convention", "metric", "protocol")
"""Scores stand beside each other only where all of these agree."""

VARIANT = ("model", "revision", "dtype", "backend")
"""What one line of a leaderboard is: other weights, another precision or another backend is another line."""

T_OVER_SEEDS = "t over seeds"
"""Kind of the interval from two seeds on."""

SUMMARY_COLUMNS = (
    *VARIANT,
    "family",
    "weights",
    *COMPARABLE,
    "unit",
    "direction",
    "mean",
    "sd",
    "ci_low",
    "ci_high",
    "ci_kind",
    "ci_level",
    "seeds",
    "undefined",
    "examples",
    "complete",
    "ranked",
    "left_out",
)
"""Columns of `summarise`: keys, then statistics; `ranked` is False for random weights and for the majority baseline,
`left_out` counts scores of heads that were fine-tuned in another way (see `same_settings`)."""


def variant_label(variant: Sequence[str], namesakes: Sequence[Sequence[str]]) -> str:
    """A variant's model, with what tells it from the other variants of that model.

    Args:
        variant: values of `VARIANT`.
        namesakes: all variants of the model, this one too.
    """
    parts = [variant[i][:8] if i == 1 else variant[i] for i in (1, 2, 3) if len({v[i] for v in namesakes}) > 1]
    return f"{variant[0]} ({', '.join(part or 'unknown' for part in parts)})" if parts else variant[0]


def t_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Student's t interval of the mean of at least two values (W. S. Gosset, 1908)."""
    from scipy import stats

    assert len(values) >= 2, "one value has no spread"
    mean = math.fsum(values) / len(values)
    half = float(stats.t.ppf(0.5 + level / 2, len(values) - 1)) * _sd(values) / math.sqrt(len(values))
    return mean - half, mean + half


def same_settings(scores: pd.DataFrame) -> pd.DataFrame:
    """The scores without those of heads that were fine-tuned with other settings than the last one of their cell.

    Seeds are seeds of one way of fine-tuning: two ways, as two runs may have had, are no spread of one.

    Args:
        scores: rows of the results table, oldest first.
    """
    keys = [*VARIANT, *COMPARABLE]
    last = scores.groupby(keys, sort=False, dropna=False)["settings"].transform("last")
    return scores[scores["settings"] == last]


def summarise(frame: pd.DataFrame) -> pd.DataFrame:
    """Scores over seeds: one row for each model variant and comparable score.

    Where a seed was scored twice (a re-run, another machine), the last row counts; of heads that were fine-tuned with
    several settings those with the last one's.

    Args:
        frame: as `benchbert.load_results` gives it.

    Returns:
        A table with `SUMMARY_COLUMNS`, ordered as the scores first appear.
    """
    import pandas as pd

    scores = frame[(frame["kind"] == "predict") & (frame["status"] == "ok") & (frame["metric"] != "")]
    keys = [*VARIANT, *COMPARABLE]
    counts = scores.groupby(keys, sort=False, dropna=False).size()
    kept = same_settings(scores)
    left_out = (counts - kept.groupby(keys, sort=False, dropna=False).size()).to_dict()
    kept = kept.drop_duplicates([*keys, "seed"], keep="last")
    rows = [
        _summary(group) | {"left_out": left_out[key]} for key, group in kept.groupby(keys, sort=False, dropna=False)
    ]
    table = pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS))
    dtypes = {name: str(frame[name].dtype) for name in SUMMARY_COLUMNS if name in frame.columns}
    dtypes |= {
        "mean": "Float64",
        "sd": "Float64",
        "seeds": "Int64",
        "undefined": "Int64",
        "examples": "Int64",
        "left_out": "Int64",
    }
    return table.astype(dtypes | {"ranked": "boolean"})


def _summary(group: pd.DataFrame) -> dict[str, Any]:
    """One row of the summary from the rows of its seeds."""
    import pandas as pd

    first = group.iloc[0]
    kept = (*VARIANT, "family", "weights", *COMPARABLE, "unit", "direction")
    row: dict[str, Any] = {name: first[name] for name in kept}
    values = [float(v) for v in group["value"].dropna()]
    undefined = len(group) - len(values)
    row |= {"mean": pd.NA, "sd": pd.NA, "ci_low": pd.NA, "ci_high": pd.NA, "ci_kind": "", "ci_level": pd.NA}
    if undefined:
        row["ci_kind"] = f"none: undefined for {undefined} of {len(group)} seeds"
    elif len(values) >= 2:
        low, high = _within_bounds(t_interval(values), values, str(first["metric"]), str(first["unit"]))
        row |= {"mean": math.fsum(values) / len(values), "sd": _sd(values), "ci_low": low, "ci_high": high}
        row |= {"ci_kind": T_OVER_SEEDS, "ci_level": 0.95}
    else:
        row["mean"] = values[0]
        row |= {name: first[name] for name in ("ci_low", "ci_high", "ci_kind", "ci_level")}
    complete = group["complete"].dropna()
    row["complete"] = bool(complete.all()) if len(complete) else pd.NA
    row |= {"seeds": len(group), "undefined": undefined, "examples": int(group["n"].fillna(0).min())}
    row["ranked"] = first["weights"] not in {"random", "constant"}
    return row


def _sd(values: Sequence[float]) -> float:
    """Sample standard deviation (n - 1)."""
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1))


def _within_bounds(
    interval: tuple[float, float], values: Sequence[float], metric: str, unit: str
) -> tuple[float, float]:
    """The interval cut to what the metric can be; as it is where a value lies outside: it is no score as we know it."""
    low, high = range_of(metric, unit)
    return cut(interval, (low, high)) if all(low <= value <= high for value in values) else interval
