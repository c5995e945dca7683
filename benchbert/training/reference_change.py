"""What another backend or dtype changes in predictions: flipped labels and the score, against float32 eager."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from benchbert.errors import StoreError
from benchbert.store.context import JobContext
from benchbert.tasks.heads import score
from benchbert.training.scored_split import ScoredSplit
from benchbert.types import Task, Value

if TYPE_CHECKING:
    import pyarrow

__all__ = ["changes", "with_changes"]

_AGAINST = "against float32 eager"


def with_changes(context: JobContext, task: Task, split: ScoredSplit) -> ScoredSplit:
    """A split with its changes among its values.

    Args:
        context: a job with the input `reference`, which predicted the same split.
        task: its task.
        split: what the job itself predicted.

    Raises:
        StoreError: the reference's predictions are gone, or are of other rows.
    """
    from pyarrow import parquet

    path = context.folder.predictions_path(context.job.inputs["reference"], split.name)
    if not path.is_file():
        raise StoreError(f"{path}: the float32 predictions to compare with are gone; run the suite again to make them")
    reference = parquet.read_table(path)
    found = parquet.read_table(context.folder.path / split.artefact.path)
    if reference["id"].to_pylist() != found["id"].to_pylist():
        raise StoreError(f"{path}: holds predictions of other rows; delete it, and run the suite again")
    return replace(split, values=(*split.values, *changes(task, reference, found, split)))


def changes(task: Task, reference: pyarrow.Table, found: pyarrow.Table, split: ScoredSplit) -> tuple[Value, ...]:
    """`label_flips`, the examples whose prediction differs, and `score_change`, that of the main metric.

    Args:
        task: the task; numbers have no labels to flip.
        reference: predictions of float32 eager.
        found: the same rows in the same order.
        split: name, rows and scores of `found`.
    """
    values = []
    if task.head != "regression":
        column = "prediction_text" if task.head == "span" else "prediction"
        pairs = zip(reference[column].to_pylist(), found[column].to_pylist(), strict=True)
        values.append(
            Value(
                metric="label_flips",
                value=float(sum(before != after for before, after in pairs)),
                unit="examples",
                direction="lower",
                n=split.rows,
                ci_kind="none: counted",
                split=split.name,
                convention=_AGAINST,
            )
        )
    if split.values:
        after = split.values[0]
        before = score(task, reference, split=split.name, complete=bool(after.complete))[0].value
        defined = after.value is not None and before is not None
        values.append(
            replace(
                after,
                metric="score_change",
                value=after.value - before if defined and after.value is not None and before is not None else None,
                ci_low=None,
                ci_high=None,
                ci_level=None,
                ci_kind="none: the two models' comparison has one",
                convention=f"{after.metric} {_AGAINST}",
            )
        )
    return tuple(values)
