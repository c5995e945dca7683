"""The four numbers that are called "the GLUE average".

- `official`: metrics of a task averaged first, MNLI matched and mismatched averaged, nine tasks (Wang et al. 2018,
  arXiv 1804.07461).
- `bert`: nine columns, MNLI-m and MNLI-mm apart, no WNLI (Devlin et al. 2019, arXiv 1810.04805, table 1, as columns).
- `distilbert`: nine tasks, one number each, WNLI in (Sanh et al. 2019, arXiv 1910.01108, and its README).
- `no_wnli`: the same eight without WNLI.

An average has a name or is none; what is missing, undefined or computed on a sample blocks it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from benchbert.errors import UnknownNameError
from benchbert.types import Value

__all__ = ["AVERAGES", "Average", "average", "average_values", "column"]

Groups = tuple[tuple[str, ...], ...]

_NO_WNLI: Groups = (
    ("cola/matthews_correlation",),
    ("mnli_matched/accuracy",),
    ("mrpc/f1",),
    ("qnli/accuracy",),
    ("qqp/accuracy",),
    ("rte/accuracy",),
    ("sst2/accuracy",),
    ("stsb/pearson",),
)

AVERAGES: Mapping[str, Groups] = {
    "official": (
        ("cola/matthews_correlation",),
        ("sst2/accuracy",),
        ("mrpc/f1", "mrpc/accuracy"),
        ("stsb/pearson", "stsb/spearman"),
        ("qqp/f1", "qqp/accuracy"),
        ("mnli_matched/accuracy", "mnli_mismatched/accuracy"),
        ("qnli/accuracy",),
        ("rte/accuracy",),
        ("wnli/accuracy",),
    ),
    "bert": (
        ("mnli_matched/accuracy",),
        ("mnli_mismatched/accuracy",),
        ("qqp/f1",),
        ("qnli/accuracy",),
        ("sst2/accuracy",),
        ("cola/matthews_correlation",),
        ("stsb/spearman",),
        ("mrpc/f1",),
        ("rte/accuracy",),
    ),
    "distilbert": (*_NO_WNLI, ("wnli/accuracy",)),
    "no_wnli": _NO_WNLI,
}
"""Name -> groups of columns: the mean over groups of the mean over each group's columns."""


@dataclass(frozen=True, kw_only=True)
class Average:
    """A named average, or what blocks it."""

    name: str
    """Which of the four conventions."""
    value: float | None
    """The mean, in the unit of its columns; None: blocked."""
    missing: tuple[str, ...]
    """Columns that block it: absent, undefined, or (from `average_values`) on an incomplete split."""


def column(task: str, split: str, metric: str) -> str:
    """The column of a value, such as `mnli_matched/accuracy`.

    Args:
        task: Task name; only its last part counts, so that `glue/mnli` and `builtin/glue/mnli` have the same columns.
        split: Split; tells MNLI's two evaluation sets apart.
        metric: Metric name.
    """
    short = task.rpartition("/")[2]
    for half in ("mismatched", "matched"):
        if short == "mnli" and split.endswith(f"_{half}"):
            short = f"mnli_{half}"
            break
    return f"{short}/{metric}"


def average(name: str, scores: Mapping[str, float | None]) -> Average:
    """One named average.

    Args:
        name: `official`, `bert`, `distilbert` or `no_wnli`.
        scores: Column (see `column`) -> score, None or NaN where undefined; all in the same unit.

    Raises:
        UnknownNameError: no average has that name.
    """
    if name not in AVERAGES:
        raise UnknownNameError("averages", name, AVERAGES)
    groups = AVERAGES[name]
    defined = {c: score for c, score in scores.items() if score is not None and not math.isnan(score)}
    missing = tuple(c for group in groups for c in group if c not in defined)
    if missing:
        return Average(name=name, value=None, missing=missing)
    means = [sum(defined[c] for c in group) / len(group) for group in groups]
    return Average(name=name, value=sum(means) / len(means), missing=())


def average_values(name: str, values: Iterable[tuple[str, Value]], *, prefix: str = "glue/") -> Average:
    """One named average from (task name, Value) pairs; values with `complete` other than true do not count.

    Args:
        name: As in `average`.
        values: What one model scored; the last of repeated columns would be arbitrary, so give one seed or a mean.
        prefix: Tasks that count: names are `prefix` and one more part.

    Raises:
        UnknownNameError: no average has that name.
    """
    scores: dict[str, float | None] = {}
    for task, value in values:
        if task.startswith(prefix) and "/" not in task.removeprefix(prefix) and value.complete:
            scores[column(task, value.split, value.metric)] = value.value
    return average(name, scores)
