"""An encoder over tokens without padding: linear layers and norms over all tokens of a batch at once, attention by
sequence (`benchbert.training.packed_attention`). Embeddings, pooler and head stay in float32.

A head of sequences reads the first token of each sequence alone. Of the last block it therefore needs keys and values
of all tokens, and everything else of the first tokens: 2 of its 12 H^2 products a token at BERT's shapes, where the
feed-forward is four times as wide as the stream.

Letters of shapes: T tokens of a batch, n sequences, h heads, d width of a head, H = h d.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from benchbert.training.dense import Dense
from benchbert.training.layers import Block, Layers
from benchbert.training.packed_attention import attention_on

__all__ = ["PackedEncoder", "head_alone"]

_ROUND = 16
"""Rows of a product are filled up to a multiple: oneDNN makes and keeps a kernel for every number of rows it sees."""


@dataclass(frozen=True)
class _Norm:
    """A layer norm: sums in float32, the result in the dtype of what it is given."""

    weight: torch.Tensor
    """Of shape (H,); in float32 on CPUs, which mix dtypes, else in the compute dtype."""
    bias: torch.Tensor
    """Of shape (H,), in the same dtype."""
    eps: float
    """As in `nn.LayerNorm`."""

    @classmethod
    def of(cls, norm: nn.LayerNorm, dtype: torch.dtype) -> _Norm:
        """The norm itself stays as it is."""
        held = torch.float32 if norm.weight.device.type == "cpu" else dtype
        return cls(norm.weight.detach().to(held), norm.bias.detach().to(held), norm.eps)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Of the same shape."""
        return functional.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)


@dataclass(frozen=True, kw_only=True)
class _Stream:
    """What a block does behind its attention, token by token, in the compute dtype."""

    output: Dense
    """As in `Block`."""
    inner: Dense
    """As in `Block`."""
    outer: Dense
    """As in `Block`."""
    attention_norm: _Norm
    """As in `Block`."""
    final_norm: _Norm
    """As in `Block`."""
    activation: str
    """As in `Layers`."""

    @classmethod
    def of(cls, block: Block, activation: str, dtype: torch.dtype) -> _Stream:
        """Rounds the weights; the block itself stays as it is."""
        return cls(
            output=Dense.of(block.output.weight, block.output.bias, dtype),
            inner=Dense.of(block.inner.weight, block.inner.bias, dtype),
            outer=Dense.of(block.outer.weight, block.outer.bias, dtype),
            attention_norm=_Norm.of(block.attention_norm, dtype),
            final_norm=_Norm.of(block.final_norm, dtype),
            activation=activation,
        )

    def __call__(self, context: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """The block's output from contexts and the block's input, all of shape (rows, H)."""
        x = self.attention_norm(self.output.plus(context, x))
        return self.final_norm(self.outer.plus(self.inner.activated(x, self.activation), x))


class PackedEncoder:
    """The hidden states of packed sequences."""

    def __init__(self, layers: Layers, dtype: torch.dtype, *, device: str = "cpu", first_only: bool = False) -> None:
        """Rounds and packs the weights.

        Args:
            layers: the encoder, in float32, on its device.
            dtype: compute dtype of the blocks; on CUDA of half precision.
            device: `cpu` or `cuda`.
            first_only: whether the last block is to give the first token of each sequence alone.
        """
        self._layers, self._dtype, self._device = layers, dtype, device
        self._attention = attention_on(device)
        self.first_only = first_only
        """As the argument."""

        scale = 1.0 if self._attention.scales else (layers.blocks[0].query.out_features // layers.heads) ** -0.5

        # ALBERT's one block is packed once.
        @cache
        def stream(block: Block) -> _Stream:
            return _Stream.of(block, layers.activation, dtype)

        @cache
        def projection(block: Block, parts: str) -> Dense:
            return _projection(block, parts, scale, dtype)

        whole = layers.blocks[:-1] if first_only else layers.blocks
        self._blocks = [(projection(block, "qkv"), stream(block)) for block in whole]
        self._last: tuple[Dense, Dense, _Stream] | None = None
        if first_only:
            last = layers.blocks[-1]
            self._last = projection(last, "q"), projection(last, "kv"), stream(last)

    def __call__(
        self, ids: torch.Tensor, types: torch.Tensor, positions: torch.Tensor, lengths: Sequence[int]
    ) -> torch.Tensor:
        """Hidden states of the last block in the compute dtype, of shape (T, H); of first tokens alone: (n, H).

        Args:
            ids: token ids, one sequence after another, of shape (T,).
            types: segments, of shape (T,).
            positions: place of each token in its sequence, of shape (T,).
            lengths: tokens of each sequence, in order; equal ones stand together.
        """
        x = self._layers.embed(ids[None], types[None], positions[None])[0].to(self._dtype)
        tokens = len(x)
        x = self._filled(x)
        attention = self._attention(lengths, self._layers.heads, self._device)
        for qkv, stream in self._blocks:
            x = stream(attention(qkv(x)), x)
        if self._last is None:
            return x[:tokens]
        query, key_value, stream = self._last
        first = self._filled(x[attention.starts])
        return stream(attention.first(query(first), key_value(x)), first)[: len(lengths)]

    def _filled(self, x: torch.Tensor) -> torch.Tensor:
        """On a CPU with rows of zeros behind it, up to a multiple of `_ROUND`."""
        return functional.pad(x, (0, 0, 0, -len(x) % _ROUND)) if self._device == "cpu" else x

    def pool(self, first: torch.Tensor) -> torch.Tensor | None:
        """What the model's pooler makes of first tokens of shape (n, 1, H) in float32: (n, H); None: it has none."""
        return None if self._layers.pool is None else self._layers.pool(first)


def _projection(block: Block, parts: str, scale: float, dtype: torch.dtype) -> Dense:
    """To the named ones of queries, multiplied by `scale`, keys and values at once."""
    named = {"q": (block.query, scale), "k": (block.key, 1.0), "v": (block.value, 1.0)}
    # Rounded before they are joined: half the bytes to copy.
    weight = torch.cat([(named[part][0].weight * named[part][1]).to(dtype) for part in parts])
    bias = torch.cat([(named[part][0].bias * named[part][1]).to(dtype) for part in parts])
    return Dense.of(weight, bias, dtype)


class _Computed(nn.Module):
    """Stands where a model has its encoder and gives back what was computed already."""

    def __init__(self) -> None:
        super().__init__()
        self.output: Any = None

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The output that was put here."""
        return self.output


def head_alone(model: Any) -> tuple[nn.Module, _Computed]:
    """The model without its encoder, sharing all other weights, and what stands in the encoder's place."""
    head, stand_in = copy.copy(model), _Computed()
    head._modules = {**model._modules, model.base_model_prefix: stand_in}
    return head, stand_in
