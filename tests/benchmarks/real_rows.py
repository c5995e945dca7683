"""The rows that are predicted: real ones, fewer of them where a way is slow, with the lengths of all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchbert import registry
from benchbert.resolve import resolve_dataset
from benchbert.tasks.data import load_split
from benchbert.training.wordpiece import train_wordpiece

__all__ = ["rows_of", "shortest", "spread", "tokenizer_for"]

_VOCABULARY = 8_000
"""Pieces of the tokenizer, made of the training splits: no published one is at hand without a network."""


def rows_of(task: Any, split: str, mirror: Path) -> Any:
    """The rows of a split, a `datasets.Dataset`."""
    return load_split(resolve_dataset(task.dataset, mirror), split)


def spread(rows: Any, task: Any, count: int) -> Any:
    """So many rows at even distances over the lengths of all, in their old order; 0: all of them."""
    if not count or count >= len(rows):
        return rows
    middles = (np.arange(count) + 0.5) * len(rows) / count
    return rows.select(np.sort(_by_length(rows, task)[middles.astype(int)]))


def shortest(rows: Any, task: Any, count: int) -> Any:
    """So many rows with the fewest characters."""
    return rows.select(np.sort(_by_length(rows, task)[:count]))


def _by_length(rows: Any, task: Any) -> Any:
    lengths = np.sum([[len(text) for text in rows[name][:]] for name in task.text], axis=0)
    return np.argsort(lengths, kind="stable")


def tokenizer_for(mirror: Path) -> Any:
    """A WordPiece tokenizer of the texts that are measured."""
    texts: list[str] = []
    for name in ("glue/sst2", "glue/cola", "glue/rte", "squad"):
        task = registry.find("tasks", name)
        rows = rows_of(task, task.train.name, mirror)
        rows = rows.select(range(min(2_000, len(rows))))
        texts += [text for column in task.text for text in rows[column][:]]
    return train_wordpiece(texts, vocabulary=_VOCABULARY)
