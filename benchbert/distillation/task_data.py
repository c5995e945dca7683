"""What a student and its task teacher read: the same examples, each in its own tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchbert.errors import TrainingError
from benchbert.tasks.encoding import Encoded
from benchbert.training.batching import Batch, Steps, make_batch, model_inputs, on_device, token_budget_batches

__all__ = ["Pupil", "TaughtBatch", "TaughtSteps", "differing_row", "require_same_tokens"]


@dataclass(frozen=True, kw_only=True)
class TaughtBatch:
    """A micro-batch of both models on its device."""

    student: Batch
    """With the labels."""
    teacher: dict[str, torch.Tensor]
    """The teacher's inputs, each of shape (batch, longest), rows as the student's."""


@dataclass(frozen=True, kw_only=True)
class Pupil:
    """A model and its tokens of the training split."""

    model: nn.Module
    """With its head."""
    encoded: Encoded
    """All examples."""
    pad_id: int
    """Id of its padding token."""


class TaughtSteps:
    """The micro-batches of every optimizer step, and the totals of each; see `benchbert.training.loop.train`."""

    def __init__(self, student: Pupil, teacher: Pupil, steps: Steps, *, device: str, budget: int) -> None:
        """Plans nothing yet.

        Args:
            student: who is trained.
            teacher: has as many sequences, in the same order.
            steps: examples of each step.
            device: `cpu` or `cuda`.
            budget: padded tokens of a micro-batch at most.
        """
        assert len(student.encoded) == len(teacher.encoded), "both read the same examples"
        self.student, self.teacher, self.steps = student, teacher, steps
        self.device, self.budget = device, budget
        self._names = tuple(model_inputs(side.model) for side in (student, teacher))
        encoded = student.encoded
        self._tagged = encoded.tagged if encoded.token_labels is not None else None

    def __call__(self, step: int) -> tuple[list[TaughtBatch], dict[str, int]]:
        """Micro-batches of a step, and its `examples`, `sequences`, `tokens` and, where these are tagged, `words`."""
        lengths = self.student.encoded.lengths
        order = self.steps[step]
        order = order[np.argsort(lengths[order], kind="stable")]
        totals = {"examples": len(order), "sequences": len(order), "tokens": int(lengths[order].sum())}
        if self._tagged is not None:
            totals["words"] = int(self._tagged[order].sum())
        # Where the tokens differ, the longer of the two decides.
        longest = np.maximum(lengths, self.teacher.encoded.lengths)
        return [self._batch(part) for part in token_budget_batches(longest, order, self.budget)], totals

    def _batch(self, indices: NDArray[Any]) -> TaughtBatch:
        student = make_batch(self.student.encoded, indices, self.student.pad_id, self.device, self._names[0])
        padded = self.teacher.encoded.padded(indices, self.teacher.pad_id)
        teacher = {k: on_device(v, self.device) for k, v in padded.items() if k in self._names[1]}
        return TaughtBatch(student=student, teacher=teacher)


def differing_row(student: Encoded, teacher: Encoded) -> int | None:
    """First row of the training split that the two read as other tokens; None: there is none."""
    if np.array_equal(student.starts, teacher.starts):
        wrong = np.flatnonzero(student.tokens != teacher.tokens)
        if not len(wrong):
            return None
        place = int(np.searchsorted(student.starts, wrong[0], side="right")) - 1
        return int(student.example[place])
    count = min(len(student), len(teacher))
    for i in range(count):
        mine, theirs = (e.tokens[e.starts[i] : e.starts[i + 1]] for e in (student, teacher))
        if not np.array_equal(mine, theirs):
            return int(student.example[i])
    return int((student if len(student) > count else teacher).example[count])


def require_same_tokens(head: str, losses: list[str], row: int | None, names: tuple[str, str]) -> None:
    """That what is compared position by position stands at the same positions.

    With other tokens, the outputs of a whole sequence (classification, regression, multi_label) can still be compared,
    and PKD's class tokens; spans, tags, hidden states and attention cannot.

    Args:
        head: of the task.
        losses: names of those that are used.
        row: what `differing_row` found.
        names: of student and teacher.

    Raises:
        TrainingError: they do not.
    """
    if row is None:
        return
    by_position = [name for name in losses if name in {"attention", "hidden"}]
    if head in {"span", "token_classification"}:
        by_position += [name for name in losses if name == "logits"]
    if by_position or head == "span":
        raise TrainingError(
            f"{names[0]} and its task teacher {names[1]} read row {row} of the training split as other tokens, and "
            f"{by_position[0] if by_position else 'a span'} is compared token by token: give both one tokenizer, or "
            "another task_teacher; on tasks of whole sequences `logits` and `pkd` do without"
        )
