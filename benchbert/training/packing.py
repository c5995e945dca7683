"""Where the tokens of a padded batch stand when its padding is left out and equal lengths are put side by side."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch

__all__ = ["Group", "Packing"]


@dataclass(frozen=True)
class Group:
    """Sequences of one length, one after another."""

    start: int
    """Place of their first token among all tokens of the batch."""
    first: int
    """Place of the first of them among the packed sequences."""
    count: int
    """Sequences."""
    length: int
    """Tokens of each."""

    @property
    def stop(self) -> int:
        """Place after their last token."""
        return self.start + self.count * self.length


@dataclass(frozen=True, kw_only=True)
class Packing:
    """A batch of n sequences and T tokens without its padding, shortest sequences first."""

    shape: tuple[int, int]
    """Of the padded batch: (batch, seq)."""
    places: torch.Tensor
    """Place of each packed token in the padded batch, flat, of shape (T,)."""
    positions: torch.Tensor
    """Position of each packed token in its sequence, of shape (T,)."""
    firsts: torch.Tensor
    """Packed place of the first token of each packed sequence, of shape (n,)."""
    rows: torch.Tensor
    """Packed number of each sequence of the padded batch, of shape (n,)."""
    groups: tuple[Group, ...]
    """The sequences by length."""

    @classmethod
    def of(cls, shape: tuple[int, int], attention_mask: torch.Tensor | None = None) -> Packing:
        """Of a batch padded on the right.

        Args:
            shape: (batch, seq).
            attention_mask: 0 on padding, of that shape; None: there is none.
        """
        batch, longest = shape
        padded = np.full(batch, longest) if attention_mask is None else attention_mask.sum(1).numpy()
        order = np.argsort(padded, kind="stable")
        lengths = padded[order]
        firsts = np.cumsum(lengths) - lengths
        positions = np.arange(int(lengths.sum())) - np.repeat(firsts, lengths)
        groups: list[Group] = []
        for length, same in groupby(lengths.tolist()):
            before = groups[-1] if groups else Group(0, 0, 0, 0)
            groups.append(Group(before.stop, before.first + before.count, len(list(same)), length))
        arrays = {
            "places": np.repeat(order * longest, lengths) + positions,
            "positions": positions,
            "firsts": firsts,
            "rows": np.argsort(order, kind="stable"),
        }
        return cls(shape=shape, groups=tuple(groups), **{name: torch.from_numpy(a) for name, a in arrays.items()})

    def take(self, padded: torch.Tensor) -> torch.Tensor:
        """What stands at the packed tokens, of shape (T,), of a tensor of the padded shape."""
        return padded.flatten()[self.places]

    def padded(self, packed: torch.Tensor) -> torch.Tensor:
        """Rows of packed tokens, of shape (T, ...), in their places: of shape (batch, seq, ...), 0 in the padding."""
        batch, longest = self.shape
        found = packed.new_zeros(batch * longest, *packed.shape[1:]).index_copy(0, self.places, packed)
        return found.view(batch, longest, *packed.shape[1:])
