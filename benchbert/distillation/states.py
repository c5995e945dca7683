"""What a model computes on its way: hidden states, queries, keys and values of chosen layers, seen by forward hooks.

Any plain model of transformers will do, with any implementation of attention: the hooks are on the layers and on their
linear projections, which the family's adapter names, and scores are computed from queries and keys.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from benchbert.distillation.losses.precision import wide
from benchbert.models.adapter import AttentionTaps, FamilyAdapter

__all__ = ["States", "Wanted", "watched"]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which states to keep."""

    hidden: frozenset[int] = frozenset()
    """0: what enters the first layer; i: what leaves layer i - 1."""
    attention: frozenset[int] = frozenset()
    """Layers, from 0, whose queries, keys and values are kept."""

    def __or__(self, other: Wanted) -> Wanted:
        return Wanted(hidden=self.hidden | other.hidden, attention=self.attention | other.attention)


@dataclass(frozen=True, kw_only=True)
class States:
    """What was seen in one forward pass."""

    hidden: dict[int, Tensor] = field(default_factory=dict)
    """Hidden states of shape (batch, seq, hidden), numbered as in `Wanted`."""
    queries: dict[int, Tensor] = field(default_factory=dict)
    """Layer -> queries of all heads side by side, of shape (batch, seq, width)."""
    keys: dict[int, Tensor] = field(default_factory=dict)
    """Layer -> keys, of the same shape."""
    values: dict[int, Tensor] = field(default_factory=dict)
    """Layer -> values, of the same shape."""
    taps: dict[int, AttentionTaps] = field(default_factory=dict)
    """Layer -> its projections and heads."""

    def scores(self, layer: int) -> Tensor:
        """Attention scores of a layer before mask and softmax, of shape (batch, heads, seq, seq), at least float32."""
        return self.taps[layer].scores(wide(self.queries[layer]), wide(self.keys[layer]))


@contextmanager
def watched(adapter: FamilyAdapter, model: nn.Module, wanted: Wanted) -> Iterator[States]:
    """Keeps the wanted states of the one forward pass that runs inside; the hooks are gone afterwards in any event.

    Args:
        adapter: of the model's family.
        model: bare or with a head.
        wanted: which states; layers that there are.
    """
    layers = adapter.layers(model)
    states = States()
    handles: list[RemovableHandle] = []
    try:
        if 0 in wanted.hidden:
            handles.append(_watch_input(layers[0], states.hidden))
        # A shared layer runs many times, so its hooks count its runs.
        outputs = {i - 1: i for i in wanted.hidden if i > 0}
        handles += _watch_outputs(layers, outputs, states.hidden)
        states.taps.update({i: adapter.attention(layers[i]) for i in wanted.attention})
        taps = [adapter.attention(layer) for layer in layers] if wanted.attention else []
        chosen = {i: i for i in wanted.attention}
        for role, kept in (("query", states.queries), ("key", states.keys), ("value", states.values)):
            handles += _watch_outputs([getattr(tap, role) for tap in taps], chosen, kept)
        yield states
    finally:
        for handle in handles:
            handle.remove()


def _watch_input(layer: nn.Module, kept: dict[int, Tensor]) -> RemovableHandle:
    def hook(module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        kept.setdefault(0, inputs[0] if inputs else named["hidden_states"])

    return layer.register_forward_pre_hook(hook, with_kwargs=True)


def _watch_outputs(
    modules: list[nn.Module], chosen: dict[int, int], kept: dict[int, Tensor]
) -> Iterator[RemovableHandle]:
    """Hooks that keep the output of the chosen runs: place in `modules` -> number to keep it under."""
    runs: dict[int, list[int]] = {}
    for place, module in enumerate(modules):
        runs.setdefault(id(module), []).append(place)
    for places in runs.values():
        if not chosen.keys().isdisjoint(places):
            yield modules[places[0]].register_forward_hook(_keeper(places, chosen, kept))


def _keeper(
    places: Collection[int], chosen: dict[int, int], kept: dict[int, Tensor]
) -> Callable[[nn.Module, Any, Any], None]:
    waiting = iter(places)

    def hook(module: nn.Module, inputs: Any, output: Any) -> None:
        place = next(waiting, None)
        if place in chosen:
            kept[chosen[place]] = output[0] if isinstance(output, tuple) else output

    return hook
