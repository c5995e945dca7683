"""What a teacher says of a batch: its last hidden states, and the logits of chosen tokens.

Legend: P tokens of a micro-batch without padding, H hidden, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from benchbert.models.adapter import FamilyAdapter
from benchbert.training.masked_steps import MaskedBatch

__all__ = ["LiveTeacher", "Rows", "Teacher", "TeacherStates"]

Rows = slice | Tensor
"""Tokens of a micro-batch, numbered without padding: a range, or indices of shape (n,)."""


@dataclass(frozen=True, kw_only=True)
class TeacherStates:
    """A teacher's view of one micro-batch, without gradients."""

    hidden: Tensor
    """Last hidden states of the tokens in their order, padding left out, of shape (P, H)."""
    logits: Callable[[Rows], Tensor]
    """Logits of chosen tokens, of shape (n, V), made when they are asked for: those of all tokens are never kept."""


class Teacher(Protocol):
    """What a student learns from."""

    def __call__(self, batch: MaskedBatch, step: int, part: int) -> TeacherStates:
        """What it says of a micro-batch.

        Args:
            batch: what the student sees too.
            step: number of the optimizer step, from 0.
            part: number of the micro-batch in the step, from 0.
        """
        ...


class LiveTeacher:
    """The teacher itself: a frozen model with its masked-LM head, run on every batch."""

    def __init__(self, model: nn.Module, adapter: FamilyAdapter) -> None:
        """Takes the model as it is.

        Args:
            model: frozen, in eval mode; whoever trains places it on the device.
            adapter: of its family.
        """
        self.model, self.adapter = model, adapter

    @torch.no_grad()
    def __call__(self, batch: MaskedBatch, step: int, part: int) -> TeacherStates:
        """See `Teacher`."""
        inputs = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
        hidden = batch.without_padding(self.adapter.base_model(self.model)(**inputs).last_hidden_state)
        head = self.adapter.mlm_head(self.model)

        @torch.no_grad()
        def logits(rows: Rows) -> Tensor:
            found: Tensor = head(hidden[rows])
            return found

        return TeacherStates(hidden=hidden, logits=logits)
