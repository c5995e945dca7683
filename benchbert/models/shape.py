"""The matrix products, tables and norms of an encoder, from which parameters and FLOPs are counted without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Linear", "Shape", "setting"]


@dataclass(frozen=True, kw_only=True)
class Linear:
    """Linear layers (with bias) of one size."""

    inputs: int
    """Width of the input."""
    outputs: int
    """Width of the output."""
    stored: int = 1
    """How many of them have weights of their own."""
    executed: int = 1
    """How often one of them runs in a forward pass."""
    pooled: bool = False
    """Whether it sees one position of a sequence (the pooler) instead of all."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """An encoder with its pooler, as counts."""

    stored_layers: int
    """Transformer layers with weights of their own."""
    executed_layers: int
    """Transformer layers that a forward pass runs through."""
    attention_width: int
    """Heads x head size: width of queries, keys and values."""
    tables: tuple[tuple[int, int], ...]
    """(rows, width) of each embedding table."""
    linears: tuple[Linear, ...]
    """All linear layers."""
    normalised: int
    """Widths of all stored norms, summed; each has a weight and a bias of its width."""

    @property
    def embedding_parameters(self) -> int:
        """Entries of the embedding tables."""
        return sum(rows * width for rows, width in self.tables)

    @property
    def parameters(self) -> int:
        """Stored parameters."""
        linear = sum(one.stored * (one.inputs + 1) * one.outputs for one in self.linears)
        return self.embedding_parameters + linear + 2 * self.normalised

    def flops(self, sequence_length: int) -> int:
        """2 x multiply-adds of the matrix products for one sequence of that many tokens, attention included."""
        products = sum(
            one.executed * one.inputs * one.outputs * (1 if one.pooled else sequence_length) for one in self.linears
        )
        # Scores (queries x keys) and context (scores x values), each sequence x sequence x width.
        attention = self.executed_layers * 2 * sequence_length**2 * self.attention_width
        return 2 * (products + attention)


def setting(config: Any, *names: str) -> Any:
    """A setting of a transformers config, or of a mapping of its keyword arguments, under the first name that it has.

    Raises:
        KeyError: it has none of the names.
    """
    for name in names:
        if isinstance(config, Mapping):
            if name in config:
                return config[name]
        elif hasattr(config, name):
            return getattr(config, name)
    raise KeyError(names[0])
