"""The distance of a student's outputs from its task teacher's, one a head: the loss `logits` of `task_distillation`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from benchbert.distillation.losses import distillation_loss, logit_mse_loss
from benchbert.distillation.losses.precision import wide
from benchbert.tasks.encoding import IGNORED
from benchbert.training.batching import Batch
from benchbert.training.task_losses import NEVER

__all__ = ["LOGIT_LOSSES_BY_HEAD"]


def _classification(student: Any, teacher: Any, batch: Batch, totals: Mapping[str, int], temperature: float) -> Tensor:
    """T^2 * KL over the classes, mean over the examples of the step (Hinton et al. 2015, arXiv 1503.02531)."""
    return distillation_loss(student.logits, teacher.logits, temperature) / totals["examples"]


def _regression(student: Any, teacher: Any, batch: Batch, totals: Mapping[str, int], temperature: float) -> Tensor:
    """Squared error of the scores, mean over the examples of the step; there is nothing to soften."""
    return logit_mse_loss(student.logits, teacher.logits) / totals["examples"]


def _span(student: Any, teacher: Any, batch: Batch, totals: Mapping[str, int], temperature: float) -> Tensor:
    """T^2 * (KL of starts + KL of ends) / 2 over the tokens of a window, mean over the windows of the step.

    DistilBERT (Sanh et al. 2019, arXiv 1910.01108, section 3, "second step of distillation").
    """
    padding = batch.inputs["attention_mask"] == 0
    pairs = ((student.start_logits, teacher.start_logits), (student.end_logits, teacher.end_logits))
    found = [distillation_loss(_real(mine, padding), _real(theirs, padding), temperature) for mine, theirs in pairs]
    return torch.stack(found).sum() / (2 * totals["examples"])


def _multi_label(student: Any, teacher: Any, batch: Batch, totals: Mapping[str, int], temperature: float) -> Tensor:
    """T^2 * KL of yes and no, mean over the labels and the examples of the step."""
    # A label's yes or no is a choice of two, whose logits are z and 0.
    mine, theirs = (torch.stack([wide(o.logits), torch.zeros_like(wide(o.logits))], dim=-1) for o in (student, teacher))
    loss = distillation_loss(mine.flatten(0, 1), theirs.flatten(0, 1), temperature)
    return loss / (totals["examples"] * int(student.logits.shape[1]))


def _token_classification(
    student: Any, teacher: Any, batch: Batch, totals: Mapping[str, int], temperature: float
) -> Tensor:
    """T^2 * KL over the tags, mean over the words of the step, each at its first token."""
    first = batch.labels["labels"] != IGNORED
    return distillation_loss(student.logits[first], teacher.logits[first], temperature) / max(1, totals["words"])


def _real(logits: Tensor, padding: Tensor) -> Tensor:
    """Logits of shape (batch, seq) at which padding has no probability, at any usual temperature."""
    return wide(logits).masked_fill(padding, NEVER)


LOGIT_LOSSES_BY_HEAD: Mapping[str, Callable[[Any, Any, Batch, Mapping[str, int], float], Tensor]] = {
    "classification": _classification,
    "regression": _regression,
    "span": _span,
    "multi_label": _multi_label,
    "token_classification": _token_classification,
}
"""Head -> (outputs of student and teacher, micro-batch, totals of the step, T) -> the loss."""
