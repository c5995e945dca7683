"""How much of a teacher's GLUE average a student keeps, from complete scores of the published checkpoints."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from benchbert.metrics.averages import Average, average, column
from benchbert.reports.measured import Measured, Unknown
from benchbert.statistics.seeds import VARIANT, same_settings, t_interval

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["retention"]

_GLUE = "glue/"


def retention(frame: pd.DataFrame, student: str, teacher: str, name: str) -> Measured | Unknown:
    """The student's named average over the teacher's; from two common seeds on with Student's t over their ratios.

    Args:
        frame: results of registered models.
        student: its model name.
        teacher: the model that it is measured by.
        name: of the average, as in `benchbert.metrics.averages`.
    """
    ours, theirs = _averages(frame, student, name), _averages(frame, teacher, name)
    missing = [text for text in (_missing(student, ours), _missing(teacher, theirs)) if text]
    if missing:
        return Unknown(reason=f"missing: {'; '.join(missing)}")
    common = sorted(ours.keys() & theirs.keys())
    if not common:
        return Unknown(reason=f"missing: a seed with which both {student} and {teacher} have the {name} average")
    # A seed that collapsed is a part of what the method does: it is reported, never dropped.
    for model, found in ((student, ours), (teacher, theirs)):
        for seed in common:
            if found[seed].value is None:
                return Unknown(reason=f"undefined with seed {seed} of {model}: {', '.join(found[seed].missing)}")
    if undefined := [seed for seed in common if not (theirs[seed].value or 0.0) > 0]:
        return Unknown(reason=f"the {name} average of {teacher} is not above 0 with seed {undefined[0]}")
    ratios = [(ours[seed].value or 0.0) / (theirs[seed].value or 1.0) for seed in common]
    basis = f"{name} average, {len(common)} common seed{'s' if len(common) > 1 else ''}"
    mean = math.fsum(ratios) / len(ratios)
    if len(ratios) < 2:
        return Measured(value=mean, basis=basis)
    low, high = t_interval(ratios)
    return Measured(value=mean, low=low, high=high, basis=f"{basis}, t over seeds")


def _averages(frame: pd.DataFrame, model: str, name: str) -> dict[int, Average]:
    """Seed -> its average, or what blocks it; of several variants the one with the most scores."""
    import pandas as pd

    scored = frame[
        (frame["model"] == model)
        & (frame["kind"] == "predict")
        & (frame["status"] == "ok")
        & (frame["metric"] != "")
        & (frame["weights"] == "published")
        & frame["task"].str.startswith(_GLUE)
        & frame["complete"].fillna(False)
    ]
    if scored.empty:
        return {}
    # Seeds of one way of fine-tuning, as on the leaderboard.
    variants = same_settings(scored).groupby(list(VARIANT), sort=False, dropna=False)
    _, chosen = max(variants, key=lambda pair: len(pair[1]))
    by_seed: dict[int, dict[str, float | None]] = {}
    row: Any
    for row in chosen.itertuples():
        value = None if pd.isna(row.value) else float(row.value)
        by_seed.setdefault(int(row.seed), {})[column(row.task, row.split, row.metric)] = value
    return {seed: average(name, scores) for seed, scores in by_seed.items()}


def _missing(model: str, averages: dict[int, Average]) -> str:
    """What keeps every seed of a model from having the average; empty: nothing."""
    if not averages:
        return f"complete GLUE scores of {model}"
    if any(each.value is not None for each in averages.values()):
        return ""
    best = min(averages.values(), key=lambda each: len(each.missing))
    return f"{', '.join(best.missing)} of {model}"
