"""Words and their tags: each word is spoken for by its first token (Devlin et al. 2019, arXiv 1810.04805, section 5.3).

Where a row has more tokens than fit, it becomes several sequences: every word is learned from and predicted.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchbert.errors import DataError
from benchbert.metrics.entities import entity_counts
from benchbert.metrics.multi_label import f1_of
from benchbert.statistics.bootstrap import Statistic
from benchbert.tasks.encoding import IGNORED, Encoded, Features, Words
from benchbert.tasks.sequence import input_hashes
from benchbert.tasks.validation import row_ids
from benchbert.types import Task

if TYPE_CHECKING:
    import datasets
    import pyarrow

__all__ = ["decode_words", "encode_words", "tag_table", "tagged_words", "word_starts"]

_CHUNK = 1_000
"""Rows tokenized at once."""

_OUTSIDE = "O"
"""Tag of a word that the tokenizer has no token for."""


def encode_words(task: Task, rows: datasets.Dataset, tokenizer: Any, *, max_length: int) -> Features:
    """The tokens of all rows, with `token_labels` where the split has tags.

    Raises:
        DataError: a slow tokenizer, or `max_length` without room for a token.
    """
    if not getattr(tokenizer, "is_fast", False):
        raise DataError(
            f"{task.name}: words need a fast tokenizer, {type(tokenizer).__name__} does not say whose is whose"
        )
    special = tokenizer.num_special_tokens_to_add(pair=False)
    if max_length <= special:
        raise DataError(
            f"{task.name}: max_length {max_length} leaves no room for text beside {special} special tokens: raise it"
        )
    starts = word_starts(task, rows)
    first_tokens = np.full(int(starts[-1]), -1, dtype=np.int64)
    parts: list[Encoded] = []
    total = 0
    for first in range(0, len(rows), _CHUNK):
        chunk = rows[first : first + _CHUNK]
        made = _tokenize(chunk[task.text[0]], tokenizer, max_length)
        example = np.asarray(made["overflow_to_sample_mapping"], dtype=np.int64) + first
        part = Encoded.from_lists(made["input_ids"], made.get("token_type_ids"), example=example)
        for sequence, row in enumerate(example):
            _note_first_tokens(
                made.word_ids(sequence), first_tokens[starts[row] : starts[row + 1]], total + int(part.starts[sequence])
            )
        parts.append(part)
        total += len(part.tokens)
    whole = Encoded.concatenate(parts or [Encoded.from_lists([])])
    labels = _token_labels(task, rows, first_tokens, total) if task.label in rows.column_names else None
    encoded = Encoded(
        tokens=whole.tokens,
        token_types=whole.token_types,
        starts=whole.starts,
        token_labels=labels,
        example=whole.example,
    )
    return Features(encoded=encoded, words=Words(token=first_tokens, starts=starts))


def word_starts(task: Task, rows: datasets.Dataset) -> NDArray[np.int64]:
    """Where the words of each row start, of shape (rows + 1,)."""
    lengths = np.fromiter((len(words) for words in rows[task.text[0]][:]), dtype=np.int64, count=len(rows))
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])


def _tokenize(words: list[list[str]], tokenizer: Any, max_length: int) -> Any:
    return tokenizer(
        words,
        is_split_into_words=True,
        truncation=True,
        max_length=max_length,
        stride=0,
        padding=False,
        return_overflowing_tokens=True,
        return_attention_mask=False,
    )


def _note_first_tokens(word_ids: list[int | None], first_tokens: NDArray[np.int64], start: int) -> None:
    """Writes the place of each word's first token; a word that goes on in the next sequence keeps the first."""
    for position, word in enumerate(word_ids):
        if word is not None and first_tokens[word] < 0:
            first_tokens[word] = start + position


def _token_labels(task: Task, rows: datasets.Dataset, first_tokens: NDArray[np.int64], total: int) -> NDArray[np.int64]:
    """Tags at the words' first tokens, `IGNORED` at all others, of shape (total,)."""
    tags = np.fromiter((tag for row in rows[task.label][:] for tag in row), dtype=np.int64, count=len(first_tokens))
    found = np.full(total, IGNORED, dtype=np.int64)
    known = first_tokens >= 0
    found[first_tokens[known]] = tags[known]
    return found


