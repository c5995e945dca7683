"""The weights of an encoder of post-norm Transformer blocks by their part in the block, whatever its family calls them.

What is here is decided by structure: BERT, DistilBERT and ALBERT compute the same block (Devlin et al. 2019, arXiv
1810.04805; Vaswani et al. 2017, arXiv 1706.03762) under three sets of names. Other families have no description, and
are run as transformers writes them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

__all__ = ["Block", "Layers", "describe"]


@dataclass(frozen=True, kw_only=True)
class Block:
    """One Transformer block: attention, add and norm, feed-forward, add and norm."""

    query: nn.Linear
    """To queries, of shape (hidden, hidden)."""
    key: nn.Linear
    """To keys."""
    value: nn.Linear
    """To values."""
    output: nn.Linear
    """From the heads' contexts back to the stream."""
    attention_norm: nn.LayerNorm
    """After the attention's sum."""
    inner: nn.Linear
    """To the feed-forward width."""
    outer: nn.Linear
    """From the feed-forward width."""
    final_norm: nn.LayerNorm
    """After the feed-forward's sum."""
    attention_dropout: nn.Dropout
    """On the attention's shares."""
    output_dropout: nn.Dropout | None
    """Before the attention's sum; None: the family has none there."""
    outer_dropout: nn.Dropout | None
    """Before the feed-forward's sum; None: the family has none there."""


@dataclass(frozen=True, kw_only=True)
class Layers:
    """An encoder, taken apart."""

    embed: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
    """(ids, token types, positions), each of shape (1, tokens), to (1, tokens, hidden), in float32."""
    blocks: tuple[Block, ...]
    """In the order in which they run; ALBERT's are one block, several times."""
    heads: int
    """Attention heads of each block."""
    activation: str
    """Between the feed-forward's halves: `gelu` (exact), `gelu_new` (its tanh form) or `relu`."""
    pool: Callable[[torch.Tensor], torch.Tensor] | None
    """First tokens of shape (sequences, 1, hidden) to (sequences, hidden); None: the model has no pooler."""


def describe(base: Any) -> Layers | str:
    """The parts of an encoder of transformers, or why it is not taken apart."""
    kind = type(base).__name__
    make = _FAMILIES.get(kind)
    if make is None:
        return f"{kind} is run as transformers writes it"
    if getattr(base.config, "is_decoder", False) or getattr(base.config, "add_cross_attention", False):
        return f"{kind} as a decoder is run as transformers writes it"
    layers = make(base)
    if strange := _replaced(layers):
        return f"{kind} with a {strange} in its blocks is run as transformers writes it"
    if layers.activation not in {"gelu", "gelu_new", "relu"}:
        return f"{kind} with the activation {layers.activation!r} is run as transformers writes it"
    return layers


def _replaced(layers: Layers) -> str:
    """Kind of a module that somebody put in the place of a linear layer or norm (adapters do so); empty: there is none.

    Taken apart, only weights are used: what such a module computes besides would be lost. So would what a hook does.
    """
    plain = {"query", "key", "value", "output", "inner", "outer"}
    for block in layers.blocks:
        for name in (*plain, "attention_norm", "final_norm"):
            module = getattr(block, name)
            if type(module) is not (nn.Linear if name in plain else nn.LayerNorm):
                return type(module).__name__
            if module._forward_hooks or module._forward_pre_hooks:
                return f"{type(module).__name__} with hooks"
    return ""


def _bert(base: Any) -> Layers:
    blocks = tuple(
        Block(
            query=layer.attention.self.query,
            key=layer.attention.self.key,
            value=layer.attention.self.value,
            output=layer.attention.output.dense,
            attention_norm=layer.attention.output.LayerNorm,
            inner=layer.intermediate.dense,
            outer=layer.output.dense,
            final_norm=layer.output.LayerNorm,
            attention_dropout=layer.attention.self.dropout,
            output_dropout=layer.attention.output.dropout,
            outer_dropout=layer.output.dropout,
        )
        for layer in base.encoder.layer
    )
    return Layers(
        embed=lambda ids, types, positions: base.embeddings(
            input_ids=ids, token_type_ids=types, position_ids=positions
        ),
        blocks=blocks,
        heads=base.config.num_attention_heads,
        activation=base.config.hidden_act,
        pool=base.pooler,
    )


def _distilbert(base: Any) -> Layers:
    blocks = tuple(
        Block(
            query=layer.attention.q_lin,
            key=layer.attention.k_lin,
            value=layer.attention.v_lin,
            output=layer.attention.out_lin,
            attention_norm=layer.sa_layer_norm,
            inner=layer.ffn.lin1,
            outer=layer.ffn.lin2,
            final_norm=layer.output_layer_norm,
            attention_dropout=layer.attention.dropout,
            output_dropout=None,
            outer_dropout=layer.ffn.dropout,
        )
        for layer in base.transformer.layer
    )
    return Layers(
        embed=lambda ids, types, positions: base.embeddings(input_ids=ids, position_ids=positions),
        blocks=blocks,
        heads=base.config.n_heads,
        activation=base.config.activation,
        pool=None,
    )


def _albert(base: Any) -> Layers:
    encoder, config = base.encoder, base.config
    run = []
    for number in range(config.num_hidden_layers):
        group = int(number / (config.num_hidden_layers / config.num_hidden_groups))
        run.extend(encoder.albert_layer_groups[group].albert_layers)
    blocks = tuple(
        Block(
            query=layer.attention.query,
            key=layer.attention.key,
            value=layer.attention.value,
            output=layer.attention.dense,
            attention_norm=layer.attention.LayerNorm,
            inner=layer.ffn,
            outer=layer.ffn_output,
            final_norm=layer.full_layer_layer_norm,
            attention_dropout=layer.attention.attention_dropout,
            output_dropout=layer.attention.output_dropout,
            # transformers makes a module for this place and never calls it.
            outer_dropout=None,
        )
        for layer in run
    )

    def embed(ids: torch.Tensor, types: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        narrow = base.embeddings(input_ids=ids, token_type_ids=types, position_ids=positions)
        wide: torch.Tensor = encoder.embedding_hidden_mapping_in(narrow)
        return wide

    def pool(first: torch.Tensor) -> torch.Tensor:
        pooled: torch.Tensor = base.pooler_activation(base.pooler(first[:, 0]))
        return pooled

    return Layers(
        embed=embed,
        blocks=blocks,
        heads=config.num_attention_heads,
        activation=config.hidden_act,
        pool=pool if base.pooler is not None else None,
    )


_FAMILIES: dict[str, Callable[[Any], Layers]] = {
    "BertModel": _bert,
    "DistilBertModel": _distilbert,
    "AlbertModel": _albert,
}
"""Class of the encoder -> what takes it apart. MobileBERT's bottlenecks are another block."""
