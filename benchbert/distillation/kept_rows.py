"""What a teacher said of the sequences of one phase, on disk: one record a sequence, each with a checksum of its own.

Two files of fixed size, `NAME.rows` and `NAME.index`, and `NAME.sample` with all logarithms of probabilities of some
positions, from which the error of keeping only the largest is known. A record counts when its checksum stands in the
index and is right: a process may be killed in the middle of one, and what a disk got wrong is said once more by the
teacher. All is written by calls that a full disk makes fail, and only read through memory maps.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from benchbert.errors import StoreError
from benchbert.store.files import write_json, writing

__all__ = ["KeptRows", "Shape", "missing_files", "prepare_files"]

_SAMPLED, _POSITIONS = 32, 8
"""Sequences of a phase and positions of each whose probabilities are all kept."""

_INDEX = np.dtype([("whole", "u1"), ("crc", "<u4"), ("seconds", "<f4"), ("tail", "<f8"), ("owner", "<u8")])


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What is kept of one phase."""

    sequences: int
    """How many."""
    length: int
    """Tokens of each."""
    vocabulary: int
    """Number of classes."""
    top_k: int
    """Classes that are kept; 0: no probabilities."""
    hidden: int
    """Width of the hidden states; 0: they are not kept."""
    dtype: str
    """Of probabilities and hidden states, `float16` or `float32`."""

    @cached_property
    def row(self) -> np.dtype[Any]:
        """A record: `ids` (length, k), `log_probs` (length, k), `tail` (length,), `hidden` (length, width)."""
        kind = np.dtype(self.dtype).newbyteorder("<").str
        ids = "<u2" if self.vocabulary <= np.iinfo(np.uint16).max else "<u4"
        fields: list[Any] = []
        if self.top_k:
            kept = (self.length, self.top_k)
            # The tail's logarithm in float32: where little is left, its size is what the error is bounded by.
            fields += [("ids", ids, kept), ("log_probs", kind, kept), ("tail", "<f4", (self.length,))]
        if self.hidden:
            fields.append(("hidden", kind, (self.length, self.hidden)))
        return np.dtype(fields)

    @cached_property
    def sample(self) -> np.dtype[Any]:
        """A record of the sample: all logarithms of probabilities at some positions, of shape (positions, V)."""
        return np.dtype([("log_probs", "<f4", (len(self.positions), self.vocabulary)), ("crc", "<u4")])

    @cached_property
    def sampled(self) -> NDArray[np.int64]:
        """Numbers of the sampled sequences, rising."""
        count = min(_SAMPLED, self.sequences) if self.top_k else 0
        return np.unique(np.linspace(0, self.sequences - 1, count).astype(np.int64))

    @cached_property
    def positions(self) -> NDArray[np.int64]:
        """The sampled positions of these sequences, rising; special tokens at both ends are not among them."""
        return np.unique(np.linspace(1, self.length - 2, min(_POSITIONS, self.length - 2)).astype(np.int64))

    @property
    def files(self) -> dict[str, int]:
        """Ending -> bytes."""
        return {
            "rows": self.sequences * self.row.itemsize,
            "index": self.sequences * _INDEX.itemsize,
            "sample": len(self.sampled) * self.sample.itemsize,
        }

    @property
    def bytes(self) -> int:
        """On disk, when all is filled."""
        return sum(self.files.values())


def missing_files(folder: Path, shapes: Mapping[str, Shape], terms: Mapping[str, Any]) -> str:
    """Why the files of a cache cannot be taken up; empty: they can."""
    about = None
    with suppress(OSError, ValueError):
        about = json.loads((folder / "about.json").read_bytes())
    if about is None:
        return "there is no description" if folder.is_dir() and any(folder.glob("*.rows")) else "new"
    if about != _about(shapes, terms):
        return "the description is of another cache"
    for name, shape in shapes.items():
        for ending, size in shape.files.items():
            place = folder / f"{name}.{ending}"
            if not place.is_file() or place.stat().st_size != size:
                return f"{place.name} is not of {size:,} bytes"
    return ""


