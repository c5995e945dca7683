"""The predictions of one split, stored and scored: the same for every model, the majority baseline too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchbert.store.context import JobContext, Outcome
from benchbert.store.files import writing
from benchbert.tasks.data import check_rows, load_split, validate
from benchbert.tasks.heads import score
from benchbert.tasks.prediction_stamp import stamped
from benchbert.types import Artefact, Task, Value

if TYPE_CHECKING:
    import datasets
    import pyarrow

__all__ = ["ScoredSplit", "outcome_of", "score_split"]


@dataclass(frozen=True, kw_only=True)
class ScoredSplit:
    """One split that a job predicted."""

    name: str
    """Name of the split."""
    rows: int
    """Its number of rows."""
    values: tuple[Value, ...]
    """Its scores; empty: it is unlabelled."""
    artefact: Artefact
    """Its predictions, one row an example, as parquet."""


def score_split(
    context: JobContext, task: Task, name: str, predict: Callable[[datasets.Dataset], pyarrow.Table]
) -> ScoredSplit:
    """Loads a split, has it predicted, stores the predictions and scores them.

    Args:
        context: the job.
        task: its task.
        name: name of the split.
        predict: rows -> one row an example, as `decode` makes it.

    Raises:
        UnavailableError, DataError: the rows cannot be had or are not what the task says.
    """
    from pyarrow import parquet

    rows = load_split(context.dataset(task.dataset.key), name)
    validate(task, rows, name)
    predictions = predict(rows)
    path = context.folder.predictions_path(context.job, name)
    with writing(path) as temporary:
        parquet.write_table(stamped(predictions, task), temporary)
    return ScoredSplit(
        name=name,
        rows=len(rows),
        values=score(task, predictions, split=name, complete=check_rows(task, name, len(rows))),
        artefact=context.folder.artefact("predictions", path),
    )


def outcome_of(splits: Iterable[ScoredSplit], provenance: Mapping[str, Any]) -> Outcome:
    """What a predict job found, with the rows of each split added to its provenance."""
    found = tuple(splits)
    return Outcome(
        values=tuple(value for split in found for value in split.values),
        artefacts=tuple(split.artefact for split in found),
        provenance={**provenance, "rows": {split.name: split.rows for split in found}},
    )
