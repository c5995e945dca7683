"""Several labels a row: logits to sets of labels, sets to scores. A label holds where its logit is above 0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchbert.metrics import multi_label
from benchbert.statistics.bootstrap import Statistic
from benchbert.types import Task

if TYPE_CHECKING:
    import pyarrow

__all__ = ["label_columns", "label_sets", "membership"]


def membership(labels: Sequence[Sequence[int]], classes: int) -> NDArray[np.int8]:
    """Whether each label holds for each row, 0 or 1, of shape (n, classes)."""
    found = np.zeros((len(labels), classes), dtype=np.int8)
    lengths = np.fromiter((len(row) for row in labels), dtype=np.int64, count=len(labels))
    numbers = np.fromiter((number for row in labels for number in row), dtype=np.int64, count=int(lengths.sum()))
    found[np.repeat(np.arange(len(labels)), lengths), numbers] = 1
    return found


def label_columns(labels: Sequence[Sequence[int]] | None, scores: NDArray[np.float32]) -> dict[str, pyarrow.Array]:
    """The columns `label` and `prediction`, lists of class numbers; labels are null where the split has none.

    Args:
        labels: Class numbers of each row; None: unlabelled.
        scores: Logits in the task's label order, of shape (n, classes).
    """
    import pyarrow as pa

    numbers = pa.list_(pa.int64())
    predictions = [np.flatnonzero(row > 0).tolist() for row in scores]
    return {
        "label": pa.array(labels if labels is not None else [None] * len(scores), numbers),
        "prediction": pa.array(predictions, numbers),
    }


def label_sets(task: Task, predictions: pyarrow.Table) -> Statistic | None:
    """The task's metrics as a function of counts; None: the split is unlabelled."""
    golds = predictions["label"].to_pylist()
    if all(gold is None for gold in golds):
        return None
    labels = membership(golds, len(task.labels))
    guesses = membership(predictions["prediction"].to_pylist(), len(task.labels))

    def statistic(counts: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack([multi_label.METRICS[metric](labels, guesses, counts) for metric in task.metrics], axis=1)

    return statistic
