"""Small tables that people hand in: TSV, CSV, JSON lines and parquet, strictly read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchbert.errors import DataError

__all__ = ["Row", "column_name", "read_json", "read_table"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row, and where it stands."""

    place: str
    """`FILE, line 7` or `FILE, row 6` (rows of parquet count from 0)."""
    cells: Mapping[str, Any]
    """Column -> value; texts in TSV and CSV."""


def read_table(path: Path) -> list[Row]:
    """All rows of a .tsv, .csv, .jsonl or .parquet file.

    Raises:
        DataError: no such file, another format, a wrong encoding, a broken row (names its line).
    """
    readers = {".tsv": _tsv, ".txt": _tsv, ".csv": _csv, ".jsonl": _json_lines, ".json": _json_lines}
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return _parquet(path)
    if suffix not in readers:
        raise DataError(f"{path}: unknown format {suffix!r}: use .tsv, .csv, .jsonl or .parquet")
    rows = readers[suffix](path, _text(path))
    if not rows:
        raise DataError(f"{path}: no rows: it is empty or has only a header")
    return rows


def column_name(path: Path, columns: Iterable[str], wanted: Sequence[str], *, required: bool = True) -> str:
    """The first of the wanted columns that is there, whatever its case; "" when there is none and none is required.

    Raises:
        DataError: none is there but one is required, or two are that differ only in case.
    """
    present = list(columns)
    for name in wanted:
        alike = [column for column in present if column.strip().lower() == name]
        if len(alike) > 1:
            raise DataError(f"{path}: the columns {' and '.join(map(repr, alike))} differ by nothing: take one out")
        if alike:
            return alike[0]
    if required:
        raise DataError(f"{path}: no column {' or '.join(wanted)} (it has {', '.join(present)}): name it in the header")
    return ""


def read_json(path: Path) -> Any:
    """A JSON file in which no object repeats a key.

    Raises:
        DataError: no such file, a wrong encoding, broken JSON, or a repeated key (names it).
    """
    return _json(_text(path), str(path))


def _json(text: str, place: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise DataError(f"{place}: the key {key!r} stands there twice: remove one")
            found[key] = value
        return found

    try:
        return json.loads(text, object_pairs_hook=unique)
    except (json.JSONDecodeError, RecursionError) as error:
        raise DataError(f"{place}: not JSON ({error})") from error
    except ValueError as error:
        raise DataError(f"{place}: a number in it cannot be read ({error})") from error


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}): check the path") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DataError(f"{path}, line {line}: not UTF-8 (byte {error.start}): save the file as UTF-8") from error


def _tsv(path: Path, text: str) -> list[Row]:
    lines = text.replace("\r\n", "\n").split("\n")
    while lines and not lines[-1]:
        lines.pop()
    return _rows(path, [(number, line.split("\t")) for number, line in enumerate(lines, start=1)])


def _csv(path: Path, text: str) -> list[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    numbered = []
    try:
        for fields in reader:
            numbered.append((reader.line_num, fields))
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: not CSV ({error})") from error
    return _rows(path, numbered)


def _rows(path: Path, numbered: list[tuple[int, list[str]]]) -> list[Row]:
    if not numbered:
        return []
    header = numbered[0][1]
    if len(set(header)) != len(header):
        raise DataError(f"{path}, line 1: the header repeats a column: {', '.join(header)}")
    rows = []
    for number, fields in numbered[1:]:
        if len(fields) != len(header):
            raise DataError(
                f"{path}, line {number}: {len(fields)} fields, the header has {len(header)}: mend that line"
            )
        rows.append(Row(place=f"{path}, line {number}", cells=dict(zip(header, fields, strict=True))))
    return rows


def _json_lines(path: Path, text: str) -> list[Row]:
    rows = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        place = f"{path}, line {number}"
        cells = _json(line, place)
        if not isinstance(cells, dict):
            raise DataError(f"{place}: each line must be a JSON object with the columns as keys")
        rows.append(Row(place=place, cells=cells))
    return rows


def _parquet(path: Path) -> list[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise DataError(f"{path}: cannot be read (no such file): check the path")
    try:
        cells = pq.read_table(path).to_pylist()
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a parquet file that can be read ({str(error).splitlines()[0][:200]})") from error
    if not cells:
        raise DataError(f"{path}: no rows")
    return [Row(place=f"{path}, row {row}", cells=values) for row, values in enumerate(cells)]
