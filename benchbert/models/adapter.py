"""What the rest of benchbert must know of a model family: where its layers are and what they cost.

`FamilyAdapter` is BERT; other families subclass it and stand as `ADAPTER` in their file of this folder, or in a module
that an entry point of the group `benchbert.models` names. Models are those of transformers, bare or with a head.
"""

from __future__ import annotations

import difflib
import importlib
import math
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from types import ModuleType
from typing import TYPE_CHECKING, Any

from benchbert.errors import BenchbertError, UnavailableError
from benchbert.models.shape import Linear, Shape, setting

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

__all__ = ["AttentionTaps", "FamilyAdapter", "MlmParts", "adapter_for", "family_of"]

_PACKAGE = "benchbert.models"


@dataclass(frozen=True, kw_only=True)
class AttentionTaps:
    """The projections of one layer's self-attention; hook their outputs to see queries, keys and values."""

    query: Module
    """Linear layer whose output, of shape (batch, seq, heads * head size), holds the queries."""
    key: Module
    """The same for the keys."""
    value: Module
    """The same for the values."""
    heads: int
    """Attention heads."""

    def split(self, projected: Tensor) -> Tensor:
        """A projection's output of shape (batch, seq, width) as (batch, heads, seq, head size)."""
        batch, length, width = projected.shape
        return projected.view(batch, length, self.heads, width // self.heads).transpose(1, 2)

    def scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Scaled attention scores before mask and softmax, of shape (batch, heads, seq, seq).

        Args:
            queries: output of `query`, of shape (batch, seq, width).
            keys: output of `key`, of the same shape.
        """
        query, key = self.split(queries), self.split(keys)
        return query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])


@dataclass(frozen=True, kw_only=True)
class MlmParts:
    """A masked-LM head as what is before its vocabulary projection, and the projection: x -> x weight^T + bias."""

    transform: Callable[[Tensor], Tensor]
    """Hidden states of shape (..., hidden) to what is projected, of shape (..., width)."""
    weight: Tensor
    """Of shape (vocabulary, width); its gradients reach the head's parameters."""
    bias: Tensor
    """Of shape (vocabulary,)."""


class FamilyAdapter:
    """BERT, and every family that is built as transformers builds BERT."""

    def __init__(self, name: str, *, model_type: str = "") -> None:
        self.name = name
        """Name of the family."""
        self.model_type = model_type or name
        """`model_type` of its transformers configs."""

    # --- parts of a model ---------------------------------------------------------------------------------------------

    def base_model(self, model: Module) -> Module:
        """The encoder (with its pooler, if it has one) of a model, bare or with a head."""
        base: Module = getattr(model, "base_model", model)
        return base

    def embeddings(self, model: Module) -> Module:
        """The module that makes the first hidden states."""
        return self._part(self.base_model(model), "embeddings")

    def layers(self, model: Module) -> list[Module]:
        """The layers in the order in which they run; a shared layer stands there once for each time it runs."""
        return list(self._parts(self.base_model(model), "encoder.layer"))

    def attention(self, layer: Module) -> AttentionTaps:
        """Projections and heads of one of `layers`. Hooks on a shared layer fire once for each time it runs."""
        inner: Any = self._part(layer, "attention.self")
        return AttentionTaps(query=inner.query, key=inner.key, value=inner.value, heads=int(inner.num_attention_heads))

    def mlm_head(self, model: Module) -> Module:
        """The masked-LM head: hidden states of shape (..., hidden) to logits of shape (..., vocabulary).

        Args:
            model: an AutoModelForMaskedLM or AutoModelForPreTraining; the head shares its parameters.
        """
        return self._part(model, "cls.predictions")

    def mlm_parts(self, model: Module) -> MlmParts:
        """The same head in two parts, so that logits may be made of chosen tokens, a few at a time."""
        head: Any = self.mlm_head(model)
        self._part(head, "transform")
        return MlmParts(transform=head.transform, weight=head.decoder.weight, bias=head.decoder.bias)

    def sentence_head(self, model: Module) -> Module:
        """The head of next-sentence or sentence-order prediction: pooled output of shape (batch, hidden) to (batch, 2).

        Args:
            model: an AutoModelForPreTraining of a family with a pooler.
        """
        return self._part(model, "cls.seq_relationship")

    # --- arithmetic of a config ---------------------------------------------------------------------------------------

    def shape(self, config: Any) -> Shape:
        """Encoder and pooler as counts.

        Args:
            config: a transformers config, or the mapping of its keyword arguments.
        """
        layers, hidden = setting(config, "num_hidden_layers"), setting(config, "hidden_size")
        intermediate = setting(config, "intermediate_size")
        rows = ("vocab_size", "max_position_embeddings", "type_vocab_size")
        return Shape(
            stored_layers=layers,
            executed_layers=layers,
            attention_width=hidden,
            tables=tuple((setting(config, name), hidden) for name in rows),
            linears=(
                Linear(inputs=hidden, outputs=hidden, stored=4 * layers, executed=4 * layers),
                Linear(inputs=hidden, outputs=intermediate, stored=layers, executed=layers),
                Linear(inputs=intermediate, outputs=hidden, stored=layers, executed=layers),
                Linear(inputs=hidden, outputs=hidden, pooled=True),
            ),
            normalised=hidden * (1 + 2 * layers),
        )

    def stored_layers(self, config: Any) -> int:
        """Layers that have weights of their own."""
        return self.shape(config).stored_layers

    def executed_layers(self, config: Any) -> int:
        """Layers that a forward pass runs through."""
        return self.shape(config).executed_layers

    def parameters(self, config: Any) -> int:
        """Stored parameters of encoder and pooler."""
        return self.shape(config).parameters

    def flops(self, config: Any, sequence_length: int) -> int:
        """2 x multiply-adds of the matrix products of encoder and pooler for one sequence; heads are not counted."""
        return self.shape(config).flops(sequence_length)

    # --- counts of a built model --------------------------------------------------------------------------------------

    def stored_parameters(self, model: Module) -> int:
        """Parameters of the encoder, and of its pooler where this model has one; shared ones once, heads not."""
        return sum(parameter.numel() for parameter in self.base_model(model).parameters())

    def executed_parameters(self, model: Module) -> int:
        """The same, with a shared layer counted once for each time it runs."""
        total, seen = self.stored_parameters(model), set[int]()
        for layer in self.layers(model):
            if id(layer) in seen:
                total += sum(parameter.numel() for parameter in layer.parameters())
            seen.add(id(layer))
        return total

    def embedding_parameters(self, model: Module) -> int:
        """Parameters of the embedding tables (tokens, positions, token types); not projections and norms."""
        from torch.nn import Embedding

        return sum(part.weight.numel() for part in self.embeddings(model).modules() if isinstance(part, Embedding))

    # ------------------------------------------------------------------------------------------------------------------

    def _part(self, module: Module, path: str) -> Module:
        """The submodule at a dotted path.

        Raises:
            UnavailableError: there is none: the model is of another family.
        """
        try:
            return module.get_submodule(path)
        except AttributeError:
            raise UnavailableError(
                f"a {type(module).__name__} has no {path!r}: it is no model of the family {self.name!r}"
            ) from None

    def _parts(self, module: Module, path: str) -> Iterator[Module]:
        """The children of the module list at a dotted path."""
        return self._part(module, path).children()


@cache
def _adapters() -> dict[str, FamilyAdapter]:
    """All adapters by name: those of this folder, then those of entry points."""
    folder = importlib.import_module(_PACKAGE)
    names = [f"{_PACKAGE}.{info.name}" for info in pkgutil.iter_modules(folder.__path__)]
    names += [point.module for point in entry_points(group=_PACKAGE)]
    found: dict[str, tuple[FamilyAdapter, ModuleType]] = {}
    for name in names:
        module = importlib.import_module(name)
        adapter = getattr(module, "ADAPTER", None)
        if adapter is None:
            continue
        other = found.setdefault(adapter.name, (adapter, module))[1]
        if other is not module:
            raise BenchbertError(f"two model families are named {adapter.name!r}, in {other.__name__} and {name}")
    return {name: adapter for name, (adapter, _) in found.items()}


def adapter_for(family: str) -> FamilyAdapter:
    """The adapter of a family.

    Raises:
        UnavailableError: no file and no entry point has one of that name.
    """
    known = _adapters()
    if family not in known:
        near = difflib.get_close_matches(family, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f" (known: {', '.join(known)})"
        raise UnavailableError(
            f"unknown model family {family!r}{hint}; a module with an ADAPTER in the entry-point group "
            f"{_PACKAGE!r} adds one"
        )
    return known[family]


def family_of(model_type: str) -> str:
    """The family that serves a `model_type` of transformers: the one of that name, else the first that claims it.

    Raises:
        UnavailableError: none does.
    """
    known = _adapters()
    claims = [name for name, adapter in known.items() if adapter.model_type == model_type]
    return claims[0] if claims and model_type not in claims else adapter_for(model_type).name
