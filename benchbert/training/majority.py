"""The majority baseline: one constant, learned from the labels of the training split, predicted for every example.

What can be scored without reading any input (ZeroR in Witten and Frank 2005, "Data Mining"). A model that does not beat
it has learned nothing that its score can show.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchbert.errors import DataError, UnavailableError
from benchbert.metrics.span import normalise
from benchbert.store.context import JobContext, Outcome
from benchbert.tasks.data import load_split, validate
from benchbert.tasks.labels import logit_order
from benchbert.tasks.multi_label import membership
from benchbert.tasks.sequence import decode_sequences
from benchbert.tasks.spans import SpanAnswer, span_table
from benchbert.tasks.words import tag_table, word_starts
from benchbert.training.scored_split import outcome_of, score_split
from benchbert.types import Task

if TYPE_CHECKING:
    import datasets
    import pyarrow

__all__ = ["run"]

_UNSEEN = 0.5
"""Examples that a label counts as having where the training split has none: its log share stays a number."""


def run(context: JobContext) -> Outcome:
    """Learns the constant of the task's training split and scores it on the splits of the job.

    Raises:
        UnavailableError, DataError, LabelError: the training split or a scored one cannot be had, or is not what its
            task says.
    """
    task = context.task
    source = context.lock.task(task.head_of) if task.head_of else task
    training = _training_rows(context, source)
    predict, constant = _HEADS[task.head](task, source, training)
    names: list[str] = context.job.spec["splits"]
    return outcome_of(
        (score_split(context, task, name, predict) for name in names),
        {"training_rows": len(training), "constant": constant},
    )


def _training_rows(context: JobContext, source: Task) -> datasets.Dataset:
    if source.train is None:
        raise UnavailableError(
            f"{source.name} has no training split, and the majority baseline learns from nothing else"
        )
    rows = load_split(context.dataset(source.dataset.key), source.train.name)
    validate(source, rows, source.train.name)
    if len(rows) == 0:
        raise DataError(f"{source.name}, split {source.train.name}: it has no rows, so no label is the most frequent")
    return rows


_Predict = Callable[["datasets.Dataset"], "pyarrow.Table"]


def _classification(task: Task, source: Task, training: datasets.Dataset) -> tuple[_Predict, str]:
    """The most frequent label, the first of several in the task's order; the logits are the labels' log shares."""
    counts = np.bincount(np.asarray(training[source.label][:], dtype=np.int64), minlength=len(source.labels))
    order = logit_order(dict(enumerate(source.labels)), task.labels)
    counts = counts[order]
    logits = np.log(np.maximum(counts, _UNSEEN) / counts.sum()).astype(np.float32)
    return _same_logits(task, logits), task.labels[int(counts.argmax())]


def _regression(task: Task, source: Task, training: datasets.Dataset) -> tuple[_Predict, float]:
    """The mean of the labels."""
    mean = float(np.mean(np.asarray(training[source.label][:], dtype=np.float64)))
    return _same_logits(task, np.array([mean], dtype=np.float32)), mean


def _multi_label(task: Task, source: Task, training: datasets.Dataset) -> tuple[_Predict, list[str]]:
    """The most frequent set of labels, the first of several in sorted order; the logits only say yes or no."""
    counts = Counter(tuple(sorted(labels)) for labels in training[source.label])
    chosen = min(counts, key=lambda labels: (-counts[labels], labels))
    held = membership([chosen], len(task.labels))[0]
    return _same_logits(task, (2.0 * held - 1.0).astype(np.float32)), [task.labels[number] for number in chosen]


def _token_classification(task: Task, source: Task, training: datasets.Dataset) -> tuple[_Predict, str]:
    """The most frequent tag, the first of several in the task's order, for every word."""
    counts = np.zeros(len(task.labels), dtype=np.int64)
    for tags in training[source.label]:
        counts += np.bincount(tags, minlength=len(task.labels))
    tag = int(counts.argmax())

    def predict(rows: datasets.Dataset) -> pyarrow.Table:
        return tag_table(task, rows, np.full(int(word_starts(task, rows)[-1]), tag, dtype=np.int64))

    return predict, task.labels[tag]


def _same_logits(task: Task, logits: NDArray[np.float32]) -> _Predict:
    """Predicts the same logits, of shape (outputs,), for every row."""

    def predict(rows: datasets.Dataset) -> pyarrow.Table:
        return decode_sequences(task, rows, np.tile(logits, (len(rows), 1)), logit_order=())

    return predict


def _span(task: Task, source: Task, training: datasets.Dataset) -> tuple[_Predict, str]:
    """The most frequent normalised answer, the first of several in sorted order; "" where most questions have none.

    Only the first answer to a question counts, as in fine-tuning. The null score difference is the log of the odds of
    no answer against the most frequent text, and there is no n-best list: the text may stand nowhere in the passage.
    """
    counts = Counter(normalise(answers["text"][0]) if answers["text"] else "" for answers in training[source.label][:])
    text = _most_frequent(counts)
    answered = Counter({answer: count for answer, count in counts.items() if answer})
    best = _most_frequent(answered) if answered else ""
    answer = SpanAnswer(
        prediction_text=text,
        best_text=best,
        null_score_difference=float(np.log(max(counts[""], _UNSEEN)) - np.log(max(answered[best], _UNSEEN))),
    )

    def predict(rows: datasets.Dataset) -> pyarrow.Table:
        return span_table(task, rows, [answer] * len(rows))

    return predict, text


def _most_frequent(counts: Counter[str]) -> str:
    return min(counts, key=lambda text: (-counts[text], text))


_HEADS: dict[str, Callable[[Task, Task, datasets.Dataset], tuple[_Predict, Any]]] = {
    "classification": _classification,
    "regression": _regression,
    "span": _span,
    "multi_label": _multi_label,
    "token_classification": _token_classification,
}
"""Head -> (task, task of the training split, its rows) -> what predicts, and the constant for the provenance."""
