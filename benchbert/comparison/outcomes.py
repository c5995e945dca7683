"""What each checkpoint scored: a metric as a function of resampled examples, and how well each example went."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchbert.comparison.aligned import Aligned
from benchbert.comparison.ratios import Ratio, ratios_of
from benchbert.errors import DataError
from benchbert.metrics import classification, correlation, span
from benchbert.statistics.cells import Cells
from benchbert.statistics.sides import Checkpoints

__all__ = ["Outcomes", "outcomes_of"]

Floats = NDArray[np.float64]

Imagined = Callable[[NDArray[np.int64], NDArray[np.int64], Floats], Floats]
"""Checkpoints and examples of shape (m,), counts of shape (rows, m) -> score of one imagined checkpoint that answers
those examples as those checkpoints did, for each row; NaN where undefined."""


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """A metric of several checkpoints on the same examples."""

    metric: str
    """Name of the metric."""
    each: Floats
    """How well each example went, higher is better, of shape (checkpoints, n): 0 or 1 for a class or an exact match,
    token F1 for a span, minus the absolute error for a number, F1 of its labels or entities for a row with many."""
    binary: bool
    """Whether the metric is the mean of 0/1 outcomes, so that McNemar's test applies."""
    cells: Cells
    """The examples, grouped by what the metric sees of them."""
    statistic: Checkpoints
    """The metric of every checkpoint as a function of counts of the cells."""
    is_mean: bool
    """Whether the metric is the mean of `each`, in 0..1."""
    answers: Floats
    """All that the metric sees of each answer, of shape (checkpoints, n, numbers)."""
    imagined: Imagined
    """The metric of answers put together from several checkpoints."""

    @property
    def scores(self) -> Floats:
        """The metric of every checkpoint, of shape (checkpoints,), NaN where undefined."""
        return np.asarray(self.statistic(self.cells.counts[None].astype(np.float64))[0])


def outcomes_of(
    aligned: Aligned,
    metrics: Sequence[str],
    *,
    unanswerable: bool = False,
    labels: Sequence[str] = (),
    grouped: bool = True,
) -> list[Outcomes]:
    """Metrics of aligned predictions, all over the same cells, so that they can be seen in the same resamples.

    Args:
        aligned: the predictions.
        metrics: as the stored values name them.
        unanswerable: spans: whether questions may have no answer (SQuAD 2.0).
        labels: names of the task's classes; empty: not known, and then there is no entity F1.
        grouped: whether alike examples share a cell, which is fast where there are few kinds of them. Else each is
            drawn by itself, so that the draws of one example do not depend on which checkpoints there are.

    Raises:
        DataError: a metric that cannot be computed from these predictions.
    """
    if aligned.head == "span":
        scored = _span_scores(aligned, metrics, unanswerable=unanswerable)
        cells = _cells(np.vstack(list(scored.values())).T, grouped=grouped)
        return [_mean(metric, scored[metric], cells, binary=metric == "exact_match") for metric in metrics]
    if aligned.head in {"multi_label", "token_classification"}:
        ratios = ratios_of(aligned, metrics, labels)
        cells = _cells(np.hstack([ratio.seen for ratio in ratios]), grouped=grouped)
        return [_ratio(ratio, cells) for ratio in ratios]
    truth, guesses = aligned.labels, aligned.guesses
    if aligned.head == "regression":
        _refuse_unknown(metrics, correlation.METRICS, aligned)
        cells = _cells(np.vstack([truth, guesses]).T, grouped=grouped)
        return [_correlated(metric, truth, guesses, cells) for metric in metrics]
    _refuse_unknown(metrics, classification.METRICS, aligned)
    right = (guesses == truth).astype(np.float64)
    if set(metrics) == {"accuracy"}:
        return [_mean("accuracy", right, _cells(right.T, grouped=grouped), binary=True)]
    cells = _cells(np.vstack([truth, guesses]).T, grouped=grouped)
    classes = max(int(max(truth.max(), guesses.max(), 1)) + 1, len(labels))
    return [
        _mean(metric, right, cells, binary=True)
        if metric == "accuracy"
        else _counted(metric, truth, guesses, right, cells, classes)
        for metric in metrics
    ]


def _cells(seen: Floats, *, grouped: bool) -> Cells:
    return Cells.grouped(seen) if grouped else Cells.single(len(seen))


def _refuse_unknown(metrics: Sequence[str], known: Iterable[str], aligned: Aligned) -> None:
    for metric in metrics:
        if metric not in known:
            raise DataError(f"the metric {metric!r} cannot be resampled on {aligned.head} predictions")


