"""A packed encoder that trains: no padding, attention by sequences of one length, gradients into the model's weights.

The dtypes are those that autocast gives: where autocast is on, linear layers and attention compute in its dtype on
rounded weights, their gradients come back to the float32 weights, and sums, layer norms and the stream between blocks
are in float32. (ALBERT's stream, which autocast leaves in bfloat16 because its embeddings end in a linear layer, is
float32 here too.) Weights are rounded once for each forward pass; queries, keys and values are one product. Dropout
stands where transformers has it, on masks of our own.

The head of a sequence looks at the first token alone, so where only that one is wanted the last block computes keys
and values of all tokens, and everything else of the first ones: the same numbers for less.

For CPUs. Letters of shapes: T tokens of a batch, n sequences, H hidden size, F feed-forward width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from benchbert.training.dropout import Kept, Masks
from benchbert.training.layers import Block, Layers
from benchbert.training.packing import Packing
from benchbert.training.ragged_attention import attend

__all__ = ["TrainableEncoder"]

_APPROXIMATE = {"gelu": "none", "gelu_new": "tanh"}
"""Activation -> torch's name of its form."""


@dataclass(frozen=True, kw_only=True)
class _Rounded:
    """A block's linear layers as (weight, bias) in the compute dtype, tied to the float32 ones by autograd."""

    qkv: tuple[torch.Tensor, torch.Tensor]
    """Queries, keys and values at once, of shape (3 H, H)."""
    output: tuple[torch.Tensor, torch.Tensor]
    """As in `Block`."""
    inner: tuple[torch.Tensor, torch.Tensor]
    """As in `Block`."""
    outer: tuple[torch.Tensor, torch.Tensor]
    """As in `Block`."""

    @classmethod
    def of(cls, block: Block, dtype: torch.dtype) -> _Rounded:
        """Of one block."""

        def joined(*layers: nn.Linear) -> tuple[torch.Tensor, torch.Tensor]:
            # Rounded before they are joined: half the bytes to copy.
            weights, biases = ([getattr(layer, n).to(dtype) for layer in layers] for n in ("weight", "bias"))
            return (weights[0], biases[0]) if len(layers) == 1 else (torch.cat(weights), torch.cat(biases))

        return cls(
            qkv=joined(block.query, block.key, block.value),
            output=joined(block.output),
            inner=joined(block.inner),
            outer=joined(block.outer),
        )


class TrainableEncoder:
    """Hidden states of packed sequences, with gradients."""

    def __init__(self, layers: Layers) -> None:
        """Keeps the layers, whose weights stay where they are.

        Args:
            layers: the encoder, on the CPU.
        """
        self.layers = layers

    def __call__(
        self, input_ids: torch.Tensor, types: torch.Tensor | None, packing: Packing, *, firsts: bool = False
    ) -> torch.Tensor:
        """Hidden states of the last block, in the dtype of the weights.

        Args:
            input_ids: token ids of the padded batch, of shape (batch, seq).
            types: their segments, of the same shape; None: one segment.
            packing: of that batch.
            firsts: whether only first tokens are wanted.

        Returns:
            Of shape (T, H), as packed; or of shape (n, H), one row a sequence of the padded batch.
        """
        ids = packing.take(input_ids)
        packed_types = torch.zeros_like(ids) if types is None else packing.take(types)
        x = self.layers.embed(ids[None], packed_types[None], packing.positions[None])[0]
        dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
        x = x.to(self.layers.blocks[0].final_norm.weight.dtype)
        with torch.autocast("cpu", enabled=False):
            masks = Masks()
            # ALBERT's one block is rounded once.
            rounded = {id(block.inner): block for block in self.layers.blocks}
            weights = {key: _Rounded.of(block, dtype) for key, block in rounded.items()}
            last = len(self.layers.blocks) - 1
            for number, block in enumerate(self.layers.blocks):
                only = firsts and number == last
                x = self._block(block, weights[id(block.inner)], x, packing, masks, dtype, firsts=only)
        return x[packing.rows] if firsts else x

    def pool(self, first: torch.Tensor) -> torch.Tensor | None:
        """What the model's pooler makes of first tokens of shape (n, 1, H): (n, H); None: it has none."""
        return None if self.layers.pool is None else self.layers.pool(first)

    def _block(
        self,
        block: Block,
        weights: _Rounded,
        x: torch.Tensor,
        packing: Packing,
        masks: Masks,
        dtype: torch.dtype,
        *,
        firsts: bool,
    ) -> torch.Tensor:
        """One block: (T, H) to (T, H), or to (n, H) for first tokens alone."""
        narrow, (weight, bias) = x.to(dtype), weights.qkv
        query, packed = None, narrow
        if firsts:
            width = x.shape[1]
            query = functional.linear(narrow[packing.firsts], weight[:width], bias[:width])
            weight, bias, x = weight[width:], bias[width:], x[packing.firsts]
        packed = functional.linear(narrow, weight, bias)
        heads, dropout = self.layers.heads, block.attention_dropout
        context = attend(query, packed, packing.groups, heads=heads, dropout=dropout, masks=masks)
        added = functional.linear(context, *weights.output)
        x = _added(x, added, block.output_dropout, block.attention_norm, masks)
        inner = self._activated(functional.linear(x.to(dtype), *weights.inner))
        added = functional.linear(inner, *weights.outer)
        return _added(x, added, block.outer_dropout, block.final_norm, masks)

    def _activated(self, x: torch.Tensor) -> torch.Tensor:
        """Of shape (T, F)."""
        name = self.layers.activation
        return functional.relu(x) if name == "relu" else functional.gelu(x, approximate=_APPROXIMATE[name])


def _added(
    x: torch.Tensor, added: torch.Tensor, dropout: nn.Dropout | None, norm: nn.LayerNorm, masks: Masks
) -> torch.Tensor:
    """The stream plus what dropout keeps, normalised, of shape (T, H)."""
    kept = masks.draw(dropout, added.shape, added.dtype)
    apply: Any = _AddNorm.apply
    found: torch.Tensor = apply(x, added, kept, norm.weight, norm.bias, norm.eps)
    return found


class _AddNorm(torch.autograd.Function):
    """Dropout, sum and layer norm in one, which saves the sum and the mask."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        added: torch.Tensor,
        kept: Kept,
        weight: torch.Tensor,
        bias: torch.Tensor,
        eps: float,
    ) -> torch.Tensor:
        """Of shape (T, H), in the dtype of x."""
        total = torch.add(x, kept(added), alpha=kept.scale)
        found, mean, rstd = torch.native_layer_norm(total, total.shape[1:], weight, bias, eps)
        ctx.save_for_backward(total, mean, rstd, weight, bias, kept.mask)
        ctx.scale, ctx.dtype = kept.scale, added.dtype
        return found

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Of x, of what was added, and of weight and bias of the norm."""
        total, mean, rstd, weight, bias, mask = ctx.saved_tensors
        wanted = [True, ctx.needs_input_grad[3], ctx.needs_input_grad[4]]
        of_total, of_weight, of_bias = torch.ops.aten.native_layer_norm_backward(
            gradient.contiguous(), total, total.shape[1:], mean, rstd, weight, bias, wanted
        )
        scaled = of_total if mask is None else of_total * ctx.scale
        return of_total, Kept(mask, ctx.scale)(scaled.to(ctx.dtype)), None, of_weight, of_bias, None
