"""The losses of fine-tuning, one a head: from outputs and labels of a micro-batch to a mean over the step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.nn import functional

from benchbert.tasks.encoding import IGNORED
from benchbert.training.batching import Batch

__all__ = ["NEVER", "TASK_LOSSES"]

NEVER = -1e4
"""Logit of an end that cannot be."""


def _classification(outputs: Any, batch: Batch, totals: Mapping[str, int]) -> torch.Tensor:
    """Cross-entropy, mean over the examples of the step."""
    logits = outputs.logits.float()
    return functional.cross_entropy(logits, batch.labels["labels"], reduction="sum") / totals["examples"]


def _regression(outputs: Any, batch: Batch, totals: Mapping[str, int]) -> torch.Tensor:
    """Squared error, mean over the examples of the step."""
    predicted = outputs.logits.float().squeeze(-1)
    return functional.mse_loss(predicted, batch.labels["labels"].float(), reduction="sum") / totals["examples"]


def _span(outputs: Any, batch: Batch, totals: Mapping[str, int]) -> torch.Tensor:
    """Mean of the cross-entropies of start and end over the windows of the step; padding cannot be an end."""
    padding = batch.inputs["attention_mask"] == 0
    loss = torch.zeros((), device=padding.device)
    for logits, name in ((outputs.start_logits, "start_positions"), (outputs.end_logits, "end_positions")):
        masked = logits.float().masked_fill(padding, NEVER)
        loss = loss + functional.cross_entropy(masked, batch.labels[name], reduction="sum") / 2
    return loss / totals["examples"]


def _multi_label(outputs: Any, batch: Batch, totals: Mapping[str, int]) -> torch.Tensor:
    """Binary cross-entropy, mean over the labels and the examples of the step."""
    logits = outputs.logits.float()
    targets = batch.labels["labels"].float()
    loss = functional.binary_cross_entropy_with_logits(logits, targets, reduction="sum")
    return loss / (totals["examples"] * targets.shape[1])


def _token_classification(outputs: Any, batch: Batch, totals: Mapping[str, int]) -> torch.Tensor:
    """Cross-entropy, mean over the words of the step, each at its first token."""
    logits = outputs.logits.float()
    targets = batch.labels["labels"]
    loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="sum")
    return loss / max(1, totals["words"])


TASK_LOSSES: Mapping[str, Callable[[Any, Batch, Mapping[str, int]], torch.Tensor]] = {
    "classification": _classification,
    "regression": _regression,
    "span": _span,
    "multi_label": _multi_label,
    "token_classification": _token_classification,
}
"""Head -> (outputs of the model with that head, micro-batch, totals of the step) -> the loss."""
