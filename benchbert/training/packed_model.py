"""A model of transformers with a task's head, called as it calls itself, and computed without padding."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers.modeling_outputs import BaseModelOutputWithPooling

from benchbert.training.layers import describe
from benchbert.training.packed import head_alone
from benchbert.training.packed_training import TrainableEncoder
from benchbert.training.packing import Packing

__all__ = ["PackedModel", "trained_model"]

_HEADS = ("ForSequenceClassification", "ForQuestionAnswering", "ForTokenClassification")


class PackedModel:
    """The model's outputs and gradients; the encoder is packed, the head is the model's own, in its own mode."""

    def __init__(self, model: Any, encoder: TrainableEncoder) -> None:
        """Joins an encoder and the head of its model.

        Args:
            model: in float32, on the CPU.
            encoder: its encoder.
        """
        self._encoder = encoder
        self._head, self._stand_in = head_alone(model)
        self._by_sequence = "ForSequenceClassification" in type(model).__name__

    def __call__(
        self,
        *,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
    ) -> Any:
        """What the model gives for a batch padded on the right; outputs of padding are 0.

        Args:
            input_ids: of shape (batch, seq).
            attention_mask: 0 on padding, of that shape; None: there is none.
            token_type_ids: segments, of that shape; None: one.
        """
        packing = Packing.of((input_ids.shape[0], input_ids.shape[1]), attention_mask)
        hidden = self._encoder(input_ids, token_type_ids, packing, firsts=self._by_sequence)
        if self._by_sequence:
            first = hidden[:, None]
            return self._outputs(first, self._encoder.pool(first))
        found = self._outputs(hidden[None], None)
        for name in [name for name in ("logits", "start_logits", "end_logits") if name in found]:
            found[name] = packing.padded(found[name][0])
        return found

    def _outputs(self, hidden: torch.Tensor, pooled: torch.Tensor | None) -> Any:
        """What the head makes of hidden states of shape (sequences, tokens, hidden)."""
        self._stand_in.output = BaseModelOutputWithPooling(last_hidden_state=hidden, pooler_output=pooled)
        return self._head(input_ids=torch.zeros(hidden.shape[:2], dtype=torch.long))


def trained_model(model: nn.Module, device: str) -> PackedModel | nn.Module:
    """What to call in training where the model would be called: itself where its family or head is not taken apart, and
    on CUDA.
    """
    if device != "cpu" or not type(model).__name__.endswith(_HEADS):
        return model
    layers = describe(model.base_model)
    return model if isinstance(layers, str) else PackedModel(model, TrainableEncoder(layers))
