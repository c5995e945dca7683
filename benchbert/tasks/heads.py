"""The heads behind one door: rows to tokens, outputs to predictions, predictions to scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchbert.tasks.encoding import Features
from benchbert.tasks.scores import score
from benchbert.tasks.sequence import decode_sequences, encode_sequences
from benchbert.tasks.spans import decode_spans
from benchbert.tasks.windows import STRIDE, encode_windows
from benchbert.tasks.words import decode_words, encode_words
from benchbert.types import Task

if TYPE_CHECKING:
    import datasets
    import pyarrow

__all__ = ["DecodeSettings", "decode", "encode", "score"]


@dataclass(frozen=True, kw_only=True)
class DecodeSettings:
    """How outputs become predictions."""

    logit_order: tuple[int, ...] = ()
    """Columns of the logits in the task's label order (`benchbert.tasks.labels`); empty: as they are."""
    n_best: int = 20
    """Spans: starts and ends tried a window, answers kept a question."""
    max_answer_tokens: int = 30
    """Spans: tokens of an answer at most."""
    null_threshold: float = 0.0
    """Spans that may be absent: null score difference above which the empty text is predicted."""


def encode(
    task: Task, rows: datasets.Dataset, tokenizer: Any, *, max_length: int, train: bool, stride: int = STRIDE
) -> Features:
    """The rows of a split as a model reads them.

    Args:
        task: The task.
        rows: The split, validated.
        tokenizer: The model's tokenizer; a fast one for spans.
        max_length: Tokens a sequence at most, special ones included.
        train: Spans only: whether windows get target positions.
        stride: Spans only: tokens by which windows overlap.

    Raises:
        DataError: `max_length` leaves no room for text or context.
    """
    if task.head == "span":
        return encode_windows(task, rows, tokenizer, max_length=max_length, train=train, stride=stride)
    if task.head == "token_classification":
        return encode_words(task, rows, tokenizer, max_length=max_length)
    return encode_sequences(task, rows, tokenizer, max_length=max_length)


def decode(
    task: Task,
    features: Features,
    rows: datasets.Dataset,
    outputs: dict[str, NDArray[np.float32]],
    *,
    settings: DecodeSettings | None = None,
) -> pyarrow.Table:
    """One row an example, in the order of the split.

    Args:
        task: The task.
        features: What `encode` made of the rows.
        rows: The split that was encoded.
        outputs: `logits` of shape (n, outputs), or (total, outputs) where tokens are classified; for spans
            `start_logits` and `end_logits`, each of shape (total,); both are
            aligned with `features.encoded.tokens`.
        settings: How to read them; None: the protocol's.

    Raises:
        DataError: outputs of another shape, or one that is not finite (names the id).
    """
    chosen = settings or DecodeSettings()
    if task.head == "span":
        return decode_spans(
            task,
            features,
            rows,
            outputs,
            n_best=chosen.n_best,
            max_answer_tokens=chosen.max_answer_tokens,
            null_threshold=chosen.null_threshold,
        )
    if task.head == "token_classification":
        return decode_words(task, features, rows, outputs["logits"])
    return decode_sequences(task, rows, outputs["logits"], logit_order=chosen.logit_order)
