"""An encoder over tokens without padding: linear layers and norms over all tokens of a batch at once, attention by
sequences of one length, so that no mask is needed. For CPUs: on CUDA, a launch for each length would take too long.

The products take the fused, pre-packed kernels of oneDNN where a CPU multiplies in bfloat16 (Intel oneDNN developer
guide, "inner product" with post-operations): bias, GELU and the sum with the residual happen in float32 inside the
product, before the one rounding. Embeddings, pooler and head stay in float32. Attention on a CPU in bfloat16 is two
batched products around a softmax: torch's flash kernel for CPUs took twice as long (12 heads of 64, 64 tokens).

Letters of shapes: T tokens of a batch, n sequences of one length L, h heads, d width of a head, H = h d.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from benchbert.training.layers import Block, Layers

__all__ = ["PackedEncoder", "head_alone"]

_ROUND = 64
"""Rows of a product are filled up to a multiple: oneDNN makes and keeps a kernel for every number of rows it sees."""

_POINTWISE = {"gelu": ("gelu", "none"), "gelu_new": ("gelu", "tanh"), "relu": ("relu", "")}
"""Activation -> post-operation of a product and its algorithm."""


@dataclass(frozen=True)
class _Dense:
    """A linear layer in the compute dtype, packed for oneDNN where it has a kernel for it."""

    weight: torch.Tensor
    """Of shape (outputs, inputs), or packed."""
    bias: torch.Tensor
    """Of shape (outputs,)."""
    packed: bool
    """Whether the weight is oneDNN's."""

    @classmethod
    def of(cls, weight: torch.Tensor, bias: torch.Tensor, dtype: torch.dtype) -> _Dense:
        """From float32 tensors, which are left as they are."""
        weight, bias = weight.detach().to(dtype).contiguous(), bias.detach().to(dtype)
        if packed := _has_packed_products(weight):
            weight = torch.ops.mkldnn._reorder_linear_weight(weight, 1024)
        return cls(weight, bias, packed)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Of shape (T, outputs)."""
        if self.packed:
            found: torch.Tensor = torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, "none", [], "")
            return found
        return functional.linear(x, self.weight, self.bias)

    def activated(self, x: torch.Tensor, activation: str) -> torch.Tensor:
        """With an activation behind it, of shape (T, outputs)."""
        if self.packed:
            name, algorithm = _POINTWISE[activation]
            found: torch.Tensor = torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, name, [], algorithm)
            return found
        made = functional.linear(x, self.weight, self.bias)
        if activation == "relu":
            return functional.relu(made)
        return functional.gelu(made, approximate=_POINTWISE[activation][1])

    def plus(self, x: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        """With a residual added, of shape (T, outputs)."""
        if self.packed:
            found: torch.Tensor = torch.ops.mkldnn._linear_pointwise.binary(x, residual, self.weight, self.bias, "add")
            return found
        return functional.linear(x, self.weight, self.bias) + residual


def _has_packed_products(weight: torch.Tensor) -> bool:
    """Whether oneDNN packs weights of this dtype here; what it is asked by is not part of torch's public interface."""
    if weight.dtype != torch.bfloat16 or not torch.backends.mkldnn.enabled:
        return False
    names = ("_reorder_linear_weight", "_linear_pointwise", "_is_mkldnn_bf16_supported")
    operations: Any = torch.ops.mkldnn
    return all(hasattr(operations, name) for name in names) and bool(operations._is_mkldnn_bf16_supported())


