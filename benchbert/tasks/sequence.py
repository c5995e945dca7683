"""One text or a pair for a class, a number or several labels: rows to tokens, logits to a table of predictions."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchbert.errors import DataError
from benchbert.tasks.encoding import Encoded, Features, Targets
from benchbert.tasks.multi_label import label_columns, membership
from benchbert.tasks.validation import row_ids
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


def _targets(task: Task, rows: datasets.Dataset) -> dict[str, Targets]:
    """`labels`, empty for an unlabelled split.

    Of shape (n,), int64 or, for a regression, float32; for several labels a row of shape (n, classes), 0 or 1 in int8.
    """
    if task.label not in rows.column_names or len(rows) == 0:
        return {}
    if task.head == "multi_label":
        return {"labels": membership(rows[task.label][:], len(task.labels))}
    values = np.asarray(rows[task.label][:], dtype=np.float64)
    if task.unlabelled is not None and (values == task.unlabelled).all():
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
    return pa.table(
        {
            "id": pa.array(ids, pa.string()),
            **_label_columns(task, rows, scores),
            "scores": pa.array(scores.tolist(), pa.list_(pa.float32())),
            "input_hash": pa.array(input_hashes(task, rows), pa.string()),
        }
    )


def _label_columns(task: Task, rows: datasets.Dataset, scores: NDArray[np.float32]) -> dict[str, pyarrow.Array]:
    """The columns `label` and `prediction`."""
    import pyarrow as pa

    labels = rows[task.label][:] if task.label in rows.column_names else None
    if task.head == "multi_label":
        return label_columns(labels, scores)
    regression = task.head == "regression"
    number = pa.float64() if regression else pa.int64()
    prediction = scores[:, 0].astype(np.float64) if regression else scores.argmax(axis=1)
    return {
        "label": pa.array([task.unlabelled] * len(scores) if labels is None else labels, number),
        "prediction": pa.array(prediction, number),
    }


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
    """First 16 hexadecimal digits of SHA-256 of each row's texts, or of its tokens, joined by the unit separator."""
    if task.head == "token_classification":
        return [hashlib.sha256("\x1f".join(row).encode()).hexdigest()[:16] for row in rows[task.text[0]][:]]
    columns = [rows[column][:] for column in task.text]
    return [hashlib.sha256("\x1f".join(texts).encode()).hexdigest()[:16] for texts in zip(*columns, strict=True)]
