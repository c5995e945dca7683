"""Softmax attention of packed sequences: each token of a sequence attends to the tokens of that sequence alone.

On a CPU sequences of one length stand together, so that no mask is needed. In bfloat16 attention is two batched
products around a softmax: torch's flash kernel for CPUs took twice as long (12 heads of 64, 64 tokens). On CUDA one
kernel takes sequences of all lengths (`torch.nn.attention.varlen`, FlashAttention-2, Dao 2023, arXiv 2307.08691); that
has not been run in this project yet.

Letters of shapes: T tokens of a batch, n sequences, L tokens of each, h heads, d width of a head, H = h d.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import groupby

import numpy as np
import torch
from torch.nn import functional

from benchbert.training.batching import on_device

__all__ = ["GroupedAttention", "VarlenAttention", "attention_on", "why_not_varlen"]

_LANES = 32
"""Numbers of bfloat16 in a vector: torch's softmax over rows that fill none took ten times as long for each number."""

_WRONG = 0.1
"""Error of a context, for queries, keys and values of standard deviation 1, that no rounding explains."""

_LONG = 64
"""Keys from which on the copies of a turned softmax cost what it saves. For 13, 30 and 45 keys attention with it took a
third of the time, or half."""


class GroupedAttention:
    """Attention by sequences of one length. For CPUs: on CUDA, a launch for each length would take too long."""

    scales = False
    """Whether scores are scaled by d ** -0.5 here; False: the queries are to be."""

    def __init__(self, lengths: Sequence[int], heads: int, device: str) -> None:
        """For one batch.

        Args:
            lengths: tokens of each sequence, in order; equal ones stand together.
            heads: attention heads.
            device: `cpu`.
        """
        ends = torch.tensor(lengths).cumsum(0)
        self.starts = ends - ends.new_tensor(lengths)
        """Where each sequence starts, of shape (n,)."""
        self._groups = [(length, len(list(same))) for length, same in groupby(lengths)]
        self._heads = heads

    def __call__(self, qkv: torch.Tensor) -> torch.Tensor:
        """Contexts of all tokens.

        Args:
            qkv: queries (already scaled by d ** -0.5), keys and values, of shape (rows, 3 H); rows past the tokens are
                padding.

        Returns:
            Of shape (rows, H); 0 past the tokens.
        """
        width = qkv.shape[1] // 3
        context = qkv.new_zeros(len(qkv), width)
        start = 0
        for length, count in self._groups:
            stop = start + length * count
            query, key, value = self._by_head(qkv[start:stop], count, 3)
            found = _attend(query, key, value).view(count, self._heads, length, -1)
            context[start:stop].view(count, length, self._heads, -1).copy_(found.transpose(1, 2))
            start = stop
        return context

    def first(self, query: torch.Tensor, key_value: torch.Tensor) -> torch.Tensor:
        """Contexts of the first token of each sequence.

        Args:
            query: of those tokens, of shape (rows, H); rows past the n sequences are padding.
            key_value: keys and values of all tokens, of shape (rows, 2 H).

        Returns:
            Of shape (rows of `query`, H); 0 past the sequences.
        """
        context = torch.zeros_like(query)
        start = sequence = 0
        for length, count in self._groups:
            stop, until = start + length * count, sequence + count
            key, value = self._by_head(key_value[start:stop], count, 2)
            found = _attend(query[sequence:until].reshape(count * self._heads, 1, -1), key, value)
            context[sequence:until].copy_(found.view(count, -1))
            start, sequence = stop, until
        return context

    def _by_head(self, x: torch.Tensor, count: int, parts: int) -> torch.Tensor:
        """Tokens of one group, of shape (n L, parts H), as (parts, n h, L, d)."""
        length, width = len(x) // count, x.shape[1] // parts // self._heads
        apart = x.view(count, length, parts, self._heads, width).permute(2, 0, 3, 1, 4)
        return apart.reshape(parts, count * self._heads, length, width)


