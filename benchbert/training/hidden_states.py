"""What an encoder makes of masked sequences: packed on a CPU where its family is taken apart, else as it is written."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from benchbert.models.adapter import FamilyAdapter
from benchbert.training.layers import describe
from benchbert.training.masked_steps import MaskedBatch
from benchbert.training.packed_training import TrainableEncoder
from benchbert.training.packing import Packing

__all__ = ["Hidden", "HiddenStates"]


@dataclass(frozen=True)
class Hidden:
    """Of one batch."""

    tokens: torch.Tensor
    """Last hidden states, of shape (batch * seq, hidden); what stands in the padding means nothing."""
    pooled: torch.Tensor | None
    """The pooler's output, of shape (batch, hidden); None: the model has no pooler, or the batch has no pairs."""


class HiddenStates:
    """Runs the encoders of one family; keeps the last one taken apart."""

    def __init__(self, adapter: FamilyAdapter) -> None:
        """Has taken none apart.

        Args:
            adapter: of the family.
        """
        self._adapter = adapter
        self._base: nn.Module | None = None
        self._encoder: TrainableEncoder | None = None

    def __call__(self, model: nn.Module, batch: MaskedBatch) -> Hidden:
        """Last hidden states, with gradients where there are to be any.

        Args:
            model: of the family, bare or with a head.
            batch: padded on the right, if at all.
        """
        base = self._adapter.base_model(model)
        encoder = self._packed(base)
        # Hooks want to see the model's own modules run.
        if encoder is None or batch.input_ids.is_cuda or _is_watched(base):
            return self._padded(base, batch)
        shape = (batch.input_ids.shape[0], batch.input_ids.shape[1])
        packing = Packing.of(shape, batch.attention_mask)
        packed = encoder(batch.input_ids, batch.token_type_ids, packing)
        pooled = None
        if batch.sentence_labels is not None:
            pooled = encoder.pool(packed[packing.firsts][packing.rows][:, None])
        full = batch.attention_mask is None
        return Hidden(packed if full else packing.padded(packed).flatten(0, 1), pooled)

    def _packed(self, base: nn.Module) -> TrainableEncoder | None:
        if self._base is not base:
            layers = describe(base)
            self._base, self._encoder = base, None if isinstance(layers, str) else TrainableEncoder(layers)
        return self._encoder

    @staticmethod
    def _padded(base: nn.Module, batch: MaskedBatch) -> Hidden:
        given = {"attention_mask": batch.attention_mask, "token_type_ids": batch.token_type_ids}
        inputs = {name: tensor for name, tensor in given.items() if tensor is not None}
        outputs = base(input_ids=batch.input_ids, **inputs)
        pooled = outputs.pooler_output if batch.sentence_labels is not None else None
        return Hidden(outputs.last_hidden_state.flatten(0, 1), pooled)


def _is_watched(base: nn.Module) -> bool:
    return any(module._forward_hooks or module._forward_pre_hooks for module in base.modules())
