"""What a teacher says of a batch: its last hidden states, and the logits of chosen tokens.

Legend: P tokens of a micro-batch without padding, H hidden, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchbert.distillation.losses import KeptShares
from benchbert.models.adapter import FamilyAdapter, MlmParts
from benchbert.training.layers import describe
from benchbert.training.masked_steps import MaskedBatch
from benchbert.training.packed import PackedEncoder

__all__ = ["LiveTeacher", "Rows", "Teacher", "TeacherStates"]

Rows = slice | Tensor
"""Tokens of a micro-batch, numbered without padding: a range, or indices of shape (n,)."""


@dataclass(frozen=True, kw_only=True)
class TeacherStates:
    """A teacher's view of one micro-batch, without gradients."""

    hidden: Tensor
    """Last hidden states of the tokens in their order, padding left out, of shape (P, H)."""
    logits: Callable[[Rows], Tensor | KeptShares]
    """Logits of chosen tokens, of shape (n, V), made when they are asked for: those of all tokens are never kept. Or,
    from a cache, what is left of them there."""


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
    """The teacher itself: a frozen model with its masked-LM head, run on every batch.

    Under autocast its weights are rounded once, and not anew for each batch. On a CPU in bfloat16 its encoder then is
    the packed one, where its family has one.
    """

    def __init__(self, model: nn.Module, adapter: FamilyAdapter, *, watched: bool = False) -> None:
        """Takes the model as it is; its weights may no longer change after the first batch.

        Args:
            model: frozen, in eval mode; whoever trains places it on the device.
            adapter: of its family.
            watched: whether hooks on its modules are to see its forward pass, which then is transformers' own.
        """
        self._model, self._adapter, self._watched = model, adapter, watched
        # Made at the first batch, when the model is where it stays.
        self._encoder: PackedEncoder | None = None
        self._head: MlmParts | None = None
        self._projections: dict[torch.dtype, tuple[Tensor, Tensor]] = {}

    @torch.no_grad()
    def __call__(self, batch: MaskedBatch, step: int, part: int) -> TeacherStates:
        """See `Teacher`."""
        device = batch.input_ids.device.type
        rounded = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None
        encoder = self._packed(device, rounded)
        hidden = self._hidden(batch) if encoder is None else _packed_hidden(encoder, batch)
        head = self._head = self._head or self._adapter.mlm_parts(self._model)

        @torch.no_grad()
        def logits(rows: Rows) -> Tensor:
            with torch.autocast(device, rounded, enabled=rounded is not None):
                projected = head.transform(hidden[rows])
            weight, bias = self._projection(head, rounded or projected.dtype)
            with torch.autocast(device, enabled=False):
                return functional.linear(projected.to(weight.dtype), weight, bias)

        return TeacherStates(hidden=hidden, logits=logits)

    def _hidden(self, batch: MaskedBatch) -> Tensor:
        inputs = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
        return batch.without_padding(self._adapter.base_model(self._model)(**inputs).last_hidden_state)

    def _packed(self, device: str, rounded: torch.dtype | None) -> PackedEncoder | None:
        """The encoder in bfloat16 on a CPU; None: another device or dtype, another family, or hooks that want it."""
        if device != "cpu" or rounded is not torch.bfloat16 or self._watched:
            return None
        if self._encoder is None:
            layers = describe(self._adapter.base_model(self._model))
            self._encoder = None if isinstance(layers, str) else PackedEncoder(layers, rounded)
        return self._encoder

    def _projection(self, head: MlmParts, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Weight and bias of the vocabulary projection in a dtype, rounded once."""
        if dtype not in self._projections:
            self._projections[dtype] = (head.weight.to(dtype), head.bias.to(dtype))
        return self._projections[dtype]


def _packed_hidden(encoder: PackedEncoder, batch: MaskedBatch) -> Tensor:
    """Hidden states of shape (P, H), in the order of the batch, for an encoder that wants equal lengths together."""
    ids, mask = batch.input_ids, batch.attention_mask
    count, longest = ids.shape
    lengths = torch.full((count,), longest) if mask is None else mask.sum(1)
    order = lengths.argsort(descending=True, stable=True)
    places = torch.arange(longest).expand(count, longest)
    real = places < lengths[order, None]
    flat = ids[order][real]
    with torch.autocast("cpu", enabled=False):
        hidden = encoder(flat, torch.zeros_like(flat), places[real], lengths[order].tolist())
    if mask is None:
        return hidden
    starts = (lengths.cumsum(0) - lengths)[order, None]
    found = torch.empty_like(hidden)
    found[(starts + places)[real]] = hidden
    return found
