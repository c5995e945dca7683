"""Predictions of several checkpoints on the very same examples, brought into one order and checked to be the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from benchbert.comparison.stored import StoredPredictions
from benchbert.errors import DataError, StoreError
from benchbert.store.files import digest_of

if TYPE_CHECKING:
    import pyarrow

__all__ = ["Aligned", "Head", "align"]

Head = Literal["classification", "regression", "span", "multi_label", "token_classification"]

_NAMED = 3
"""Ids named in an error at most."""


@dataclass(frozen=True, kw_only=True)
class Aligned:
    """Several checkpoints' predictions, example by example."""

    head: Head
    """What was predicted: a class, a number, a text, a set of classes, or a class for each word."""
    ids: tuple[str, ...]
    """Ids of the examples, in the order of the first checkpoint."""
    tables: tuple[pyarrow.Table, ...]
    """The predictions of each checkpoint, all in that order."""

    @property
    def labels(self) -> NDArray[np.float64]:
        """Class or number of each example, of shape (n,); classification and regression only."""
        return np.asarray(self.tables[0]["label"].to_numpy(), dtype=np.float64)

    @property
    def golds(self) -> list[list[str]]:
        """Right answers to each question; spans only."""
        found: list[list[str]] = self.tables[0]["golds"].to_pylist()
        return found

    @property
    def guesses(self) -> NDArray[np.float64]:
        """Predicted classes or numbers, of shape (checkpoints, n); classification and regression only."""
        return np.stack([np.asarray(table["prediction"].to_numpy(), dtype=np.float64) for table in self.tables])

    @property
    def texts(self) -> list[list[str]]:
        """Predicted texts of each checkpoint; spans only."""
        return [table["prediction_text"].to_pylist() for table in self.tables]

    @property
    def label_lists(self) -> list[list[int]]:
        """Classes of each example (multi_label) or of its words (token_classification)."""
        found: list[list[int]] = self.tables[0]["label"].to_pylist()
        return found

    @property
    def guess_lists(self) -> list[list[list[int]]]:
        """The same as each checkpoint predicted them."""
        return [table["prediction"].to_pylist() for table in self.tables]

    def logits(self, checkpoint: int) -> NDArray[np.float64]:
        """Logits of one checkpoint, of shape (n, classes); classification and multi_label only."""
        return np.asarray(self.tables[checkpoint]["scores"].to_pylist(), dtype=np.float64)

    def word_logits(self, checkpoint: int) -> list[list[list[float]]]:
        """Logits of each word of each row, none for a word without a token; token_classification only."""
        found: list[list[list[float]]] = self.tables[checkpoint]["scores"].to_pylist()
        return found

    def has_logits(self, checkpoint: int) -> bool:
        """Whether a checkpoint's logits were kept; a constant answer has none."""
        table = self.tables[checkpoint]
        return "scores" in table.column_names and not table["scores"].null_count

    @property
    def answers(self) -> list[list[object]]:
        """What each checkpoint said, whatever the head: classes, numbers, texts or lists of classes."""
        name = "prediction_text" if self.head == "span" else "prediction"
        return [table[name].to_pylist() for table in self.tables]


def align(checkpoints: Sequence[StoredPredictions]) -> Aligned:
    """Reads the predictions of checkpoints on one ground and brings them into the order of the first.

    Raises:
        StoreError: a file is gone, damaged or not what its result says.
        DataError: an id is missing or repeated, or the same id has another input or label (names it); predictions of
            a head that cannot be compared.
    """
    tables = [_read(stored) for stored in checkpoints]
    first, head = tables[0], _head(tables[0], checkpoints[0].path)
    ids: list[str] = first["id"].to_pylist()
    _refuse_repeated(ids, checkpoints[0].path)
    truth = "golds" if head == "span" else "label"
    ordered = [first]
    for stored, table in zip(checkpoints[1:], tables[1:], strict=True):
        other = table["id"].to_pylist()
        _refuse_repeated(other, stored.path)
        _refuse_missing(ids, other, checkpoints[0].path, stored.path)
        if other != ids:
            place = {name: row for row, name in enumerate(other)}
            table = table.take([place[name] for name in ids])
        if _head(table, stored.path) != head:
            raise DataError(f"{stored.path} is of another head than {checkpoints[0].path}: score both again")
        for column, what in (("input_hash", "input"), (truth, "label")):
            _refuse_other(ids, first[column].to_pylist(), table[column].to_pylist(), what, checkpoints[0], stored)
        ordered.append(table)
    return Aligned(head=head, ids=tuple(ids), tables=tuple(ordered))


def _read(stored: StoredPredictions) -> pyarrow.Table:
    import pyarrow
    from pyarrow import parquet

    path = stored.path
    if not path.is_file():
        raise StoreError(f"{path}: the predictions are gone; run the suite again to make them")
    if digest_of(path) != stored.sha256:
        raise StoreError(f"{path}: is not what its result says it was; run the suite again to make it anew")
    try:
        table = parquet.read_table(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise StoreError(f"{path}: cannot be read as parquet ({error}); run the suite again to make it anew") from None
    if table.num_rows == 0:
        raise DataError(f"{path}: holds no prediction")
    return table


def _head(table: pyarrow.Table, path: Path) -> Head:
    """What the columns are predictions of.

    Raises:
        DataError: columns that no comparison knows.
    """
    import pyarrow

    names = set(table.column_names)
    if {"id", "input_hash"} <= names:
        if {"prediction_text", "golds"} <= names:
            return "span"
        if {"label", "prediction"} <= names:
            kind = table.schema.field("prediction").type
            if pyarrow.types.is_integer(kind):
                return "classification"
            if pyarrow.types.is_floating(kind):
                return "regression"
            if pyarrow.types.is_list(kind) and pyarrow.types.is_integer(kind.value_type):
                return "multi_label" if _has_row_scores(table) else "token_classification"
    raise DataError(f"{path}: predictions with the columns {', '.join(sorted(names))} cannot be compared")


def _has_row_scores(table: pyarrow.Table) -> bool:
    """Whether there is one logit a label for each row; words have theirs, where they are kept."""
    import pyarrow

    if "scores" not in table.column_names:
        return False
    kind = table.schema.field("scores").type
    return bool(pyarrow.types.is_list(kind) and not pyarrow.types.is_list(kind.value_type))


def _refuse_repeated(ids: Sequence[str], path: Path) -> None:
    repeated = [name for name, count in Counter(ids).items() if count > 1]
    if repeated:
        raise DataError(f"{path}: {_ids(repeated)} stand there more than once; run the suite again to make it anew")


def _refuse_missing(ids: Sequence[str], other: Sequence[str], path: Path, other_path: Path) -> None:
    for here, there, lacking in ((ids, other, other_path), (other, ids, path)):
        known = set(there)
        missing = [name for name in here if name not in known]
        if missing:
            raise DataError(f"{lacking}: has no prediction for {_ids(missing)}, the other model has; run both again")


def _refuse_other(
    ids: Sequence[str],
    ours: list[object],
    theirs: list[object],
    what: str,
    first: StoredPredictions,
    second: StoredPredictions,
) -> None:
    wrong = [name for name, a, b in zip(ids, ours, theirs, strict=True) if a != b]
    if wrong:
        raise DataError(
            f"{_ids(wrong)} had another {what} in {first.path.name} than in {second.path.name}: these are different "
            "data; score both models on the same"
        )


def _ids(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:_NAMED]))
    return f"id {shown}" + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