def decode_words(task: Task, features: Features, rows: datasets.Dataset, logits: NDArray[np.float32]) -> pyarrow.Table:
    """One row an example: id, label, prediction (lists of tag numbers), scores (logits of each word), input_hash.

    Args:
        task: A task with a tag for each word.
        features: What `encode_words` made of the rows.
        rows: The split that was encoded.
        logits: Shape (total, tags), aligned with `features.encoded.tokens`, in the task's label order.

    Raises:
        DataError: logits of another shape, or one that is not finite (names the id).
    """
    assert features.words is not None, "tags are decoded from words"
    encoded, ids = features.encoded, row_ids(task, rows)
    shape = (len(encoded.tokens), len(task.labels))
    if logits.shape != shape:
        raise DataError(f"{task.name}: logits have shape {logits.shape}, the tokens need {shape}")
    wrong = np.flatnonzero(~np.isfinite(logits).all(axis=1))
    if wrong.size:
        sequence = int(np.searchsorted(encoded.starts, wrong[0], side="right")) - 1
        raise DataError(
            f"{task.name}: the model's output for id {ids[int(encoded.example[sequence])]!r} is not a number: "
            "its weights are broken, or it needs float32"
        )
    fallback = task.labels.index(_OUTSIDE) if _OUTSIDE in task.labels else 0
    known = features.words.token >= 0
    tags = np.where(known, logits[features.words.token].argmax(axis=1), fallback)
    # A word without a token has no logits: a list without numbers says so.
    scores = [logits[token].tolist() if token >= 0 else [] for token in features.words.token]
    return tag_table(task, rows, tags, scores)


def tag_table(
    task: Task, rows: datasets.Dataset, tags: NDArray[np.int64], scores: list[list[float]] | None = None
) -> pyarrow.Table:
    """The columns of `decode_words`.

    Args:
        task: As there.
        rows: As there.
        tags: Those of all words, one row after another, of shape (words,).
        scores: Logits of each of these words, empty where it has none; None: the tags come from no logits.
    """
    import pyarrow as pa

    starts = word_starts(task, rows)
    spans = list(itertools.pairwise(starts))
    predictions = [tags[first:last].tolist() for first, last in spans]
    logits = [scores[first:last] if scores is not None else None for first, last in spans]
    labels = rows[task.label][:] if task.label in rows.column_names else [None] * len(rows)
    numbers = pa.list_(pa.int64())
    return pa.table(
        {
            "id": pa.array(row_ids(task, rows), pa.string()),
            "label": pa.array(labels, numbers),
            "prediction": pa.array(predictions, numbers),
            "scores": pa.array(logits, pa.list_(pa.list_(pa.float32()))),
            "input_hash": pa.array(input_hashes(task, rows), pa.string()),
        }
    )


def tagged_words(task: Task, predictions: pyarrow.Table) -> Statistic | None:
    """The task's metrics as a function of counts of rows; None: the split is unlabelled."""
    golds, guesses = predictions["label"].to_pylist(), predictions["prediction"].to_pylist()
    if all(gold is None for gold in golds):
        return None

    def entity_f1() -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
        found = entity_counts(_named(task, golds), _named(task, guesses))
        hits, either = found[:, 0], found[:, 1] + found[:, 2]
        return lambda counts: f1_of(counts @ hits, counts @ either)

    def token_accuracy() -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
        right = np.array([sum(a == b for a, b in zip(*pair, strict=True)) for pair in zip(golds, guesses, strict=True)])
        words = np.array([len(gold) for gold in golds])
        return lambda counts: np.asarray((counts @ right) / (counts @ words))

    made = {"entity_f1": entity_f1, "token_accuracy": token_accuracy}
    metrics = [made[metric]() for metric in task.metrics]
    return lambda counts: np.stack([metric(counts) for metric in metrics], axis=1)


def _named(task: Task, rows: list[list[int]]) -> list[list[str]]:
    return [[task.labels[number] for number in row] for row in rows]
