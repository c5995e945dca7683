"""A user's file as a typed table: every cell checked once, written to the cache of datasets, and mapped from there.

Rows go from the file to disk in batches, so that a file of any size needs the memory of one batch. A table belongs to
the bytes of its file and to the layout they are read with: a changed file is another table.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchbert.errors import DataError
from benchbert.lock import DataFile
from benchbert.own_data.cached_table import writing_table
from benchbert.own_data.cells import READERS, read_id, read_text, read_tokens, require_answers_in
from benchbert.own_data.raw_rows import checked_digest, place_of, raw_rows
from benchbert.types import FileLayout, digest

if TYPE_CHECKING:
    import datasets

__all__ = ["LINE", "file_table"]

LINE = "benchbert_line"
"""Column with the line (parquet: the row) that each row stands at in the file, for messages."""

_VERSION = 1
"""Raised when cells are read in another way: older tables are then written anew."""

_IDS = ("id", "idx")
"""Columns that hold ids unless the suite names another."""


def file_table(file: DataFile, layout: FileLayout, *, labelled: bool) -> datasets.Dataset:
    """The rows of a file: the text columns, the label column, `id` where the file has ids, and `LINE`.

    Labels are texts (classification), numbers (regression), lists of texts (several labels, tags) or answers (span).

    Args:
        file: the file, as it was when the suite was resolved.
        layout: how it is read.
        labelled: whether the label column is read; a test file's is not.

    Raises:
        DataError: a column, row or cell that is not as the layout says (names file, line and column), no rows, or a
            file that changed since.
        StoreError: the cache cannot be written.
    """
    from datasets import Dataset, config

    key = digest([_VERSION, file.sha256, layout.head, layout.text, layout.label, layout.id, layout.separator, labelled])
    place = Path(config.HF_DATASETS_CACHE) / "benchbert-files" / f"{key[:24]}.arrow"
    if not place.is_file():
        _write(Path(file.path), file.sha256, layout, place, labelled=labelled)
    return Dataset.from_file(str(place))


def _write(path: Path, sha256: str, layout: FileLayout, place: Path, *, labelled: bool) -> None:
    from datasets.arrow_writer import ArrowWriter

    if checked_digest(path) != sha256:
        raise DataError(f"{path}: it changed since the suite was resolved: run the suite again")
    rows = _typed_rows(path, layout, labelled=labelled)
    with writing_table(place) as temporary:
        first = next(rows, None)
        if first is None:
            raise DataError(f"{path}: no rows: it is empty or has only a header")
        with ArrowWriter(features=_features(layout, first), path=str(temporary), writer_batch_size=1_000) as writer:
            writer.write(first)
            for row in rows:
                writer.write(row)
            writer.finalize()


def _features(layout: FileLayout, first: dict[str, Any]) -> Any:
    """The type of every column that a row has."""
    from datasets import Features, List, Value

    text = List(Value("string")) if layout.head == "token_classification" else Value("string")
    kinds: dict[str, Any] = {"id": Value("string"), LINE: Value("int64")} | dict.fromkeys(layout.text, text)
    kinds[layout.label] = {
        "classification": Value("string"),
        "regression": Value("float64"),
        "multi_label": List(Value("string")),
        "token_classification": List(Value("string")),
        "span": {"text": List(Value("string")), "answer_start": List(Value("int64"))},
    }[layout.head]
    return Features({name: kinds[name] for name in first})


def _typed_rows(path: Path, layout: FileLayout, *, labelled: bool) -> Iterator[dict[str, Any]]:
    """The rows of a file, checked one by one, with ids that differ."""
    needed = [*layout.text, *([layout.label] if labelled else []), *([layout.id] if layout.id else [])]
    if layout.head == "span" and not layout.id:
        needed.append("id")
    ids: dict[str, int] = {}
    for number, cells in raw_rows(path, needed, optional=() if layout.id else _IDS):
        row = {name: _text(path, number, name, cells, layout) for name in layout.text}
        if labelled:
            row[layout.label] = _read(path, number, layout.label, READERS[layout.head], cells[layout.label], layout)
            _require_fitting(path, number, row, layout)
        name = layout.id or next((column for column in _IDS if column in cells), "")
        if name:
            row["id"] = _read(path, number, name, read_id, cells[name])
            if row["id"] in ids:
                raise DataError(
                    f"{place_of(path, number)}, column {name!r}: the id {row['id']!r} stands at "
                    f"{place_of(path, ids[row['id']]).rpartition(', ')[2]} already: give each row its own"
                )
            ids[row["id"]] = number
        yield row | {LINE: number}


def _text(path: Path, number: int, name: str, cells: dict[str, Any], layout: FileLayout) -> Any:
    if layout.head == "token_classification":
        return _read(path, number, name, read_tokens, cells[name], layout)
    return _read(path, number, name, read_text, cells[name])


def _read(path: Path, number: int, column: str, reader: Any, cell: Any, *layout: FileLayout) -> Any:
    """The value of a cell.

    Raises:
        DataError: it has none that the column may have (names file, line and column).
    """
    try:
        return reader(cell, *layout)
    except ValueError as error:
        raise DataError(f"{place_of(path, number)}, column {column!r}: {error}") from None


def _require_fitting(path: Path, number: int, row: dict[str, Any], layout: FileLayout) -> None:
    """Refuses tags that are not one a token, and answers that are not in their context."""
    label = row[layout.label]
    if layout.head == "token_classification" and len(label) != len(row[layout.text[0]]):
        raise DataError(
            f"{place_of(path, number)}, column {layout.label!r}: {len(label)} tags for "
            f"{len(row[layout.text[0]])} tokens: give each token one"
        )
    if layout.head == "span":
        _read(path, number, layout.label, lambda answers: require_answers_in(row[layout.text[1]], answers), label)
