"""The documents in a user's files, one after another; a file of any size needs the memory of one document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from benchbert.errors import DataError
from benchbert.own_data.raw_rows import place_of, raw_rows

__all__ = ["LONGEST", "Counts", "DocumentEnd", "documents"]

LONGEST = 1 << 20
"""Bytes of a document of a text file, and characters of a cell, at most: what is longer is cut into several."""

DocumentEnd = Literal["lines", "paragraphs"]
"""Where a document of a text file ends: at the end of its line, or at the next blank line."""


@dataclass
class Counts:
    """What was met in the files of a corpus."""

    documents: int = 0
    """Documents, the pieces of those that were cut each counted."""
    empty: int = 0
    """Empty lines (where a line is a document), or cells without text, left out."""
    cut: int = 0
    """Documents that were cut because they are too long."""


def documents(path: Path, *, end: DocumentEnd, column: str, counts: Counts) -> Iterator[str]:
    """The documents of a file, none of them empty.

    Args:
        path: `.jsonl`, `.json` and `.parquet` have a document a row; everything else is text.
        end: where a document of a text ends.
        column: column with the texts.
        counts: is added to.

    Raises:
        DataError: a row that cannot be read, a cell that is no text, no such column (names file and row), or a file
            that cannot be read.
    """
    if path.suffix.lower() in {".jsonl", ".json", ".parquet"}:
        found = _cells(path, column, counts)
    else:
        found = _lines(path, counts) if end == "lines" else _paragraphs(path, counts)
    for text in found:
        counts.documents += 1
        yield text


def _cells(path: Path, column: str, counts: Counts) -> Iterator[str]:
    for number, cells in raw_rows(path, [column]):
        text = cells[column]
        if text is None or (isinstance(text, str) and not text.strip()):
            counts.empty += 1
            continue
        if not isinstance(text, str) or not _encodes(text):
            raise DataError(
                f"{place_of(path, number)}, column {column!r}: should be a text, is {ascii(text)[:60]}: mend that row, "
                "or name another corpus_column"
            )
        counts.cut += len(text) > LONGEST
        while text:
            stop = _end_of_piece(text)
            if text[:stop].strip():
                yield text[:stop].strip()
            text = text[stop:]


def _encodes(text: str) -> bool:
    """Whether a text is one: JSON can write halves of characters."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _end_of_piece(text: str) -> int:
    """Where to cut a text: at the last blank that leaves it short enough, or in the middle of a word."""
    return len(text) if len(text) <= LONGEST else text.rfind(" ", 1, LONGEST) + 1 or LONGEST


def _lines(path: Path, counts: Counts) -> Iterator[str]:
    within = False
    for text, ends in _pieces(path):
        if not ends and not within:
            counts.cut += 1
        if text:
            yield text
        elif ends and not within:
            counts.empty += 1
        within = not ends


def _paragraphs(path: Path, counts: Counts) -> Iterator[str]:
    waiting: list[str] = []
    size, was_cut, within = 0, False, False
    for text, ends in _pieces(path):
        if text and size + len(text) > LONGEST and waiting:
            yield " ".join(waiting)
            counts.cut += not was_cut
            waiting, size, was_cut = [], 0, True
        if text:
            waiting.append(text)
            size += len(text) + 1
        elif ends and not within:
            if waiting:
                yield " ".join(waiting)
            waiting, size, was_cut = [], 0, False
        within = not ends
    if waiting:
        yield " ".join(waiting)


def _pieces(path: Path) -> Iterator[tuple[str, bool]]:
    """(text without blanks around it, whether it ends a line) of each line, and of each piece of a huge one."""
    try:
        with path.open("rb") as stream:
            for number, (piece, ends) in enumerate(_raw_pieces(stream)):
                text = piece.decode("utf-8")
                yield (text.removeprefix("\ufeff") if number == 0 else text).strip(), ends
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 ({error.reason}): save the file as UTF-8") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}): check the file") from error


def _raw_pieces(stream: BinaryIO) -> Iterator[tuple[bytes, bool]]:
    rest = b""
    while part := stream.readline(LONGEST):
        rest += part
        if rest.endswith(b"\n") or len(part) < LONGEST:
            yield rest, True
            rest = b""
            continue
        stop = rest.rfind(b" ") + 1 or len(rest)
        # Not in the middle of a character: bytes that go on one start with the bits 10.
        if stop == len(rest):
            stop = max(i for i in range(len(rest) - 4, len(rest)) if rest[i] & 0xC0 != 0x80)
        yield rest[:stop], False
        rest = rest[stop:]
    if rest:
        yield rest, True
