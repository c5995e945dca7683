"""Says all that GLUE's server would find wrong with a submission, before its few tries a day are spent on it."""

from __future__ import annotations

import lzma
import math
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path, PurePosixPath

from benchbert.own_data.decimals import DECIMAL
from benchbert.tasks.submission import FILES, HEADER, SCORES, SubmissionFile

__all__ = ["validate_submission"]

_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")

_LARGEST = 1 << 26
"""Bytes of an unpacked file at most: the largest of the eleven, QQP's, has about four million."""

_UNREADABLE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, ValueError)
"""What reading a broken, encrypted or strangely packed file of a zip raises: for an unknown packing, a RuntimeError."""

_Cells = list[tuple[int, str]]
"""Line number and text of one column."""


def validate_submission(path: Path) -> tuple[str, ...]:
    """Every problem of a submission; empty: the server takes it.

    Of many problems of one kind in one file the first is named, with their number.

    Args:
        path: The zip.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return tuple(_problems(archive))
    except zipfile.BadZipFile as error:
        return (f"{path}: not a zip ({error}): zip the {len(FILES)} files",)
    except OSError as error:
        return (f"{path}: cannot be read ({error.strerror or error}): check the path",)


def _problems(archive: zipfile.ZipFile) -> Iterator[str]:
    known = {file.name: file for file in FILES}
    seen: Counter[str] = Counter()
    for info in archive.infolist():
        place = PurePosixPath(info.filename)
        if info.is_dir():
            yield f"{info.filename!r} is a folder: put the files themselves into the zip"
            continue
        if place.name not in known:
            yield f"{info.filename!r} is none of GLUE's {len(FILES)} files: take it out"
            continue
        if info.filename != place.name:
            yield f"{info.filename!r} stands in a folder: put {place.name} at the top of the zip"
        seen[place.name] += 1
        if info.file_size > _LARGEST:
            yield f"{info.filename}: {info.file_size:,} bytes are far too many for {known[place.name].rows:,} rows"
            continue
        try:
            data = archive.read(info)
        except _UNREADABLE as error:
            yield f"{info.filename}: cannot be unpacked ({error}): zip it again, without a password"
            continue
        yield from _file_problems(known[place.name], info.filename, data)
    for name in known:
        if not seen[name]:
            yield f"{name} is missing: the server wants all {len(FILES)} files"
        elif seen[name] > 1:
            yield f"{name} stands in the zip {seen[name]} times: leave one"


def _file_problems(file: SubmissionFile, name: str, data: bytes) -> Iterator[str]:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        yield f"{name}, line {line}: not UTF-8 (byte {error.start}): save the file as UTF-8"
        return
    if text.startswith("\ufeff"):
        yield f"{name} begins with a byte order mark, which becomes a part of the header: save it as plain UTF-8"
    lines = [line.removesuffix("\r") for line in text.removeprefix("\ufeff").split("\n")]
    if not lines[-1]:
        lines.pop()
    rows = [(number, line.split("\t")) for number, line in enumerate(lines, start=1)]
    header = "\\t".join(HEADER)
    if not rows:
        yield f"{name} is empty: it wants the header {header} and {file.rows:,} rows"
        return
    if tuple(rows[0][1]) != HEADER:
        yield f"{name}, line 1: the header is {lines[0][:80]!r}: it must be {header}"
    if not _INDEX.fullmatch(rows[0][1][0]):
        del rows[0]
    if len(rows) != file.rows:
        yield f"{name}: {len(rows):,} rows, the official number is {file.rows:,}: give one for every row of the split"
    wrong = [(number, len(fields)) for number, fields in rows if len(fields) != len(HEADER)]
    if wrong:
        number, fields = wrong[0]
        count = "1 field" if fields == 1 else f"{fields} fields"
        yield f"{name}, line {number}: {count} where a tab must part index and prediction{_more(wrong)}"
    whole = [(number, fields) for number, fields in rows if len(fields) == len(HEADER)]
    yield from _index_problems(file, name, [(number, fields[0]) for number, fields in whole])
    check = _label_problems if file.allowed else _score_problems
    yield from check(file, name, [(number, fields[1]) for number, fields in whole])


def _index_problems(file: SubmissionFile, name: str, cells: _Cells) -> Iterator[str]:
    if strange := [cell for cell in cells if not _INDEX.fullmatch(cell[1])]:
        line, text = strange[0]
        yield f"{name}, line {line}: the index {text!r} is not a whole number from 0 on{_more(strange)}"
    found = [(line, int(text)) for line, text in cells if _INDEX.fullmatch(text)]
    times = Counter(index for _, index in found)
    if repeated := [index for index, count in times.items() if count > 1]:
        line = [line for line, index in found if index == repeated[0]][1]
        yield f"{name}, line {line}: index {repeated[0]} stands there again{_more(repeated)}"
    if beyond := [(line, index) for line, index in found if index >= file.rows]:
        line, index = beyond[0]
        yield f"{name}, line {line}: index {index} is beyond the last one, {file.rows - 1}{_more(beyond)}"
    if lost := [index for index in range(file.rows) if index not in times]:
        yield f"{name}: no row has the index {lost[0]}{_more(lost)}"
    back = [after for before, after in pairwise(found) if after[1] < before[1]]
    if back:
        line, index = back[0]
        yield f"{name}, line {line}: index {index} stands after a higher one{_more(back)}: sort the rows"


def _label_problems(file: SubmissionFile, name: str, cells: _Cells) -> Iterator[str]:
    allowed = set(file.allowed)
    if unknown := [cell for cell in cells if cell[1] not in allowed]:
        line, text = unknown[0]
        wanted = ", ".join(file.allowed)
        yield f"{name}, line {line}: the prediction {text[:80]!r} is unknown{_more(unknown)}: use {wanted}"


def _score_problems(file: SubmissionFile, name: str, cells: _Cells) -> Iterator[str]:
    low, high = SCORES
    if strange := [cell for cell in cells if not DECIMAL.fullmatch(cell[1])]:
        line, text = strange[0]
        yield f"{name}, line {line}: the prediction {text[:80]!r} is not a number{_more(strange)}"
    numbers = [(line, float(text)) for line, text in cells if DECIMAL.fullmatch(text)]
    if endless := [cell for cell in numbers if not math.isfinite(cell[1])]:
        line, number = endless[0]
        yield f"{name}, line {line}: the prediction {number} is not finite{_more(endless)}"
    if outside := [cell for cell in numbers if math.isfinite(cell[1]) and not low <= cell[1] <= high]:
        line, number = outside[0]
        yield f"{name}, line {line}: the prediction {number:g} is not from {low:g} to {high:g}{_more(outside)}: clip it"


def _more(found: Sequence[object]) -> str:
    return f" ({len(found):,} such in all)" if len(found) > 1 else ""