class VarlenAttention:
    """Attention of sequences of all lengths in one kernel. For CUDA, in half precision alone."""

    scales = True
    """As in `GroupedAttention`: no version of the kernel does without."""

    def __init__(self, lengths: Sequence[int], heads: int, device: str) -> None:
        """For one batch.

        Args:
            lengths: tokens of each sequence, in order.
            heads: attention heads.
            device: where hidden states are. Nothing here makes the host wait for it.
        """
        ends = np.cumsum([0, *lengths])
        self._ends = on_device(ends.astype(np.int32), device)
        self._ones = on_device(np.arange(len(ends), dtype=np.int32), device)
        self.starts = on_device(ends[:-1].astype(np.int64), device)
        """Where each sequence starts, of shape (n,)."""
        self._longest, self._heads = max(lengths), heads

    def __call__(self, qkv: torch.Tensor) -> torch.Tensor:
        """As `GroupedAttention`, of queries that are not scaled and without padding rows."""
        query, key, value = qkv.view(len(qkv), 3, self._heads, -1).unbind(1)
        return self._attend(query, key, value, self._ends, self._longest)

    def first(self, query: torch.Tensor, key_value: torch.Tensor) -> torch.Tensor:
        """As `GroupedAttention`, of queries that are not scaled and without padding rows."""
        key, value = key_value.view(len(key_value), 2, self._heads, -1).unbind(1)
        return self._attend(query.view(len(query), self._heads, -1), key, value, self._ones, 1)

    def _attend(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, query_ends: torch.Tensor, longest: int
    ) -> torch.Tensor:
        """Contexts of shape (queries, H) from parts of shape (tokens, h, d)."""
        from torch.nn.attention import varlen

        found = varlen.varlen_attn(query, key, value, query_ends, self._ends, longest, self._longest)
        assert isinstance(found, torch.Tensor), "only the contexts were asked for"
        return found.reshape(len(query), -1)


def attention_on(device: str) -> type[GroupedAttention] | type[VarlenAttention]:
    """What computes attention there."""
    return VarlenAttention if device.startswith("cuda") else GroupedAttention


@cache
def why_not_varlen(device: str, dtype: torch.dtype, heads: int, width: int) -> str:
    """Why `VarlenAttention` cannot be used; empty: it can. Tried on two short sequences, against plain products.

    Args:
        device: `cuda` or `cuda:N`.
        dtype: of the hidden states.
        heads: attention heads.
        width: of a head.
    """
    if dtype not in {torch.bfloat16, torch.float16}:
        return "packed attention on CUDA is for half precision alone"
    try:
        generator = torch.Generator().manual_seed(0)
        qkv = torch.randn(8, 3 * heads * width, generator=generator)
        found = VarlenAttention([5, 3], heads, device)(qkv.to(device, dtype)).float().cpu()
    except (ImportError, RuntimeError, TypeError, ValueError) as problem:
        said = str(problem).strip().splitlines()
        return f"torch has no packed attention here: {said[0] if said else type(problem).__name__}"
    scale = torch.ones(3 * heads * width)
    scale[: heads * width] = width**-0.5
    plain = GroupedAttention([5, 3], heads, "cpu")(qkv * scale)
    largest = float((found - plain).abs().max())
    return "" if largest < _WRONG else f"torch's packed attention errs by {largest:.2g} here"


def _attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """Softmax attention of queries, already scaled, of shape (n h, L, d): the same shape."""
    if query.dtype != torch.bfloat16:
        return functional.scaled_dot_product_attention(query, key, value, scale=1.0)
    return torch.bmm(_shares(query, key), value)


def _shares(query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    """Softmax over the keys of the scores, of shape (n h, queries, keys)."""
    keys = key.shape[1]
    if keys >= _LONG or not keys % _LANES:
        return torch.bmm(query, key.transpose(1, 2)).softmax(dim=-1)
    # With the keys outermost, the sums run over whole vectors, whatever the number of keys.
    scores = torch.bmm(key, query.transpose(1, 2)).transpose(0, 1).contiguous()
    return scores.softmax(dim=0).transpose(0, 1).contiguous().transpose(1, 2)
