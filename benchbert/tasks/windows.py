"""Questions and contexts as windows of tokens (SQuAD; Devlin et al. 2019, arXiv 1810.04805, section 4.2).

A context that does not fit beside its question becomes several windows. `stride` is their overlap in tokens, as the
fast tokenizers mean it; the original code's doc_stride is the step between window starts and gives other windows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchbert.errors import DataError
from benchbert.tasks.encoding import Encoded, Features, Windows
from benchbert.types import Task

if TYPE_CHECKING:
    import datasets

__all__ = ["STRIDE", "encode_windows"]

STRIDE = 128
"""Tokens by which two windows of a context overlap."""

_CHUNK = 500
"""Questions tokenized at once."""

_OUTSIDE = -1


def encode_windows(
    task: Task, rows: datasets.Dataset, tokenizer: Any, *, max_length: int, train: bool, stride: int = STRIDE
) -> Features:
    """Windows of all questions, in order.

    Args:
        task: A span task; its texts are question and context.
        rows: The split.
        tokenizer: A fast tokenizer.
        max_length: Tokens a window at most, special ones included.
        train: Whether windows get `start_positions` and `end_positions`; where the answer is not wholly inside, both
            are the class token's position.
        stride: Tokens by which neighbouring windows overlap.

    Raises:
        DataError: a slow tokenizer, or a question that leaves no room for its context (names the id).
    """
    if not getattr(tokenizer, "is_fast", False):
        raise DataError(
            f"{task.name}: answers need a fast tokenizer, "
            f"{type(tokenizer).__name__} gives no offsets: use its fast form"
        )
    special = tokenizer.num_special_tokens_to_add(pair=True)
    if stride < 0 or max_length - special <= stride:
        raise DataError(
            f"{task.name}: max_length {max_length} with {special} special tokens leaves no room beside a stride "
            f"of {stride}: raise max_length or lower the stride"
        )
    parts: list[Encoded] = [_empty(train)]
    offsets: list[NDArray[np.int32]] = [np.zeros((0, 2), dtype=np.int32)]
    positions: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)]
    for first in range(0, len(rows), _CHUNK):
        chunk = rows[first : first + _CHUNK]
        made = _tokenize(task, chunk, tokenizer, max_length=max_length, stride=stride)
        spans = _context_offsets(made)
        classes = _class_positions(task, made, tokenizer)
        example = np.asarray(made["overflow_to_sample_mapping"], dtype=np.int64)
        labels = _targets(spans, classes, [chunk[task.label][row] for row in example]) if train else {}
        parts.append(
            Encoded.from_lists(made["input_ids"], made.get("token_type_ids"), labels=labels, example=example + first)
        )
        offsets.extend(spans)
        positions.append(classes)
    windows = Windows(offsets=np.concatenate(offsets), class_position=np.concatenate(positions))
    return Features(encoded=Encoded.concatenate(parts), windows=windows)


def _empty(train: bool) -> Encoded:
    names = ("start_positions", "end_positions") if train else ()
    return Encoded.from_lists([], labels={name: np.zeros(0, dtype=np.int64) for name in names})


def _tokenize(task: Task, chunk: Any, tokenizer: Any, *, max_length: int, stride: int) -> Any:
    question, context = task.text
    special = tokenizer.num_special_tokens_to_add(pair=True)
    # White space before a question says nothing, and would only take room from the context.
    questions, contexts = [text.lstrip() for text in chunk[question]], list(chunk[context])
    lengths = [
        len(ids) for ids in tokenizer(questions, add_special_tokens=False, return_attention_mask=False)["input_ids"]
    ]
    for row, length in enumerate(lengths):
        room = max_length - special - length
        if room > stride:
            continue
        ids = tokenizer(contexts[row], add_special_tokens=False, return_attention_mask=False)["input_ids"]
        if len(ids) > room:
            raise DataError(
                f"{task.name}: question {chunk['id'][row]!r} has {length} tokens and leaves {max(room, 0)} of "
                f"max_length {max_length} for its context, which needs "
                f"more than the stride of {stride}: raise max_length or lower the stride"
            )
    return tokenizer(
        questions,
        contexts,
        truncation="only_second",
        max_length=max_length,
        stride=stride,
        padding=False,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
        return_attention_mask=False,
    )


def _context_offsets(made: Any) -> list[NDArray[np.int32]]:
    """Characters of each window's tokens, each of shape (length, 2), -1 where a token is not of the context."""
    found = []
    for window, pairs in enumerate(made["offset_mapping"]):
        outside = np.fromiter((part != 1 for part in made.sequence_ids(window)), dtype=np.bool_, count=len(pairs))
        span = np.asarray(pairs, dtype=np.int32).reshape(-1, 2)
        span[outside] = _OUTSIDE
        found.append(span)
    return found


def _class_positions(task: Task, made: Any, tokenizer: Any) -> NDArray[np.int64]:
    """Where the class token stands in each window: first in BERT's kin, last in others."""
    positions = []
    for ids in made["input_ids"]:
        if tokenizer.cls_token_id not in ids:
            raise DataError(
                f"{task.name}: the tokenizer puts no class token into its windows, and null answers point at it"
            )
        positions.append(ids.index(tokenizer.cls_token_id))
    return np.asarray(positions, dtype=np.int64)


def _targets(
    spans: list[NDArray[np.int32]], classes: NDArray[np.int64], answers: list[Any]
) -> dict[str, NDArray[np.int64] | NDArray[np.float32]]:
    """First and last answer token of each window (its first gold), or the class position twice."""
    starts, ends = classes.copy(), classes.copy()
    for window, (span, answer) in enumerate(zip(spans, answers, strict=True)):
        inside = np.flatnonzero(span[:, 0] != _OUTSIDE)
        if not answer["text"] or not inside.size:
            continue
        first = answer["answer_start"][0]
        last = first + len(answer["text"][0])
        begins, finishes = span[inside, 0], span[inside, 1]
        if begins[0] <= first and finishes[-1] >= last:
            starts[window] = inside[max(int(np.searchsorted(begins, first, side="right")) - 1, 0)]
            ends[window] = inside[int(np.searchsorted(finishes, last, side="left"))]
    return {"start_positions": starts, "end_positions": ends}
