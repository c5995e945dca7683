"""A table of `tasks` in a suite -> the task it describes, and what its files are today."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchbert.errors import DataError
from benchbert.lock import DataFile, DatasetLock
from benchbert.own_data.raw_rows import checked_digest, place_of
from benchbert.own_data.table import LINE, file_table
from benchbert.suite_tables import TaskEntry
from benchbert.types import HEAD_METRICS, DatasetRef, Split, Task, digest

if TYPE_CHECKING:
    import datasets

__all__ = ["OwnTask", "own_task"]

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_TAG = re.compile(r"O|[BI]-.+", re.DOTALL)
_SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class OwnTask:
    """A task over the user's own files."""

    task: Task
    """The task; without classes and rows where the files cannot be used."""
    dataset: DatasetLock
    """Its files, or why they cannot be used."""


def own_task(entry: TaskEntry, folder: Path) -> OwnTask:
    """Reads the files of a task, all of their rows, and checks them.

    Args:
        entry: what the suite says of it.
        folder: where its paths start.
    """
    ref = DatasetRef(id=f"files/{entry.name}")
    task = Task(
        name=entry.name,
        dataset=ref,
        head=entry.head,
        text=entry.layout.text,
        label=entry.layout.label,
        unlabelled=None,
        labels=entry.labels,
        train=Split(name="train", rows=0),
        evaluation=(Split(name="validation", rows=0),),
        test=(Split(name="test", rows=0),) if entry.test else (),
        metrics=entry.metrics or HEAD_METRICS[entry.head],
        reference="the user's own data",
    )
    lock = DatasetLock(id=ref.id, origin="files", layout=entry.layout)
    try:
        files = {split: _data_file(folder / name) for split, name in entry.files.items()}
        lock = replace(lock, files=files, fingerprint=_fingerprint(entry, files))
        task = _described(entry, task, lock)
        _require_others(files)
        lock = replace(lock, labels=task.labels)
    except DataError as error:
        lock = replace(lock, error=str(error))
    return OwnTask(task=task, dataset=lock)


def _data_file(path: Path) -> DataFile:
    return DataFile(path=str(path.resolve()), sha256=checked_digest(path))


def _require_others(files: dict[str, DataFile]) -> None:
    """Refuses to score on the rows that a model learns from."""
    if files["train"].sha256 == files["validation"].sha256:
        raise DataError(
            f"{files['validation'].path}: it is the training file byte for byte, and a score on rows that a model has "
            "learnt from says nothing: hold some rows back"
        )


def _fingerprint(entry: TaskEntry, files: dict[str, DataFile]) -> str:
    """Digest of the bytes and of what is read from them: other columns of one file are other data."""
    layout = entry.layout
    read = [layout.head, layout.text, layout.label, layout.id, layout.separator, entry.labels]
    return digest([{split: file.sha256 for split, file in files.items()}, read])


def _described(entry: TaskEntry, task: Task, lock: DatasetLock) -> Task:
    """The task with what its files say: rows, classes, whether questions may have no answer, and its metrics."""
    layout = entry.layout
    tables = {split: file_table(file, layout, labelled=split != "test") for split, file in lock.files.items()}
    if entry.head == "span":
        unanswerable = any(
            not answers["text"] for split in ("train", "validation") for answers in tables[split][layout.label]
        )
        task = replace(task, unanswerable=unanswerable)
    elif entry.head != "regression":
        task = replace(task, labels=_classes(entry, tables, lock))
    return replace(
        task,
        train=Split(name="train", rows=len(tables["train"])),
        evaluation=(Split(name="validation", rows=len(tables["validation"])),),
        test=(Split(name="test", rows=len(tables["test"])),) if "test" in tables else (),
        metrics=_metrics(entry, task),
    )


# --- classes --------------------------------------------------------------------------------------------------------


def _classes(entry: TaskEntry, tables: dict[str, datasets.Dataset], lock: DatasetLock) -> tuple[str, ...]:
    """The names of the classes: the suite's, or those of the training file, sorted.

    Raises:
        DataError: a label that is none of them (names its line), or fewer than two classes.
    """
    names = entry.labels or _sorted(_distinct(tables["train"], entry.layout.label))
    named = "named by labels = [...] in the suite" if entry.labels else "in the training file"
    needed = 1 if entry.head == "multi_label" else 2
    if len(names) < needed:
        raise DataError(
            f"{lock.files['train'].path}, column {entry.layout.label!r}: "
            f"{'no label in any row' if not names else f'every row has the label {names[0]!r}'}, "
            "so there is nothing to tell apart: give rows of other labels"
        )
    for split in ("train", "validation"):
        _require_known(names, tables[split], lock.files[split], entry, named)
    return names


def _distinct(rows: datasets.Dataset, column: str) -> list[str]:
    import pyarrow.compute as pc

    values = _flat(rows, column)
    return [str(name) for name in pc.unique(values).to_pylist()]


def _flat(rows: datasets.Dataset, column: str) -> Any:
    """The labels of all rows, one after another, as an Arrow array."""
    import pyarrow as pa
    import pyarrow.compute as pc

    values = rows.data.column(column)
    return pc.list_flatten(values) if pa.types.is_list(values.type) or pa.types.is_large_list(values.type) else values


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    """Whole numbers by their size, other names as texts."""
    found = list(names)
    if all(_INTEGER.fullmatch(name) for name in found):
        return tuple(sorted(found, key=int))
    return tuple(sorted(found))


def _require_known(
    names: tuple[str, ...], rows: datasets.Dataset, file: DataFile, entry: TaskEntry, where: str
) -> None:
    column = entry.layout.label
    strange = set(_distinct(rows, column)) - set(names)
    if not strange:
        return
    for number, cell in zip(rows[LINE][:], rows[column][:], strict=True):
        wrong = next((name for name in ([cell] if isinstance(cell, str) else cell) if name in strange), None)
        if wrong is not None:
            listed = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
            raise DataError(
                f"{place_of(Path(file.path), number)}, column {column!r}: the label {wrong!r} is not {where} "
                f"({listed}): mend that row, or add the label there"
            )


# --- metrics --------------------------------------------------------------------------------------------------------


def _metrics(entry: TaskEntry, task: Task) -> tuple[str, ...]:
    """The suite's metrics, or those of the head that its labels allow.

    Raises:
        DataError: a metric that these labels do not allow.
    """
    barred: dict[str, str] = {}
    if entry.head == "classification":
        if len(task.labels) != 2:
            barred["f1"] = f"it is of the second of two classes, and there are {len(task.labels)}: take macro_f1"
    elif entry.head == "token_classification" and (
        odd := next((tag for tag in task.labels if not _TAG.fullmatch(tag)), None)
    ):
        barred["entity_f1"] = f"it needs IOB2 tags (O, B-..., I-...), and {odd!r} is none: take token_accuracy"
    for metric in entry.metrics:
        if metric in barred:
            raise DataError(f"{entry.name}: metrics = [{metric!r}] cannot be had: {barred[metric]}")
    return entry.metrics or tuple(metric for metric in HEAD_METRICS[entry.head] if metric not in barred)
