"""A user's text, JSON-lines or parquet files as a corpus: which files there are, and what they are today."""

from __future__ import annotations

import codecs
import hashlib
from dataclasses import replace
from pathlib import Path

from benchbert.errors import DataError
from benchbert.lock import DataFile, DatasetLock
from benchbert.types import digest

__all__ = ["checked_text_digest", "corpus_files", "is_path", "split_of"]

ENDINGS = (".txt", ".jsonl", ".json", ".parquet")
"""Endings of the files of a folder that belong to a corpus."""

_CHUNK = 1 << 20
"""Bytes of a file that are in memory at once."""

_PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip")


def is_path(corpus: str) -> bool:
    """Whether a recipe's corpus is a path, not the id of a dataset."""
    return corpus.startswith(("./", "../", "/"))


def corpus_files(name: str, folder: Path) -> DatasetLock:
    """The file, or the files of a folder, that a corpus stands for.

    The id has the fingerprint in it and not the place, so that the same texts elsewhere are the same corpus.

    Args:
        name: path of a file or folder.
        folder: where it starts.

    Returns:
        A lock whose `files` go by their paths within the folder; with an error where they cannot be used.
    """
    place = (folder / name).resolve()
    lock = DatasetLock(id=f"files/{place.name}", origin="files")
    try:
        files = {path.relative_to(place if place.is_dir() else place.parent).as_posix(): path for path in _found(place)}
        known = {name: DataFile(path=str(path), sha256=checked_text_digest(path)) for name, path in files.items()}
    except DataError as error:
        return replace(lock, error=str(error))
    fingerprint = digest([[name, file.sha256] for name, file in known.items()])
    return replace(lock, id=f"{lock.id}@{fingerprint[:8]}", files=known, fingerprint=fingerprint)


def split_of(name: str) -> str:
    """The split that a file of a corpus says it is of: `validation.txt` and `validation/...` are held out, those of
    `test` are left alone, all others are trained on.
    """
    first = name.split("/", maxsplit=1)[0].split(".", maxsplit=1)[0]
    return first if first in {"validation", "test"} else "train"


def _found(place: Path) -> list[Path]:
    """The files in the order of their paths.

    Raises:
        DataError: there is none.
    """
    if place.is_file():
        if place.suffix.lower() in _PACKED:
            raise DataError(f"{place}: packed files are not read: unpack it")
        return [place]
    if not place.is_dir():
        raise DataError(f"{place}: there is no such file or folder: mend `corpus`, which starts at the recipe's folder")
    inside = [path for path in sorted(place.rglob("*")) if path.is_file()]
    found = [
        path
        for path in inside
        if path.suffix.lower() in ENDINGS and not any(part.startswith(".") for part in path.relative_to(place).parts)
    ]
    if not any(split_of(path.relative_to(place).as_posix()) == "train" for path in found):
        raise DataError(f"{place}: no file to train on: a corpus is of files that end in {', '.join(ENDINGS)}")
    return found


def checked_text_digest(path: Path) -> str:
    """SHA-256 of a file, read in pieces.

    Raises:
        DataError: it cannot be read, or is a text that is not UTF-8 (names line and byte).
    """
    total = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            if path.suffix.lower() == ".parquet":
                return hashlib.file_digest(stream, "sha256").hexdigest()
            check = _Utf8(path)
            while chunk := stream.read(_CHUNK):
                total.update(chunk)
                check(chunk)
            check(b"", final=True)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}): check the path") from error
    return total.hexdigest()


class _Utf8:
    """Reads bytes piece by piece, and knows where it is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._at = self._lines = 0

    def __call__(self, chunk: bytes, *, final: bool = False) -> None:
        """
        Raises:
            DataError: these bytes do not go on as UTF-8.
        """
        # Up to three bytes of a character that the chunk before began.
        begun = self._decoder.getstate()[0]
        try:
            self._decoder.decode(chunk, final)
        except UnicodeDecodeError as error:
            line = self._lines + (begun + chunk)[: error.start].count(b"\n") + 1
            raise DataError(
                f"{self._path}, line {line}: not UTF-8 (byte {self._at - len(begun) + error.start} of the file): save "
                "the file as UTF-8"
            ) from None
        self._at += len(chunk)
        self._lines += chunk.count(b"\n")
