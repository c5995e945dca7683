"""The texts of a dataset that is read from where it lies, and only as far as it is needed: nothing of it is kept.

For corpora that no disk here would hold, or of which a budget sees a small part. A stream has no length and no order
but its own, so it is mixed in a window that moves along.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from benchbert.errors import DataError, UnavailableError
from benchbert.lock import DatasetLock
from benchbert.tasks.data import stream_split

if TYPE_CHECKING:
    import datasets

__all__ = ["StreamedDocuments", "stream_documents"]

_WINDOW = 10_000
"""Texts among which the next one is drawn."""

_CHARACTERS = 1 << 26
"""Characters that the window holds at most."""

_HELD_OUT = 50
"""One text in so many is held out of a corpus without a validation split."""

_PER_TOKEN = 8
"""Characters that are read for a tokenizer for each token of the budget: more than any text needs."""


class StreamedDocuments:
    """Texts in the order of their files; going through them again reads them again."""

    counts = None
    """Of what was met in a user's files: these are none."""

    def __init__(self, rows: Iterable[Mapping[str, Any]], column: str, *, part: str = "", characters: int = 0) -> None:
        """Names them.

        Args:
            rows: the stream, which can be gone through again.
            column: its column with the texts.
            part: `train` or `validation` of a whole that is to be cut in two; empty: all of it.
            characters: after which the rest is left unread; 0: never.
        """
        self._rows, self._column, self._part, self._characters = rows, column, part, characters

    def __iter__(self) -> Iterator[str]:
        read = 0
        for number, row in enumerate(self._rows):
            held_out = number % _HELD_OUT == _HELD_OUT - 1
            if self._part and held_out != (self._part == "validation"):
                continue
            text = str(row[self._column] or "")
            yield text
            read += len(text)
            if self._characters and read >= self._characters:
                return

    def shuffled(self, seed: int) -> Iterator[str]:
        """The texts, each drawn at random from a window over the stream; the same ones for the same seed."""
        random = np.random.default_rng([seed, 0xD0C])
        # Of what is held out, so much less comes by.
        limit = _WINDOW // _HELD_OUT if self._part == "validation" else _WINDOW
        window: list[str] = []
        size = 0
        for text in self:
            window.append(text)
            size += len(text)
            while len(window) >= limit or size >= _CHARACTERS:
                place = int(random.integers(len(window)))
                window[place], window[-1] = window[-1], window[place]
                size -= len(window[-1])
                yield window.pop()
        for place in random.permutation(len(window)):
            yield window[place]

    def for_tokenizer(self, tokens: int) -> StreamedDocuments:
        """As many of the first texts as a budget of tokens would read: a tokenizer needs no more."""
        return StreamedDocuments(self._rows, self._column, part=self._part, characters=_PER_TOKEN * tokens)


def stream_documents(dataset: DatasetLock, split: str, column: str) -> StreamedDocuments:
    """The texts of a split; without a validation split, every 50th of the training split is held out.

    Args:
        dataset: the corpus, resolved: on the hub or in a mirror.
        split: `train` or `validation`.
        column: with the texts.

    Raises:
        UnavailableError: it cannot be had.
        DataError: it has no such column of texts.
    """
    part = ""
    try:
        held_out = stream_split(dataset, "validation")
    except UnavailableError:
        part, rows = split, stream_split(dataset, "train")
    else:
        rows = held_out if split == "validation" else stream_split(dataset, "train")
    _require_texts(dataset, rows, column)
    return StreamedDocuments(_Readable(dataset.key, rows.select_columns([column])), column, part=part)


class _Readable:
    """Rows whose reading fails with one line."""

    def __init__(self, name: str, rows: datasets.IterableDataset) -> None:
        self._name, self._rows = name, rows

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        rows = iter(self._rows)
        while True:
            try:
                row = next(rows, None)
            except (ValueError, OSError) as error:
                line = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
                raise DataError(
                    f"{self._name}: a part of the stream cannot be read ({line}): check the connection and the files, "
                    "or take corpus_streaming out"
                ) from error
            if row is None:
                return
            yield row


def _require_texts(dataset: DatasetLock, rows: datasets.IterableDataset, column: str) -> None:
    first = next(iter(_Readable(dataset.key, rows.take(1))), None)
    if first is None:
        raise DataError(f"{dataset.key}: it has no rows")
    if column not in first:
        raise DataError(
            f"{dataset.key}: a corpus needs a column {column!r}, this one has {', '.join(first)}: name one in "
            "corpus_column"
        )
    if not isinstance(first[column], str | None):
        raise DataError(f"{dataset.key}: column {column!r} is not of texts: name another in corpus_column")
