"""Start and end logits of windows to one answer a question, its n-best list and its null score.

As the published fine-tunings do it: the best starts and ends of each window are paired, pairs outside the context, in
wrong order or too long fall out, the windows of a question compete by start + end logit; the null score is the least
over windows of the class token's two logits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict

import numpy as np
from numpy.typing import NDArray

from benchbert.errors import DataError
from benchbert.tasks.encoding import Features
from benchbert.tasks.sequence import input_hashes
from benchbert.tasks.validation import row_ids
from benchbert.types import Task

if TYPE_CHECKING:
    import datasets
    import pyarrow

__all__ = ["Candidate", "SpanAnswer", "decode_spans", "span_table"]

Candidates = NDArray[np.float64]
"""Of shape (candidates, 3): score, first character, character after the last."""


class Candidate(TypedDict):
    """One entry of an n-best list."""

    text: str
    """What stands there."""
    score: float
    """Start plus end logit."""
    start: int
    """First character in the context."""
    end: int
    """Character after the last."""


@dataclass(frozen=True, kw_only=True)
class SpanAnswer:
    """The answer to one question."""

    prediction_text: str
    """What is scored; empty: no answer."""
    best_text: str
    """The best answer that is not empty; empty: there is none."""
    null_score_difference: float
    """Null score minus best score."""
    n_best: list[Candidate] = field(default_factory=list)
    """Best answers that stand in the context, from the best down."""


def decode_spans(
    task: Task,
    features: Features,
    rows: datasets.Dataset,
    outputs: dict[str, NDArray[np.float32]],
    *,
    n_best: int,
    max_answer_tokens: int,
    null_threshold: float,
) -> pyarrow.Table:
    """One row a question.

    Args:
        task: A span task.
        features: Its encoded windows.
        rows: The split that was encoded.
        outputs: `start_logits` and `end_logits`, each of shape (total,), aligned with `features.encoded.tokens`.
        n_best: Starts and ends tried a window, and answers kept a question.
        max_answer_tokens: Tokens of an answer at most.
        null_threshold: Where questions may be unanswerable: above this null score difference "" is predicted.

    Returns:
        Columns id, prediction_text, best_text (the best answer that is not empty), null_score_difference (null score
        minus best score), golds, n_best (text, score, start, end), input_hash.

    Raises:
        DataError: logits of another length, or one that is not finite (names the id).
    """
    ids = row_ids(task, rows)
    start_logits, end_logits = _checked(task, features, ids, outputs)
    windows_of = _windows_of(features, len(ids))
    null_scores = _null_scores(features, start_logits, end_logits)
    contexts = rows[task.text[1]][:]
    found: list[SpanAnswer] = []
    for row, windows in enumerate(windows_of):
        candidates = np.concatenate(
            [
                _window_candidates(
                    features, int(w), start_logits, end_logits, n_best=n_best, max_answer_tokens=max_answer_tokens
                )
                for w in windows
            ]
        )
        best = candidates[np.argsort(-candidates[:, 0], kind="stable")[:n_best]]
        found.append(_answer(task, contexts[row], best, float(null_scores[windows].min()), null_threshold))
    return span_table(task, rows, found)


def _checked(
    task: Task, features: Features, ids: list[str], outputs: dict[str, NDArray[np.float32]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    encoded = features.encoded
    checked = []
    for name in ("start_logits", "end_logits"):
        logits = np.asarray(outputs[name], dtype=np.float64)
        if logits.shape != encoded.tokens.shape:
            raise DataError(f"{task.name}: {name} has shape {logits.shape}, the tokens have {encoded.tokens.shape}")
        wrong = np.flatnonzero(~np.isfinite(logits))
        if wrong.size:
            window = int(np.searchsorted(encoded.starts, wrong[0], side="right")) - 1
            raise DataError(
                f"{task.name}: {name} for id {ids[int(encoded.example[window])]!r} is not a number: "
                "the model's weights are broken, or it needs float32"
            )
        checked.append(logits)
    return checked[0], checked[1]


def _windows_of(features: Features, count: int) -> list[NDArray[np.int64]]:
    """Windows of each row: they stand in the order of the rows."""
    example = features.encoded.example
    edges = np.searchsorted(example, np.arange(count + 1))
    assert (np.diff(edges) > 0).all(), "every row has a window"
    assert edges[-1] == len(example), "windows stand in the order of the rows"
    return [np.arange(edges[row], edges[row + 1]) for row in range(count)]


def _null_scores(features: Features, start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
    """Start plus end logit of the class token of each window, of shape (n,)."""
    assert features.windows is not None, "spans are decoded from windows"
    places = features.encoded.starts[:-1] + features.windows.class_position
    return np.asarray(start[places] + end[places])


def _window_candidates(
    features: Features,
    window: int,
    start_logits: NDArray[np.float64],
    end_logits: NDArray[np.float64],
    *,
    n_best: int,
    max_answer_tokens: int,
) -> Candidates:
    """Allowed pairs among the window's best starts and ends, by start, then by end, each from the best down."""
    assert features.windows is not None, "spans are decoded from windows"
    part = slice(features.encoded.starts[window], features.encoded.starts[window + 1])
    start, end, offsets = start_logits[part], end_logits[part], features.windows.offsets[part]
    starts = np.argsort(-start, kind="stable")[:n_best]
    ends = np.argsort(-end, kind="stable")[:n_best]
    starts, ends = starts[offsets[starts, 0] >= 0], ends[offsets[ends, 0] >= 0]
    first, last = (grid.ravel() for grid in np.meshgrid(starts, ends, indexing="ij"))
    allowed = (last >= first) & (last - first < max_answer_tokens) & (offsets[first, 0] < offsets[last, 1])
    first, last = first[allowed], last[allowed]
    return np.stack([start[first] + end[last], offsets[first, 0], offsets[last, 1]], axis=1).astype(np.float64)


def _answer(task: Task, context: str, best: Candidates, null_score: float, threshold: float) -> SpanAnswer:
    n_best: list[Candidate] = [
        {"text": context[int(first) : int(last)], "score": float(score), "start": int(first), "end": int(last)}
        for score, first, last in best
    ]
    # Without a candidate the empty text is all there is, and no threshold can change it.
    text = str(n_best[0]["text"]) if n_best else ""
    difference = null_score - float(best[0, 0]) if n_best else 0.0
    silent = task.unanswerable and difference > threshold
    return SpanAnswer(
        prediction_text="" if silent else text, best_text=text, null_score_difference=difference, n_best=n_best
    )


def span_table(task: Task, rows: datasets.Dataset, answers: Sequence[SpanAnswer]) -> pyarrow.Table:
    """One row a question, with the columns of `decode_spans`; `answers` stand in the order of the rows."""
    import pyarrow as pa

    candidate = pa.struct([("text", pa.string()), ("score", pa.float64()), ("start", pa.int64()), ("end", pa.int64())])
    labelled = task.label in rows.column_names
    golds = [list(gold["text"]) for gold in rows[task.label][:]] if labelled else [[] for _ in answers]
    return pa.table(
        {
            "id": pa.array(row_ids(task, rows), pa.string()),
            "prediction_text": pa.array([answer.prediction_text for answer in answers], pa.string()),
            "best_text": pa.array([answer.best_text for answer in answers], pa.string()),
            "null_score_difference": pa.array([answer.null_score_difference for answer in answers], pa.float64()),
            "golds": pa.array(golds, pa.list_(pa.string())),
            "n_best": pa.array([answer.n_best for answer in answers], pa.list_(candidate)),
            "input_hash": pa.array(input_hashes(task, rows), pa.string()),
        }
    )
