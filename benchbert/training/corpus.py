"""A corpus as one row of token ids, cut into sequences for pre-training and distillation.

The row is written to a file chunk by chunk and mapped into memory, so that a corpus may be larger than it. The file is
whole or not at all: a run that was killed does not tokenize again.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbert.errors import DataError, StoreError
from benchbert.store.files import write_json, writing

__all__ = ["TokenStream", "stored_stream", "tokenize"]

_CHUNK = 2_000
"""Texts after which a corpus may be left unread."""

_CALL = 1 << 22
"""Characters that are tokenized in one call: enough to keep the tokenizer busy, few enough to stay small in memory."""

_PART = 1 << 24
"""Tokens that are looked at in one go."""


@dataclass(frozen=True)
class TokenStream:
    """Texts after one another, without special tokens but for a separator after each."""

    tokens: NDArray[Any]
    """Ids of shape (tokens,), uint16 where the vocabulary allows, else uint32."""
    class_id: int
    """Id that opens a sequence."""
    separator_id: int
    """Id that closes a sequence and stands between texts."""

    def sequences(self, length: int) -> int:
        """How many sequences of that length there are; each has two special tokens of its own."""
        return len(self.tokens) // (length - 2)

    def gather(self, indices: NDArray[Any], length: int) -> NDArray[np.int64]:
        """The named sequences, of shape (indices, length): class token, `length - 2` tokens, separator."""
        inner = length - 2
        found = np.empty((len(indices), length), dtype=np.int64)
        found[:, 0], found[:, -1] = self.class_id, self.separator_id
        found[:, 1:-1] = self.tokens[indices[:, None] * inner + np.arange(inner)[None, :]]
        return found

    def counts(self, vocabulary: int) -> NDArray[np.int64]:
        """How often each id occurs, of shape (vocabulary,)."""
        total = np.zeros(vocabulary, dtype=np.int64)
        for start in range(0, len(self.tokens), _PART):
            total += np.bincount(self.tokens[start : start + _PART], minlength=vocabulary)
        return total


def tokenize(texts: Iterable[str], tokenizer: Any, *, at_least: int, enough: int) -> TokenStream:
    """Tokenizes a corpus that memory holds.

    Args:
        texts: documents; empty ones are passed over.
        tokenizer: a fast tokenizer of transformers.
        at_least: tokens that the caller needs for one sequence.
        enough: tokens after which the rest of the corpus is left unread, because the budget would not reach it.

    Raises:
        DataError: the corpus has fewer tokens.
    """
    parts = [*_parts(texts, tokenizer, enough)]
    tokens = np.concatenate(parts) if parts else np.empty(0, dtype=_kind(tokenizer))
    return _stream(tokens, tokenizer, at_least)


def stored_stream(
    place: Path, texts: Callable[[], Iterable[str]], tokenizer: Any, *, at_least: int, enough: int
) -> TokenStream:
    """Tokenizes a corpus of any size into a file, or takes up the file where it is there and whole.

    Args:
        place: the file, named by all that decides what is in it; one that ends in `.json` stands beside it.
        texts: opens the documents.
        tokenizer: as for `tokenize`.
        at_least: as for `tokenize`.
        enough: as for `tokenize`.

    Raises:
        DataError: as `tokenize`.
        StoreError: the file cannot be written.
    """
    tokens = _mapped(place)
    if tokens is None:
        try:
            _write(place, _parts(texts(), tokenizer, enough), _kind(tokenizer))
        except OSError as error:
            raise StoreError(
                f"{place}: the corpus cannot be written there as tokens ({error.strerror or error}): free room on that "
                "disk (two bytes a token), then run again"
            ) from error
        tokens = _mapped(place)
        if tokens is None:
            raise StoreError(f"{place}: what was just written is not what is there: check that disk")
    return _stream(tokens, tokenizer, at_least)


def _stream(tokens: NDArray[Any], tokenizer: Any, at_least: int) -> TokenStream:
    if len(tokens) < at_least:
        raise DataError(f"the corpus has {len(tokens)} tokens, and one sequence needs {at_least}; use a larger corpus")
    return TokenStream(tokens, tokenizer.cls_token_id, tokenizer.sep_token_id)


def _kind(tokenizer: Any) -> np.dtype[Any]:
    return np.dtype(np.uint16 if len(tokenizer) <= np.iinfo(np.uint16).max else np.uint32)


def _parts(texts: Iterable[str], tokenizer: Any, enough: int) -> Iterator[NDArray[Any]]:
    """The row of ids, piece by piece."""
    kind, count = _kind(tokenizer), 0
    filled = (text for text in texts if text and text.strip())
    while count < enough:
        ended = True
        for call in _calls(islice(filled, _CHUNK)):
            ended = False
            ids = tokenizer(call, add_special_tokens=False, return_attention_mask=False, return_token_type_ids=False)
            part = np.concatenate([np.asarray([*one, tokenizer.sep_token_id], dtype=kind) for one in ids["input_ids"]])
            count += len(part)
            yield part
        if ended:
            return


def _calls(texts: Iterator[str]) -> Iterator[list[str]]:
    call: list[str] = []
    size = 0
    for text in texts:
        call.append(text)
        size += len(text)
        if size >= _CALL:
            yield call
            call, size = [], 0
    if call:
        yield call


def _write(place: Path, parts: Iterator[NDArray[Any]], kind: np.dtype[Any]) -> None:
    count, crc = 0, 0
    # The description goes first and comes last: tokens without it are none.
    place.with_suffix(".json").unlink(missing_ok=True)
    with writing(place) as temporary, temporary.open("wb") as stream:
        for part in parts:
            data = part.tobytes()
            stream.write(data)
            count, crc = count + len(part), zlib.crc32(data, crc)
    write_json(place.with_suffix(".json"), {"tokens": count, "dtype": kind.str, "crc": crc})


def _mapped(place: Path) -> NDArray[Any] | None:
    """The tokens in a file; None: there is none, or it is damaged."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        about = json.loads(place.with_suffix(".json").read_bytes())
        kind, count = np.dtype(about["dtype"]), int(about["tokens"])
        if place.stat().st_size != count * kind.itemsize:
            return None
        if not count:
            return np.empty(0, dtype=kind)
        tokens = np.memmap(place, dtype=kind, mode="r", shape=(count,))
        crc = 0
        for start in range(0, count, _PART):
            crc = zlib.crc32(tokens[start : start + _PART].data, crc)
        return tokens if crc == about["crc"] else None
    return None
