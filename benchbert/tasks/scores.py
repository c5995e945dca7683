"""Scores of stored predictions: every metric of the task with its interval over examples."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchbert.errors import DataError
from benchbert.metrics import classification, correlation, span
from benchbert.statistics.bootstrap import Interval, Statistic, at_the_edge, bootstrap
from benchbert.tasks.multi_label import label_sets
from benchbert.tasks.words import tagged_words
from benchbert.types import Task, Value

if TYPE_CHECKING:
    import pyarrow

__all__ = ["score"]

Floats = NDArray[np.float64]

_UNITS = {"mse": "label²"}
"""Metrics that are no share: an error in the square of the label's unit. Less of it is better."""

_SHARES = frozenset({"accuracy", "subset_accuracy"})
"""Metrics that are the share of examples that are right."""

_NO_INTERVAL = Interval(low=None, high=None, level=None, kind="none: tuned on this split")


def score(task: Task, predictions: pyarrow.Table, *, split: str, complete: bool) -> tuple[Value, ...]:
    """All metrics of a task.

    Args:
        task: The task.
        predictions: What `decode` made.
        split: Split that was predicted.
        complete: Whether it has its official rows.

    Returns:
        Values in 0..1 or -1..1, errors in the label's unit, the main metric first; None where undefined.
        Empty for an unlabelled split.

    Raises:
        DataError: a split of which only some rows are labelled.
    """
    if predictions.num_rows == 0:
        raise DataError(f"{task.name}, split {split}: there is no prediction to score")
    if task.head == "span":
        return _spans(task, predictions, split, complete)
    if task.head in _LISTS:
        whole = _LISTS[task.head](task, predictions)
        return _metric_values(task, whole, predictions.num_rows, split, complete) if whole else ()
    labels = np.asarray(predictions["label"].to_pylist(), dtype=np.float64)
    unlabelled = np.isnan(labels) | (task.unlabelled is not None and labels == task.unlabelled)
    if unlabelled.all():
        return ()
    if unlabelled.any():
        name = predictions["id"][int(np.argmax(unlabelled))].as_py()
        raise DataError(f"{task.name}, split {split}: id {name!r} has no label while others have: mend the data files")
    guesses = np.asarray(predictions["prediction"].to_pylist(), dtype=np.float64)
    make = _correlations if task.head == "regression" else _classes
    return _metric_values(task, make(task, labels, guesses), labels.size, split, complete)


_LISTS: dict[str, Callable[[Task, pyarrow.Table], Statistic | None]] = {
    "multi_label": label_sets,
    "token_classification": tagged_words,
}
"""Head whose rows have lists of labels -> its metrics as a function of counts; None: the split is unlabelled."""


def _metric_values(task: Task, statistic: Statistic, n: int, split: str, complete: bool) -> tuple[Value, ...]:
    """The task's metrics over n examples, each with its interval."""
    point = statistic(np.ones((1, n)))[0]
    intervals = bootstrap(statistic, n)
    return tuple(
        _value(
            metric,
            point[i],
            at_the_edge(intervals[i], float(point[i]), n, mean=metric in _SHARES),
            n=n,
            split=split,
            complete=complete,
        )
        for i, metric in enumerate(task.metrics)
    )


def _classes(task: Task, labels: Floats, guesses: Floats) -> Statistic:
    def statistic(counts: Floats) -> Floats:
        confusion = classification.confusion_matrix(labels, guesses, len(task.labels), counts)
        return np.stack([classification.METRICS[metric](confusion) for metric in task.metrics], axis=1)

    return statistic


def _correlations(task: Task, labels: Floats, guesses: Floats) -> Statistic:
    def statistic(counts: Floats) -> Floats:
        return np.stack([correlation.METRICS[metric](labels, guesses, counts) for metric in task.metrics], axis=1)

    return statistic


def _spans(task: Task, predictions: pyarrow.Table, split: str, complete: bool) -> tuple[Value, ...]:
    ids = predictions["id"].to_pylist()
    golds = dict(zip(ids, predictions["golds"].to_pylist(), strict=True))
    if split in {known.name for known in task.test} and not any(golds.values()):
        return ()
    texts = dict(zip(ids, predictions["prediction_text"].to_pylist(), strict=True))
    scores = span.score_v2(golds, texts) if task.unanswerable else span.score_v1(golds, texts)
    convention = "null threshold 0" if task.unanswerable else ""
    everything = np.ones(len(ids), dtype=np.bool_)
    by_name = {"f1": scores.f1, "exact_match": scores.exact}
    parts = [(metric, by_name[metric], everything) for metric in task.metrics]
    if task.unanswerable:
        for prefix, chosen in (("HasAns", scores.answerable), ("NoAns", ~scores.answerable)):
            parts += [(f"{prefix}_exact", scores.exact, chosen), (f"{prefix}_f1", scores.f1, chosen)]
    values = [
        _mean(metric, scored, chosen, split=split, complete=complete, convention=convention)
        for metric, scored, chosen in parts
        if chosen.any()
    ]
    return (*values, *(_tuned(predictions, golds, split, complete) if task.unanswerable else ()))


def _mean(
    metric: str, scored: Floats, chosen: NDArray[np.bool_], *, split: str, complete: bool, convention: str
) -> Value:
    """Mean over the chosen questions, its interval from resampling them."""
    kept = scored[chosen]

    def statistic(counts: Floats) -> Floats:
        return np.asarray((counts @ kept) / counts.sum(axis=1))[:, None]

    (interval,) = bootstrap(statistic, kept.size, unit="questions")
    interval = at_the_edge(interval, float(kept.mean()), kept.size, mean=True, unit="questions")
    return _value(
        metric, float(kept.mean()), interval, n=kept.size, split=split, complete=complete, convention=convention
    )


def _tuned(predictions: pyarrow.Table, golds: dict[str, list[str]], split: str, complete: bool) -> tuple[Value, ...]:
    """best_exact and best_f1 with their thresholds: what a null threshold tuned on this split could give."""
    ids = predictions["id"].to_pylist()
    null_scores = dict(zip(ids, predictions["null_score_difference"].to_pylist(), strict=True))
    scores = span.score_v2(golds, dict(zip(ids, predictions["best_text"].to_pylist(), strict=True)))
    values = []
    for name, scored in (("exact", scores.exact), ("f1", scores.f1)):
        best, threshold = span.best_threshold(scores, scored, null_scores)
        for metric, number in ((f"best_{name}", best), (f"best_{name}_thresh", threshold)):
            values.append(
                _value(
                    metric,
                    number,
                    _NO_INTERVAL,
                    n=len(ids),
                    split=split,
                    complete=complete,
                    convention="null threshold tuned on this split",
                )
            )
    return tuple(values)


def _value(
    metric: str, number: float, interval: Interval, *, n: int, split: str, complete: bool, convention: str = ""
) -> Value:
    defined = not np.isnan(number)
    return Value(
        metric=metric,
        value=float(number) if defined else None,
        unit=_UNITS.get(metric, ""),
        direction="none" if metric.endswith("_thresh") else "lower" if metric in _UNITS else "higher",
        n=n,
        ci_low=interval.low if defined else None,
        ci_high=interval.high if defined else None,
        ci_kind=interval.kind if defined else "none: undefined",
        ci_level=interval.level if defined else None,
        split=split,
        convention=convention,
        complete=complete,
    )
