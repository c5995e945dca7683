"""Classification and regression over one text or a pair: rows to tokens, logits to a table of predictions."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchbert.errors import DataError
from benchbert.tasks.encoding import Encoded, Features
from benchbert.tasks.validation import UNLABELLED, row_ids
from benchbert.types import Task

if TYPE_CHECKING:
    import datasets
    import pyarrow

__all__ = ["decode_sequences", "encode_sequences", "input_hashes", "require_finite"]

_CHUNK = 2_000
"""Rows tokenized at once: Python lists of one chunk, not of the whole split, are alive."""


def encode_sequences(task: Task, rows: datasets.Dataset, tokenizer: Any, *, max_length: int) -> Features:
    """Tokens of each row, cut to `max_length` (the longer text of a pair first).

    Raises:
        DataError: `max_length` has no room for text.
    """
    special = tokenizer.num_special_tokens_to_add(pair=len(task.text) == 2)
    if max_length < special + len(task.text):
        raise DataError(
            f"{task.name}: max_length {max_length} leaves no room for text beside {special} special tokens: raise it"
        )
    labels = _targets(task, rows)
    parts = [Encoded.from_lists([])] if len(rows) == 0 else []
    for first in range(0, len(rows), _CHUNK):
        chunk = rows[first : first + _CHUNK]
        texts = [list(chunk[column]) for column in task.text]
        made = tokenizer(*texts, truncation=True, max_length=max_length, padding=False, return_attention_mask=False)
        example = np.arange(first, first + len(texts[0]))
        parts.append(Encoded.from_lists(made["input_ids"], made.get("token_type_ids"), example=example))
    whole = Encoded.concatenate(parts)
    encoded = Encoded(
        tokens=whole.tokens, token_types=whole.token_types, starts=whole.starts, labels=labels, example=whole.example
    )
    return Features(encoded=encoded)


def _targets(task: Task, rows: datasets.Dataset) -> dict[str, NDArray[np.int64] | NDArray[np.float32]]:
    """`labels` of shape (n,), int64 or, for a regression, float32; empty for an unlabelled split."""
    if task.label not in rows.column_names or len(rows) == 0:
        return {}
    values = np.asarray(rows[task.label][:], dtype=np.float64)
    if (values == UNLABELLED).all():
        return {}
    return {"labels": values.astype(np.float32) if task.head == "regression" else values.astype(np.int64)}


def decode_sequences(
    task: Task, rows: datasets.Dataset, logits: NDArray[np.float32], *, logit_order: tuple[int, ...]
) -> pyarrow.Table:
    """One row an example: id, label, prediction, scores (logits in the task's label order), input_hash.

    Args:
        task: The task.
        rows: The split that was encoded.
        logits: Shape (n, outputs), in the model's order.
        logit_order: Columns of `logits` in the task's order; empty: as they are.

    Raises:
        DataError: a wrong number of rows or outputs, or a logit that is not finite (names the id).
    """
    import pyarrow as pa

    ids = row_ids(task, rows)
    scores = np.asarray(logits, dtype=np.float32)
    scores = scores[:, None] if scores.ndim == 1 else scores
    outputs = 1 if task.head == "regression" else len(task.labels)
    if scores.shape != (len(ids), outputs):
        raise DataError(
            f"{task.name}: logits have shape {scores.shape}, {len(ids)} examples need {(len(ids), outputs)}"
        )
    require_finite(task, scores, ids)
    if logit_order:
        scores = scores[:, list(logit_order)]
    regression = task.head == "regression"
    number = pa.float64() if regression else pa.int64()
    prediction = scores[:, 0].astype(np.float64) if regression else scores.argmax(axis=1)
    labelled = task.label in rows.column_names
    label = rows[task.label][:] if labelled else [UNLABELLED] * len(ids)
    return pa.table(
        {
            "id": pa.array(ids, pa.string()),
            "label": pa.array(label, number),
            "prediction": pa.array(prediction, number),
            "scores": pa.array(scores.tolist(), pa.list_(pa.float32())),
            "input_hash": pa.array(input_hashes(task, rows), pa.string()),
        }
    )


def require_finite(task: Task, scores: NDArray[np.float32], ids: list[str]) -> None:
    """Refuses logits of shape (n, ...) that are not numbers.

    Raises:
        DataError: names the first id with such a logit.
    """
    wrong = ~np.isfinite(scores).reshape(len(ids), -1).all(axis=1)
    if wrong.any():
        first = ids[int(np.argmax(wrong))]
        raise DataError(
            f"{task.name}: the model's output for id {first!r} is not a number ({int(wrong.sum())} examples in all): "
            "its weights are broken, or it needs float32"
        )


def input_hashes(task: Task, rows: datasets.Dataset) -> list[str]:
    """First 16 hexadecimal digits of SHA-256 of each row's texts, joined by the unit separator."""
    columns = [rows[column][:] for column in task.text]
    return [hashlib.sha256("\x1f".join(texts).encode()).hexdigest()[:16] for texts in zip(*columns, strict=True)]
