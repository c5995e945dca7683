"""Predictions and references of classification and regression tasks, as people's files hold them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchbert.errors import DataError
from benchbert.own_data.decimals import DECIMAL
from benchbert.tasks.tables import Row, column_name, read_table
from benchbert.tasks.validation import UNLABELLED
from benchbert.types import Task

__all__ = ["References", "read_label_predictions", "read_label_references"]

_INDEX = ("index", "idx", "id")
_NUMBER = re.compile(r"[0-9]+")
_INTEGER = re.compile(r"-?[0-9]+")


@dataclass(frozen=True, kw_only=True)
class References:
    """What is true, by the ids that predictions may use."""

    labels: Sequence[float]
    """Class numbers or scores, in order."""
    ids: Sequence[str]
    """Id of each row: its index in the file, or the dataset's `idx`."""
    tags: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Diagnostics: phenomenon column -> its text in each row, empty where it does not apply."""


_PHENOMENA = ("lexical semantics", "predicate-argument structure", "logic", "knowledge")
"""Columns of the published diagnostics file."""


def read_label_predictions(task: Task, path: Path) -> dict[str, float]:
    """Index -> predicted class number or score.

    A TSV or CSV with the header `index`, `prediction` as GLUE's server takes it, JSON lines with these keys, or the
    parquet file that a run stores.

    Raises:
        DataError: a repeated index, or a prediction that is no label of the task and no number (names the line).
    """
    rows = read_table(path)
    index = _index(path, rows)
    value = column_name(path, rows[0].cells, ("prediction", "predictions"))
    found: dict[str, float] = {}
    for row in rows:
        key = _key(_cell(row, index), row.place)
        if key in found:
            raise DataError(f"{row.place}: index {key} stands there twice: give one prediction each")
        _require_finite(row, key)
        found[key] = _value(task, _cell(row, value), row.place, "prediction")
    return found


def read_label_references(task: Task, path: Path) -> References:
    """Labels of a TSV, CSV, JSON-lines or parquet file: column `label`, and `index` or `idx` (else rows count from 0).

    Raises:
        DataError: a repeated index, no label, or one that the task does not have (names the line).
    """
    rows = read_table(path)
    index = _index(path, rows, required=False)
    value = column_name(path, rows[0].cells, ("label", "gold_label"))
    ids: dict[str, None] = {}
    labels = []
    for number, row in enumerate(rows):
        key = _key(_cell(row, index), row.place) if index else str(number)
        if key in ids:
            raise DataError(f"{row.place}: index {key} stands there twice: give each row its own")
        ids[key] = None
        label = _value(task, _cell(row, value), row.place, "label")
        if label == UNLABELLED:
            raise DataError(f"{row.place}: no label (-1): references must be labelled")
        labels.append(label)
    tags = {name: [str(row.cells[name] or "") for row in rows] for name in rows[0].cells if name.lower() in _PHENOMENA}
    return References(labels=labels, ids=list(ids), tags=tags)


def _index(path: Path, rows: Sequence[Row], *, required: bool = True) -> str:
    """The column with the ids.

    Raises:
        DataError: none is there but one is required; or several are and say different things.
    """
    name = column_name(path, rows[0].cells, _INDEX, required=required)
    for other in (column_name(path, rows[0].cells, (each,), required=False) for each in _INDEX):
        for row in rows if name and other not in {"", name} else ():
            if _key(_cell(row, name), row.place) != _key(_cell(row, other), row.place):
                raise DataError(f"{row.place}: the columns {name} and {other} disagree: take one of them out")
    return name


def _require_finite(row: Row, key: str) -> None:
    """Refuses a row of a run's file whose outputs are no numbers: what was predicted from them is no prediction."""
    scores = row.cells.get("scores")
    if isinstance(scores, list) and not all(isinstance(x, int | float) and math.isfinite(x) for x in scores):
        raise DataError(f"{row.place}: the model's output for id {key} is not a number: run the suite again")


def _cell(row: Row, name: str) -> Any:
    if name not in row.cells or row.cells[name] is None:
        raise DataError(f"{row.place}: no value for {name}: give every row one")
    return row.cells[name]


def _key(value: Any, place: str) -> str:
    """An index as text: 7, "7" and "007" are the same."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    text = value.strip() if isinstance(value, str) else ""
    if not text:
        raise DataError(f"{place}: index {value!r} must be a whole number or a text")
    return (text.lstrip("0") or "0") if _NUMBER.fullmatch(text) else text


def _value(task: Task, raw: Any, place: str, what: str) -> float:
    if task.head == "regression":
        return _score(raw, place, what)
    number = _class_number(task, raw)
    if number is None or not (0 <= number < len(task.labels) or (what == "label" and number == UNLABELLED)):
        raise DataError(
            f"{place}: the {what} {raw!r} is no label of {task.name}: use {', '.join(task.labels)}, "
            f"or 0 to {len(task.labels) - 1}"
        )
    return float(number)


def _class_number(task: Task, raw: Any) -> int | None:
    if isinstance(raw, str):
        text = raw.strip()
        if text in task.labels:
            return task.labels.index(text)
        # More digits than that are no class, and Python refuses to read thousands of them.
        return int(text) if _INTEGER.fullmatch(text) and len(text) < 10 else None
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    return int(raw) if math.isfinite(raw) and raw == int(raw) else None


def _score(raw: Any, place: str, what: str) -> float:
    try:
        if isinstance(raw, bool):
            raise TypeError("a truth value is no score")
        if isinstance(raw, str) and not DECIMAL.fullmatch(raw.strip()):
            raise ValueError("no number")
        number = float(raw)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{place}: the {what} {raw!r} is not a number") from error
    if not math.isfinite(number):
        raise DataError(f"{place}: the {what} is {number}: it must be a finite number")
    return number
