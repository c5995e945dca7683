"""Holds the rows of a split against what the task says of them, before anything is trained or scored on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from benchbert.errors import DataError
from benchbert.types import Task

if TYPE_CHECKING:
    import datasets

__all__ = ["UNLABELLED", "row_ids", "validate"]

UNLABELLED = -1
"""The label that GLUE's test splits have."""

_SLACK = 2
"""Characters by which an answer's offset may be off: a known defect of single rows in copies of SQuAD."""


def validate(task: Task, dataset: datasets.Dataset, split: str | None = None) -> None:
    """Checks columns, texts and labels of a split.

    Args:
        task: What the rows should be.
        dataset: The rows.
        split: Name of the split, since only test splits may be unlabelled; None: the name that the dataset carries.

    Raises:
        DataError: names the first column, label name or row that is not as the task says.
    """
    split = split or str(dataset.split)
    place = f"{task.name}, split {split}"
    test = split in {known.name for known in task.test}
    # The labels of a user's test file are not read; GLUE's test splits have a column of them, all -1.
    labelled = not (test and task.unlabelled is None)
    needed = (*task.text, *((task.label,) if labelled else ()), *(("id",) if task.head == "span" else ()))
    if lost := [name for name in needed if name not in dataset.column_names]:
        raise DataError(
            f"{place}: no column {lost[0]!r} (it has {', '.join(dataset.column_names)}): mend the data files"
        )
    row_ids(task, dataset)
    for name in task.text:
        _texts(dataset, name, place, lists=task.head == "token_classification")
    if not labelled:
        return
    if task.head == "span":
        _answers(task, dataset, place)
    elif task.head in {"multi_label", "token_classification"}:
        _label_lists(task, dataset, place)
    else:
        _labels(task, dataset, place, test=test)


def row_ids(task: Task, dataset: datasets.Dataset) -> list[str]:
    """Ids of the rows: column `id` of a span task, else `idx`, else the row numbers.

    Raises:
        DataError: a repeated or empty id (names it and its row).
    """
    name = next((column for column in ("id", "idx") if column in dataset.column_names), None)
    if name is None:
        return [str(row) for row in range(len(dataset))]
    ids = dataset[name][:]
    seen: dict[Any, int] = {}
    for row, value in enumerate(ids):
        if value is None:
            raise DataError(f"{task.name}: row {row} has no {name}: give every row one")
        if value in seen:
            raise DataError(
                f"{task.name}: rows {seen[value]} and {row} both have {name} {value!r}: give each row its own"
            )
        seen[value] = row
    return [str(value) for value in ids]


def _texts(dataset: datasets.Dataset, name: str, place: str, *, lists: bool = False) -> None:
    for row, text in enumerate(dataset[name][:]):
        if lists:
            if not isinstance(text, list) or not text or not all(isinstance(token, str) for token in text):
                raise DataError(f"{place}: row {row} has {text!r} in column {name!r} where a list of tokens must be")
        elif not isinstance(text, str):
            raise DataError(f"{place}: row {row} has {text!r} in column {name!r} where a text must be: mend that row")


def _labels(task: Task, dataset: datasets.Dataset, place: str, *, test: bool) -> None:
    names = getattr(dataset.features[task.label], "names", None)
    if names is not None and task.labels and tuple(names) != task.labels:
        raise DataError(
            f"{place}: column {task.label!r} has the classes {list(names)}, the task {list(task.labels)} in this "
            "order: their numbers would mean other classes, so use the original data"
        )
    regression = task.head == "regression"
    values = dataset[task.label][:]
    for row, value in enumerate(values):
        if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
            raise DataError(f"{place}: row {row} has the label {value!r}: it must be a number")
        if value == UNLABELLED == task.unlabelled:
            if not test:
                raise DataError(f"{place}: row {row} has no label (-1): only test splits are unlabelled, mend that row")
        elif not regression and not (value == int(value) and 0 <= value < len(task.labels)):
            raise DataError(f"{place}: row {row} has the label {value}: it must be from 0 to {len(task.labels) - 1}")


def _label_lists(task: Task, dataset: datasets.Dataset, place: str) -> None:
    """Lists of class numbers; of tags, one a token."""
    for row, (text, labels) in enumerate(zip(dataset[task.text[0]][:], dataset[task.label][:], strict=True)):
        known = isinstance(labels, list) and all(isinstance(n, int) and 0 <= n < len(task.labels) for n in labels)
        if not known:
            raise DataError(
                f"{place}: row {row} has the labels {labels!r}: each must be from 0 to {len(task.labels) - 1}"
            )
        if task.head == "token_classification" and len(labels) != len(text):
            raise DataError(f"{place}: row {row} has {len(labels)} tags for {len(text)} tokens")


def _answers(task: Task, dataset: datasets.Dataset, place: str) -> None:
    columns = (dataset[name][:] for name in ("id", task.text[1], task.label))
    for row, (name, context, answers) in enumerate(zip(*columns, strict=True)):
        where = f"{place}: row {row}, id {name!r}"
        texts, starts = _answer_lists(answers, where)
        if not texts and not task.unanswerable:
            raise DataError(f"{where}: no answer, but every question of this task has one: mend that row")
        for text, start in zip(texts, starts, strict=True):
            near = context[max(0, start - _SLACK) : start + len(text) + _SLACK]
            if start < 0 or text not in near:
                raise DataError(
                    f"{where}: the answer {text!r} does not stand at character {start} of its {task.text[1]}: "
                    "mend that row"
                )


def _answer_lists(answers: Any, where: str) -> tuple[list[str], list[int]]:
    if not isinstance(answers, Mapping) or not {"text", "answer_start"} <= set(answers):
        raise DataError(f"{where}: answers must have the fields text and answer_start")
    texts, starts = list(answers["text"]), list(answers["answer_start"])
    if len(texts) != len(starts):
        raise DataError(f"{where}: {len(texts)} answer texts but {len(starts)} answer starts: mend that row")
    if not all(isinstance(text, str) for text in texts) or not all(isinstance(start, int) for start in starts):
        raise DataError(f"{where}: answer texts must be texts and answer starts whole numbers")
    return texts, starts
