"""Rows of a user's CSV, TSV, JSON-lines or parquet file, one after another, each with the place it stands at."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchbert.errors import DataError

__all__ = ["checked_digest", "place_of", "raw_rows"]

_BATCH = 2_000
"""Rows of a parquet file that are Python objects at once."""

_LONGEST_CELL = 1 << 30
"""Characters of a CSV cell at most; Python's own limit of 131,072 is less than some contexts have."""


def place_of(path: Path, number: int) -> str:
    """`FILE, line 7`, or `FILE, row 6` of a parquet file, whose rows count from 0."""
    return f"{path}, {'row' if path.suffix.lower() == '.parquet' else 'line'} {number}"


def checked_digest(path: Path) -> str:
    """SHA-256 of a file.

    Raises:
        DataError: it cannot be read, or is a text that is not UTF-8 (names the line).
    """
    total = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            if path.suffix.lower() == ".parquet":
                return hashlib.file_digest(stream, "sha256").hexdigest()
            for number, line in enumerate(stream, start=1):
                total.update(line)
                _require_utf8(path, number, line)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}): check the path") from error
    return total.hexdigest()


def _require_utf8(path: Path, number: int, line: bytes) -> None:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}, line {number}: not UTF-8 (byte {error.start} of the line): save the file as UTF-8"
        ) from None


def raw_rows(path: Path, columns: Sequence[str], optional: Sequence[str] = ()) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line or row number, column -> cell) of each row; a cell that a JSON line does not have is None.

    Args:
        path: a file whose ending says its format.
        columns: columns that are needed.
        optional: columns that are read where the file has them.

    Raises:
        DataError: a column that is not there, a row that cannot be read (names its line).
    """
    suffix = path.suffix.lower()
    try:
        if suffix == ".parquet":
            yield from _parquet(path, columns, optional)
        elif suffix in {".jsonl", ".json"}:
            yield from _json_lines(path, columns, optional)
        else:
            yield from _csv(path, columns, optional, "\t" if suffix == ".tsv" else ",")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}): check the file") from error


def _present(path: Path, there: Sequence[str], columns: Sequence[str], optional: Sequence[str]) -> list[str]:
    """The columns to read.

    Raises:
        DataError: one that is needed is not there, or one stands there twice.
    """
    if lost := [name for name in columns if name not in there]:
        raise DataError(
            f"{path}: no column {lost[0]!r} (it has {', '.join(there)}): name the columns in the suite, or mend it"
        )
    chosen = [*columns, *(name for name in optional if name in there and name not in columns)]
    if twice := [name for name in chosen if list(there).count(name) > 1]:
        raise DataError(f"{path}: two columns are named {twice[0]!r}: give each its own name")
    return chosen


def _csv(
    path: Path, columns: Sequence[str], optional: Sequence[str], delimiter: str
) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open(encoding="utf-8-sig", newline="") as stream, _long_cells():
        reader = csv.reader(stream, delimiter=delimiter, strict=True)
        line = 0
        try:
            header = next(reader, [])
            places = {name: header.index(name) for name in _present(path, header, columns, optional)}
            line = reader.line_num
            for fields in reader:
                # A cell may hold line breaks: a row starts where the row before it ended.
                first, line = line + 1, reader.line_num
                if not fields:
                    continue
                if len(fields) != len(header):
                    raise DataError(
                        f"{path}, line {first}: {len(fields)} fields, the header has {len(header)}: "
                        "mend that line; quote cells that hold the delimiter"
                    )
                yield first, {name: fields[place] for name, place in places.items()}
        except csv.Error as error:
            raise DataError(f"{path}, line {line + 1}: not CSV ({error}): mend that line") from error


@contextmanager
def _long_cells() -> Iterator[None]:
    """Lets the csv module read long cells; its limit is one of the process, so it is put back."""
    before = csv.field_size_limit(_LONGEST_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _json_lines(path: Path, columns: Sequence[str], optional: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    chosen: list[str] = []
    with path.open(encoding="utf-8-sig") as stream:
        for number, text in enumerate(stream, start=1):
            if not text.strip():
                continue
            cells = _object(path, number, text)
            if not chosen:
                chosen = _present(path, list(cells), columns, optional)
            yield number, {name: cells.get(name) for name in chosen}


def _object(path: Path, number: int, text: str) -> Mapping[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                raise DataError(f"{path}, line {number}: the key {name!r} stands there twice: remove one")
            found[name] = value
        return found

    try:
        cells = json.loads(text, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{path}, line {number}: not JSON ({error}): write one JSON object a line, with the columns as keys"
        ) from error
    if not isinstance(cells, Mapping):
        raise DataError(f"{path}, line {number}: each line must be a JSON object with the columns as keys")
    return cells


def _parquet(path: Path, columns: Sequence[str], optional: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            chosen = _present(path, file.schema_arrow.names, columns, optional)
            number = 0
            for batch in file.iter_batches(batch_size=_BATCH, columns=chosen):
                for cells in batch.to_pylist():
                    yield number, cells
                    number += 1
    except (pa.ArrowException, UnicodeDecodeError) as error:
        first = str(error).splitlines()[0][:200]
        raise DataError(f"{path}: not a parquet file that can be read ({first}): save it again") from error