@dataclass(frozen=True, kw_only=True)
class _Weights:
    """One block in the compute dtype."""

    qkv: _Dense
    """Queries (already scaled by d ** -0.5), keys and values at once, of shape (3 H, H)."""
    output: _Dense
    """As in `Block`."""
    inner: _Dense
    """As in `Block`."""
    outer: _Dense
    """As in `Block`."""
    attention_norm: nn.LayerNorm
    """As in `Block`."""
    final_norm: nn.LayerNorm
    """As in `Block`."""

    @classmethod
    def of(cls, block: Block, heads: int, dtype: torch.dtype) -> _Weights:
        """Rounds a block's weights; the block itself stays as it is."""
        scale = (block.query.out_features // heads) ** -0.5
        # Rounded before they are joined: half the bytes to copy.
        weight = torch.cat(
            [part.to(dtype) for part in (block.query.weight * scale, block.key.weight, block.value.weight)]
        )
        bias = torch.cat([part.to(dtype) for part in (block.query.bias * scale, block.key.bias, block.value.bias)])
        return cls(
            qkv=_Dense.of(weight, bias, dtype),
            output=_Dense.of(block.output.weight, block.output.bias, dtype),
            inner=_Dense.of(block.inner.weight, block.inner.bias, dtype),
            outer=_Dense.of(block.outer.weight, block.outer.bias, dtype),
            attention_norm=block.attention_norm,
            final_norm=block.final_norm,
        )


class PackedEncoder:
    """The hidden states of packed sequences."""

    def __init__(self, layers: Layers, dtype: torch.dtype) -> None:
        """Rounds and packs the weights.

        Args:
            layers: the encoder, in float32, on the CPU.
            dtype: compute dtype of the blocks.
        """
        self._layers, self._dtype = layers, dtype
        made: dict[int, _Weights] = {}
        for block in layers.blocks:
            # ALBERT's one block is packed once.
            made.setdefault(id(block.inner), _Weights.of(block, layers.heads, dtype))
        self._blocks = [made[id(block.inner)] for block in layers.blocks]

    def __call__(
        self, ids: torch.Tensor, types: torch.Tensor, positions: torch.Tensor, lengths: Sequence[int]
    ) -> torch.Tensor:
        """Hidden states of the last block, of shape (T, H), in the compute dtype.

        Args:
            ids: token ids, one sequence after another, of shape (T,).
            types: segments, of shape (T,).
            positions: place of each token in its sequence, of shape (T,).
            lengths: tokens of each sequence, in order; equal ones stand together.
        """
        x = self._layers.embed(ids[None], types[None], positions[None])[0].to(self._dtype)
        tokens = len(x)
        x = functional.pad(x, (0, 0, 0, -tokens % _ROUND))
        groups = [(length, len(list(same))) for length, same in groupby(lengths)]
        for block in self._blocks:
            context = self._attention(block.qkv(x), groups)
            x = _normed(block.attention_norm, block.output.plus(context, x))
            inner = block.inner.activated(x, self._layers.activation)
            x = _normed(block.final_norm, block.outer.plus(inner, x))
        return x[:tokens]

    def pool(self, first: torch.Tensor) -> torch.Tensor | None:
        """What the model's pooler makes of first tokens of shape (n, 1, H) in float32: (n, H); None: it has none."""
        return None if self._layers.pool is None else self._layers.pool(first)

    def _attention(self, qkv: torch.Tensor, groups: Sequence[tuple[int, int]]) -> torch.Tensor:
        """Contexts of shape (rows, H) from queries, keys and values of shape (rows, 3 H); 0 past the tokens."""
        heads, width = self._layers.heads, qkv.shape[1] // 3
        context = qkv.new_zeros(len(qkv), width)
        start = 0
        for length, count in groups:
            stop = start + length * count
            parts = qkv[start:stop].view(count, length, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
            found = _attend(parts)
            context[start:stop].view(count, length, heads, width // heads).copy_(found.transpose(1, 2))
            start = stop
        return context


def _attend(parts: torch.Tensor) -> torch.Tensor:
    """Softmax attention of (queries, keys, values) of shape (3, n, h, L, d), queries already scaled: (n, h, L, d)."""
    if parts.dtype != torch.bfloat16:
        query, key, value = parts
        return functional.scaled_dot_product_attention(query, key, value, scale=1.0)
    count, heads = parts.shape[1:3]
    query, key, value = parts.reshape(3, count * heads, *parts.shape[3:])
    shares = torch.bmm(query, key.transpose(1, 2)).softmax(dim=-1)
    return torch.bmm(shares, value).view(count, heads, *parts.shape[3:])


def _normed(norm: nn.LayerNorm, x: torch.Tensor) -> torch.Tensor:
    """Layer norm, its sums and weights in float32, the result in the dtype of x."""
    return functional.layer_norm(x, norm.normalized_shape, norm.weight, norm.bias, norm.eps)


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
