"""Encoded splits kept on disk, so that no split is tokenized twice: by fine-tuning, by prediction, by other seeds.

One file an entry: a line of magic, a JSON header with name, type, shape and place of each array and a CRC-32 of all of
them, then the arrays. It is written whole or not at all, so two processes at once at worst do the work twice; a damaged
one is made anew; a whole one is mapped into memory, not read. Its name is the digest of everything that decides it.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchbert.lock import DatasetLock
from benchbert.store.files import writing
from benchbert.tasks.encoding import ENCODING, Encoded, Features, Windows, Words
from benchbert.tasks.heads import encode
from benchbert.types import Task, digest

if TYPE_CHECKING:
    import datasets

__all__ = ["cached_features", "tokenizer_digest"]

_MAGIC = b"benchbert tokens 1\n"
_ALIGNED = 64
"""Bytes at whose multiples arrays start."""

_Arrays = dict[str, NDArray[Any]]


def cached_features(
    folder: Path,
    *,
    task: Task,
    dataset: DatasetLock,
    split: str,
    rows: datasets.Dataset,
    tokenizer: Any,
    max_length: int,
    stride: int,
    train: bool,
) -> Features:
    """What `benchbert.tasks.heads.encode` makes of a split, from the cache where it is there.

    Args:
        folder: where entries are kept.
        task: the task.
        dataset: what its dataset resolved to.
        split: name of the split.
        rows: its rows, validated.
        tokenizer: the model's, a fast one.
        max_length: as `encode` takes it.
        stride: as `encode` takes it.
        train: as `encode` takes it.

    Returns:
        Features whose arrays cannot be written to; tokens are uint16 where the vocabulary allows, else uint32.

    Raises:
        DataError: as `encode`.
    """
    key = digest(
        {
            "encoding": ENCODING,
            "tokenizer": tokenizer_digest(tokenizer),
            "dataset": [dataset.key, dataset.fingerprint, split, len(rows)],
            # A sample under the same fingerprint would have other columns or another number of rows.
            "columns": sorted(rows.column_names),
            "task": [task.name, task.version, task.head, list(task.text), task.label, list(task.labels)],
            "settings": [max_length, stride, train],
        }
    )
    path = folder / f"{key[:32]}.tokens"
    arrays = _read(path)
    if arrays is None:
        made = encode(task, rows, tokenizer, max_length=max_length, stride=stride, train=train)
        _write(path, _arrays(made, len(tokenizer)))
        arrays = _read(path) or _arrays(made, len(tokenizer))
    return _features(arrays)


def tokenizer_digest(tokenizer: Any) -> str:
    """SHA-256 of the serialised tokenizer without the truncation that the last call left in it, and its special ids."""
    backend = tokenizer.backend_tokenizer
    backend.no_truncation()
    backend.no_padding()
    about = [
        type(tokenizer).__name__,
        list(tokenizer.model_input_names),
        tokenizer.cls_token_id,
        tokenizer.sep_token_id,
        tokenizer.truncation_side,
    ]
    return hashlib.sha256(f"{json.dumps(about)}\n{backend.to_str()}".encode()).hexdigest()


def _arrays(features: Features, vocabulary: int) -> _Arrays:
    encoded = features.encoded
    small = np.uint16 if vocabulary <= np.iinfo(np.uint16).max else np.uint32
    found: _Arrays = {
        "tokens": encoded.tokens.astype(small),
        "token_types": encoded.token_types,
        "starts": encoded.starts,
        "example": encoded.example,
    }
    found |= {f"labels.{name}": values for name, values in encoded.labels.items()}
    if encoded.token_labels is not None:
        found["token_labels"] = encoded.token_labels
    if features.windows is not None:
        found |= {"offsets": features.windows.offsets, "class_position": features.windows.class_position}
    if features.words is not None:
        found |= {"word_token": features.words.token, "word_starts": features.words.starts}
    return found


def _features(arrays: _Arrays) -> Features:
    encoded = Encoded(
        tokens=arrays["tokens"],
        token_types=arrays["token_types"],
        starts=arrays["starts"],
        example=arrays["example"],
        labels={name.removeprefix("labels."): a for name, a in arrays.items() if name.startswith("labels.")},
        token_labels=arrays.get("token_labels"),
    )
    windows = words = None
    if "offsets" in arrays:
        windows = Windows(offsets=arrays["offsets"], class_position=arrays["class_position"])
    if "word_token" in arrays:
        words = Words(token=arrays["word_token"], starts=arrays["word_starts"])
    return Features(encoded=encoded, windows=windows, words=words)


def _write(path: Path, arrays: _Arrays) -> None:
    places, at, crc = {}, 0, 0
    for name, array in arrays.items():
        places[name] = {"dtype": array.dtype.str, "shape": list(array.shape), "at": at}
        at += array.nbytes + -array.nbytes % _ALIGNED
        crc = zlib.crc32(np.ascontiguousarray(array).data, crc)
    header = json.dumps({"arrays": places, "crc": crc, "bytes": at}).encode()
    # Spaces after the JSON bring the first array to its place.
    header += b" " * (-(len(_MAGIC) + 8 + len(header)) % _ALIGNED)
    with writing(path) as temporary, temporary.open("wb") as stream:
        stream.write(_MAGIC + len(header).to_bytes(8, "little") + header)
        for array in arrays.values():
            stream.write(np.ascontiguousarray(array).data)
            stream.write(b"\0" * (-array.nbytes % _ALIGNED))


def _read(path: Path) -> _Arrays | None:
    """The arrays of an entry, mapped; None: there is none, or it is damaged."""
    try:
        whole = np.asarray(np.memmap(path, dtype=np.uint8, mode="r"))
        begin = len(_MAGIC) + 8
        if whole[: len(_MAGIC)].tobytes() != _MAGIC:
            return None
        first = begin + int.from_bytes(whole[len(_MAGIC) : begin].tobytes(), "little")
        header = json.loads(whole[begin:first].tobytes())
        if len(whole) != first + header["bytes"]:
            return None
        found, crc = {}, 0
        for name, place in header["arrays"].items():
            kind, shape = np.dtype(place["dtype"]), tuple(place["shape"])
            start = first + place["at"]
            raw = whole[start : start + kind.itemsize * int(np.prod(shape))]
            crc = zlib.crc32(raw.data, crc)
            found[name] = raw.view(kind).reshape(shape)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if crc == header["crc"] else None