def prepare_files(folder: Path, shapes: Mapping[str, Shape], terms: Mapping[str, Any]) -> str:
    """Makes the files of a cache, empty, where they are not there and whole.

    Args:
        folder: named by all that decides what is in it.
        shapes: name of a phase -> what is kept of it.
        terms: what decides the content, as JSON, to be read by people.

    Returns:
        What the user is to know: that files were damaged. Empty: nothing.

    Raises:
        StoreError: they cannot be written, or the disk has not enough room for them.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "making.lock"):
            problem = missing_files(folder, shapes, terms)
            if not problem:
                return ""
            (folder / "about.json").unlink(missing_ok=True)
            _require_room(folder, sum(shape.bytes for shape in shapes.values()))
            for name, shape in shapes.items():
                for ending, size in shape.files.items():
                    # A new file in the place of the old: whoever has that mapped goes on with it.
                    with writing(folder / f"{name}.{ending}") as temporary, temporary.open("wb") as stream:
                        stream.truncate(size)
            write_json(folder / "about.json", _about(shapes, terms))
    except OSError as error:
        raise _unwritten(folder, error) from error
    return "" if problem == "new" else f"{folder}: the teacher cache is damaged ({problem}); it is filled anew"


def _about(shapes: Mapping[str, Shape], terms: Mapping[str, Any]) -> dict[str, Any]:
    made = {"terms": dict(terms), "phases": {name: asdict(shape) for name, shape in shapes.items()}}
    return dict(json.loads(json.dumps(made)))


def _require_room(folder: Path, wanted: int) -> None:
    import shutil

    free = shutil.disk_usage(folder).free
    if free < wanted:
        raise StoreError(
            f"{folder}: the teacher cache takes {wanted / 1e9:.2f} GB, and {free / 1e9:.2f} GB are free: free room on "
            "that disk, or lower teacher_cache.top_k, set hidden = false, or use fewer or shorter sequences"
        )


def _unwritten(place: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{place}: the teacher cache cannot be written ({error.strerror or error}): free room on that disk, then run "
        "again; what is filled stays"
    )


class KeptRows:
    """The files of one phase, open."""

    def __init__(self, folder: Path, name: str, shape: Shape) -> None:
        """Opens them; a memory map that were pickled would be copied whole, so do it where they are used.

        Args:
            folder: made by `prepare_files`.
            name: of the phase.
            shape: what is kept.
        """
        self.folder, self.name, self.shape = folder, name, shape
        self.damaged: set[int] = set()
        self._rows = self._mapped("rows", shape.row)
        self._index = self._mapped("index", _INDEX)
        self._sample = self._mapped("sample", shape.sample)

    def lock(self, number: int) -> FileLock:
        """Held while records are made, so that of several processes only one makes them.

        Args:
            number: of the micro-batch; some numbers share a lock.
        """
        return FileLock(self.folder / f"{self.name}.{number % 64}.lock")

    def read(self, first: int, count: int) -> NDArray[Any] | None:
        """Records of sequences that follow one another; None: not all are there, or some are damaged."""
        rows, entries = self._rows[first : first + count], self._index[first : first + count]
        for number, (row, entry) in enumerate(zip(rows, entries, strict=True), start=first):
            if not entry["whole"]:
                return None
            if _crc(row, entry) != entry["crc"]:
                self.damaged.add(number)
                return None
        return rows

    def write(self, first: int, rows: NDArray[Any], *, seconds: float, owner: int) -> None:
        """Keeps records of sequences that follow one another.

        Args:
            first: number of the first.
            rows: records of the shape's `row`.
            seconds: that the teacher took for them.
            owner: who paid for them, a number.

        Raises:
            StoreError: the disk is full, say.
        """
        entries = np.zeros(len(rows), dtype=_INDEX)
        entries["whole"], entries["owner"], entries["seconds"] = 1, owner, seconds / len(rows)
        if self.shape.top_k:
            entries["tail"] = np.exp(rows["tail"].astype(np.float64)).sum(axis=1)
        entries["crc"] = [_crc(row, entry) for row, entry in zip(rows, entries, strict=True)]
        self._write("rows", first * rows.dtype.itemsize, rows.tobytes())
        # Last: a record without its entry is none.
        self._write("index", first * _INDEX.itemsize, entries.tobytes())

    def write_sample(self, number: int, log_probs: NDArray[np.float32]) -> None:
        """Keeps all logarithms of probabilities at the sampled positions, of shape (positions, V).

        Args:
            number: of the sequence among the sampled ones.
            log_probs: in float32.

        Raises:
            StoreError: the disk is full, say.
        """
        record = np.zeros(1, dtype=self.shape.sample)
        record["log_probs"], record["crc"] = log_probs, zlib.crc32(np.ascontiguousarray(log_probs).tobytes())
        self._write("sample", number * record.dtype.itemsize, record.tobytes())

    def sample(self, number: int) -> NDArray[np.float32] | None:
        """What `write_sample` kept; None: it is not there, or damaged."""
        record = self._sample[number]
        found: NDArray[np.float32] = record["log_probs"]
        return found if found.any() and zlib.crc32(found.tobytes()) == record["crc"] else None

    def seconds(self, owner: int | None = None) -> float:
        """Seconds that teachers took for what is kept; of one owner alone where it is named."""
        entries = self._index[self._index["whole"] == 1]
        return float(entries["seconds"][... if owner is None else entries["owner"] == owner].sum(dtype=np.float64))

    def tail(self) -> float:
        """Mass of the tail, summed over the positions that are kept."""
        return float(self._index["tail"][self._index["whole"] == 1].sum())

    def _mapped(self, ending: str, kind: np.dtype[Any]) -> NDArray[Any]:
        size = self.shape.files[ending]
        if not size:
            return np.zeros(0, dtype=kind)
        return np.asarray(np.memmap(self.folder / f"{self.name}.{ending}", dtype=kind, mode="r"))

    def _write(self, ending: str, at: int, data: bytes) -> None:
        place = self.folder / f"{self.name}.{ending}"
        try:
            with place.open("r+b", buffering=0) as stream:
                stream.seek(at)
                left = memoryview(data)
                while left:
                    left = left[stream.write(left) :]
        except OSError as error:
            raise _unwritten(place, error) from error


def _crc(row: Any, entry: Any) -> int:
    """Over a record and what its entry says beside the checksum."""
    said = [int(entry["whole"]), float(entry["seconds"]), float(entry["tail"]), int(entry["owner"])]
    return zlib.crc32(repr(said).encode(), zlib.crc32(row.tobytes()))
