"""The texts of one split of a corpus, which are in memory only while they are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchbert.errors import DataError, UnavailableError
from benchbert.lock import DatasetLock
from benchbert.own_data.corpus_table import TEXT, corpus_table
from benchbert.own_data.documents import Counts
from benchbert.tasks.data import load_split
from benchbert.training.streamed import StreamedDocuments, stream_documents

if TYPE_CHECKING:
    import datasets

__all__ = ["Documents", "open_documents"]

_READ = 256
"""Texts that are read from disk at once."""

_HELD_OUT = 50
"""One document in so many is held out of a corpus without a validation split: two in a hundred."""


class Documents:
    """Texts by number."""

    def __init__(self, rows: datasets.Dataset, column: str, numbers: NDArray[np.int64], counts: Counts | None) -> None:
        """Names them.

        Args:
            rows: the table.
            column: its column with the texts.
            numbers: which rows, of shape (texts,).
            counts: what was met when the table was made of a user's files; None: it was not.
        """
        self._rows, self._column, self._numbers, self.counts = rows.select_columns([column]), column, numbers, counts

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[str]:
        return self.in_order(np.arange(len(self)))

    def in_order(self, order: NDArray[Any]) -> Iterator[str]:
        """The texts with these numbers, one after another."""
        for start in range(0, len(order), _READ):
            texts = self._rows[self._numbers[order[start : start + _READ]].tolist()][self._column]
            # A table of others may have cells without anything.
            yield from (text or "" for text in texts)

    def shuffled(self, seed: int) -> Iterator[str]:
        """All texts in a random order that the seed fixes."""
        return self.in_order(np.random.default_rng([seed, 0xD0C]).permutation(len(self)))

    def for_tokenizer(self, tokens: int) -> Documents:
        """What a tokenizer is trained on: all texts, whatever the budget."""
        return self


def open_documents(dataset: DatasetLock, split: str, settings: Mapping[str, Any]) -> Documents | StreamedDocuments:
    """The documents of a split of a recipe's corpus.

    A corpus without a validation split has every 50th document held out, the last one where it has fewer.

    Args:
        dataset: the corpus, resolved.
        split: `train` or `validation`.
        settings: the recipe's.

    Raises:
        UnavailableError: it cannot be had.
        DataError: it has no such column of texts, cannot be read, or is a single document.
    """
    if settings.get("corpus_streaming") and not dataset.error:
        return stream_documents(dataset, split, str(settings.get("corpus_column", "text")))
    rows, counts, column = _rows(dataset, "train", settings)
    try:
        held_out, held_out_counts, column = _rows(dataset, "validation", settings)
    except UnavailableError:
        return Documents(rows, column, _part(dataset, len(rows), split), counts)
    if split == "validation":
        return Documents(held_out, column, np.arange(len(held_out)), held_out_counts)
    return Documents(rows, column, np.arange(len(rows)), counts)


def _part(dataset: DatasetLock, count: int, split: str) -> NDArray[np.int64]:
    """Numbers of the documents of a split that is cut from a whole."""
    if count < 2:
        raise DataError(
            f"{dataset.key}: a single document, and one must be held out: give more, a validation split, or take "
            "corpus_documents = 'paragraphs'"
        )
    every = min(_HELD_OUT, count)
    held_out = np.arange(count) % every == every - 1
    return np.flatnonzero(held_out if split == "validation" else ~held_out)


def _rows(dataset: DatasetLock, split: str, settings: Mapping[str, Any]) -> tuple[Any, Counts | None, str]:
    """Table, counts and the column with the texts."""
    column = str(settings.get("corpus_column", "text"))
    if dataset.error:
        raise UnavailableError(dataset.error)
    if dataset.origin == "files":
        rows, counts = corpus_table(dataset, split, end=settings.get("corpus_documents", "lines"), column=column)
        return rows, counts, TEXT
    rows = load_split(dataset, split)
    if column not in rows.column_names:
        raise DataError(
            f"{dataset.key}: a corpus needs a column {column!r}, this one has {', '.join(rows.column_names)}: name "
            "one in corpus_column"
        )
    if getattr(rows.features[column], "dtype", "") not in {"string", "large_string"}:
        raise DataError(f"{dataset.key}: column {column!r} is not of texts: name another in corpus_column")
    return rows, None, column