def _mean(metric: str, each: Floats, cells: Cells, *, binary: bool) -> Outcomes:
    """A metric that is a mean over examples."""
    of_cell = each[:, cells.example]

    def statistic(counts: Floats) -> Floats:
        return np.asarray(counts @ of_cell.T / counts.sum(axis=1, keepdims=True))

    def imagined(checkpoints: NDArray[np.int64], examples: NDArray[np.int64], counts: Floats) -> Floats:
        return np.asarray(counts @ each[checkpoints, examples] / counts.sum(axis=1))

    return Outcomes(
        metric=metric,
        each=each,
        binary=binary,
        cells=cells,
        statistic=statistic,
        is_mean=True,
        answers=each[:, :, None],
        imagined=imagined,
    )


def _ratio(ratio: Ratio, cells: Cells) -> Outcomes:
    """A metric that is a mean of quotients of sums over examples."""
    above, below = ratio.above[:, cells.example], ratio.below[:, cells.example]

    def statistic(counts: Floats) -> Floats:
        found = [
            _quotient(counts @ top, counts @ bottom).mean(axis=1) for top, bottom in zip(above, below, strict=True)
        ]
        return np.stack(found, axis=1)

    def imagined(checkpoints: NDArray[np.int64], examples: NDArray[np.int64], counts: Floats) -> Floats:
        top, bottom = ratio.above[checkpoints, examples], ratio.below[checkpoints, examples]
        return np.asarray(_quotient(counts @ top, counts @ bottom).mean(axis=1))

    return Outcomes(
        metric=ratio.metric,
        each=ratio.each,
        binary=ratio.binary,
        cells=cells,
        statistic=statistic,
        is_mean=ratio.binary,
        answers=np.concatenate([ratio.above, ratio.below], axis=2),
        imagined=imagined,
    )


def _quotient(above: Floats, below: Floats) -> Floats:
    """Quotient, 0 where there is nothing to divide by."""
    return np.asarray(above / np.where(below == 0, 1.0, below))


def _counted(metric: str, labels: Floats, guesses: Floats, right: Floats, cells: Cells, classes: int) -> Outcomes:
    """A metric of a confusion matrix."""
    truth, said = labels[cells.example], guesses[:, cells.example]
    compute = classification.METRICS[metric]

    def statistic(counts: Floats) -> Floats:
        found = [compute(classification.confusion_matrix(truth, guess, classes, counts)) for guess in said]
        return np.stack(found, axis=1)

    def imagined(checkpoints: NDArray[np.int64], examples: NDArray[np.int64], counts: Floats) -> Floats:
        guess = guesses[checkpoints, examples]
        return np.asarray(compute(classification.confusion_matrix(labels[examples], guess, classes, counts)))

    return Outcomes(
        metric=metric,
        each=right,
        binary=False,
        cells=cells,
        statistic=statistic,
        is_mean=False,
        answers=_with_labels(guesses, labels),
        imagined=imagined,
    )


def _correlated(metric: str, labels: Floats, guesses: Floats, cells: Cells) -> Outcomes:
    """A correlation."""
    truth, said = labels[cells.example], guesses[:, cells.example]
    compute = correlation.METRICS[metric]

    def statistic(counts: Floats) -> Floats:
        return np.stack([compute(truth, guess, counts) for guess in said], axis=1)

    def imagined(checkpoints: NDArray[np.int64], examples: NDArray[np.int64], counts: Floats) -> Floats:
        return np.asarray(compute(labels[examples], guesses[checkpoints, examples], counts))

    return Outcomes(
        metric=metric,
        each=-np.abs(guesses - labels),
        binary=False,
        cells=cells,
        statistic=statistic,
        is_mean=False,
        answers=_with_labels(guesses, labels),
        imagined=imagined,
    )


def _with_labels(guesses: Floats, labels: Floats) -> Floats:
    """Guess and label of each example, of shape (checkpoints, n, 2)."""
    return np.stack([guesses, np.broadcast_to(labels, guesses.shape)], axis=2)


def _span_scores(aligned: Aligned, metrics: Sequence[str], *, unanswerable: bool) -> dict[str, Floats]:
    """Metric -> exact match or token F1 of each answer, of shape (checkpoints, n)."""
    golds = dict(zip(aligned.ids, aligned.golds, strict=True))
    score = span.score_v2 if unanswerable else span.score_v1
    found = [score(golds, dict(zip(aligned.ids, texts, strict=True))) for texts in aligned.texts]
    scored = {
        "exact_match": np.stack([scores.exact for scores in found]),
        "f1": np.stack([scores.f1 for scores in found]),
    }
    _refuse_unknown(metrics, scored, aligned)
    return {metric: scored[metric] for metric in metrics}
