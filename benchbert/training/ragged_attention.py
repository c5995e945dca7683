"""Softmax attention within packed sequences, with its gradient, group by group of one length.

As autocast computes it: products in the dtype of the inputs. The softmax and its gradient are in float32, which is also
several times faster than torch's bfloat16 kernels for short rows.

Letters of shapes: T tokens, n sequences of a group, L their length, h heads, d width of a head, H = h d; Q queries a
sequence, which is L, or 1 where only first tokens ask.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn

from benchbert.training.dropout import Kept, Masks
from benchbert.training.packing import Group

__all__ = ["attend"]


def attend(
    query: torch.Tensor | None,
    packed: torch.Tensor,
    groups: Sequence[Group],
    *,
    heads: int,
    dropout: nn.Dropout,
    masks: Masks,
) -> torch.Tensor:
    """Contexts of shape (T, H), or of shape (sequences, H) where only first tokens ask.

    Args:
        query: queries of the first tokens, of shape (sequences, H); None: every token asks, and its query is packed.
        packed: keys and values side by side, of shape (T, 2 H), or queries, keys and values, of shape (T, 3 H).
        groups: the sequences by length.
        heads: attention heads.
        dropout: on the shares.
        masks: of this forward pass.
    """
    apply: Any = _Attention.apply
    found: torch.Tensor = apply(query, packed, groups, heads, dropout, masks)
    return found


class _Attention(torch.autograd.Function):
    """Saved for each group: the shares before dropout, and the mask."""

    @staticmethod
    def forward(
        ctx: Any,
        query: torch.Tensor | None,
        packed: torch.Tensor,
        groups: Sequence[Group],
        heads: int,
        dropout: nn.Dropout,
        masks: Masks,
    ) -> torch.Tensor:
        """See `attend`."""
        width = packed.shape[1] // 3 if query is None else query.shape[1]
        context = packed.new_empty(len(packed) if query is None else len(query), width)
        saved: list[torch.Tensor | None] = []
        scale = 1.0
        for group, rows, (q, k, v) in _split(query, packed, groups, heads):
            scores = torch.bmm(q, k.transpose(1, 2)).to(_wide(packed.dtype)).mul_(q.shape[-1] ** -0.5)
            shares = scores.softmax(dim=-1).to(packed.dtype)
            kept = masks.draw(dropout, shares.shape, shares.dtype)
            scale = kept.scale
            found = torch.bmm(kept(shares), v).view(group.count, heads, -1, q.shape[-1])
            torch.mul(found.transpose(1, 2), scale, out=context[rows].view(group.count, -1, heads, q.shape[-1]))
            saved += [shares, kept.mask]
        ctx.save_for_backward(query, packed, *saved)
        ctx.groups, ctx.heads, ctx.scale = groups, heads, scale
        return context

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Of queries and of what is packed."""
        query, packed, *saved = ctx.saved_tensors
        of_query = None if query is None else torch.empty_like(query)
        of_packed = torch.empty_like(packed)
        parts = zip(
            _split(query, packed, ctx.groups, ctx.heads),
            _split(of_query, of_packed, ctx.groups, ctx.heads, copied=False),
            zip(saved[::2], saved[1::2], strict=True),
            strict=True,
        )
        for (group, rows, (q, k, v)), (_, _, targets), (shares, mask) in parts:
            kept = Kept(mask, ctx.scale)
            of_context = _by_head(gradient[rows] * ctx.scale, group.count, ctx.heads)
            of_value = torch.bmm(kept(shares).transpose(1, 2), of_context)
            of_shares = kept(torch.bmm(of_context, v.transpose(1, 2))).to(_wide(packed.dtype))
            wide = shares.to(of_shares.dtype)
            of_scores = torch.ops.aten._softmax_backward_data(of_shares, wide, -1, wide.dtype)
            of_scores = of_scores.mul_(q.shape[-1] ** -0.5).to(packed.dtype)
            found = (torch.bmm(of_scores, k), torch.bmm(of_scores.transpose(1, 2), q), of_value)
            for target, part in zip(targets, found, strict=True):
                target.copy_(part.view(group.count, ctx.heads, *part.shape[1:]))
        return of_query, of_packed, None, None, None, None


def _wide(dtype: torch.dtype) -> torch.dtype:
    """At least float32."""
    return torch.promote_types(dtype, torch.float32)


def _split(
    query: torch.Tensor | None, packed: torch.Tensor, groups: Sequence[Group], heads: int, *, copied: bool = True
) -> Iterator[tuple[Group, slice, tuple[torch.Tensor, ...]]]:
    """(group, its rows of queries, (queries, keys, values)): each of shape (n h, tokens, d), or, where they are not
    copied but are to be written to, (n, h, tokens, d).
    """
    width = packed.shape[1] // 3 if query is None else query.shape[1]
    for group in groups:
        inside = slice(group.start, group.stop)
        columns = list(torch.split(packed[inside], width, dim=1))
        rows = inside
        if query is not None:
            rows = slice(group.first, group.first + group.count)
            columns.insert(0, query[rows])
        if copied:
            yield group, rows, tuple(_by_head(column, group.count, heads) for column in columns)
        else:
            yield group, rows, tuple(_heads(column, group.count, heads) for column in columns)


def _heads(x: torch.Tensor, count: int, heads: int) -> torch.Tensor:
    """Rows of `count` sequences, of shape (n tokens, H), as a view of shape (n, h, tokens, d)."""
    return x.view(count, len(x) // count, heads, x.shape[1] // heads).transpose(1, 2)


def _by_head(x: torch.Tensor, count: int, heads: int) -> torch.Tensor:
    """The same, of shape (n h, tokens, d)."""
    return _heads(x, count, heads).flatten(0, 1)
