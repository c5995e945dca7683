"""What the hooks see, against the models' own outputs and against their weights, in every family."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch.nn import functional

from benchbert.distillation.states import States, Wanted, watched
from benchbert.models.adapter import adapter_for
from tests.models.small_models import CONFIGS, build

CASES: list[dict[str, Any]] = [
    *CONFIGS.values(),
    {**CONFIGS["albert"], "num_hidden_layers": 5, "num_hidden_groups": 2, "inner_group_num": 2},
    {**CONFIGS["mobilebert"], "use_bottleneck_attention": True},
]
FAMILIES = [(config["model_type"], config) for config in CASES] + [
    (name, CONFIGS["bert"]) for name in ("tinybert", "minilm")
]
IDS = torch.arange(18).view(3, 6) + 5
MASK = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 0]])


def seen(family: str, model: Any) -> tuple[States, Any]:
    """Everything that there is to see, and the model's own account of it."""
    adapter = adapter_for(family)
    depth = len(adapter.layers(model))
    wanted = Wanted(hidden=frozenset(range(depth + 1)), attention=frozenset(range(depth)))
    eager = model.config._attn_implementation == "eager"
    with torch.no_grad(), watched(adapter, model, wanted) as states:
        outputs = model(IDS, attention_mask=MASK, output_hidden_states=True, output_attentions=eager)
    return states, outputs


@pytest.mark.parametrize(("family", "config"), FAMILIES)
def test_hidden_states_and_attention_are_the_model_s_own(family: str, config: dict[str, Any]) -> None:
    model = build(config, "AutoModelForMaskedLM")
    states, outputs = seen(family, model)
    assert sorted(states.hidden) == list(range(len(outputs.attentions) + 1))
    for number, hidden in states.hidden.items():
        torch.testing.assert_close(hidden, outputs.hidden_states[number], rtol=0, atol=0)
    padding = (MASK == 0)[:, None, None, :]
    for layer, expected in enumerate(outputs.attentions):
        found = states.scores(layer).masked_fill(padding, -torch.inf).softmax(-1)
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(("family", "config"), FAMILIES)
def test_fused_attention_shows_the_same_states(family: str, config: dict[str, Any]) -> None:
    eager, fused = (seen(family, build(config, "AutoModelForMaskedLM", way))[0] for way in ("eager", "sdpa"))
    real = MASK.bool()
    for role in ("hidden", "queries", "keys", "values"):
        ours, theirs = getattr(eager, role), getattr(fused, role)
        assert ours.keys() == theirs.keys()
        for number, tensor in ours.items():
            torch.testing.assert_close(tensor[real], theirs[number][real], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("family", ["bert", "distilbert", "albert", "mobilebert"])
def test_queries_keys_and_values_are_those_of_the_weights(family: str) -> None:
    model = build(CONFIGS[family])
    states, _ = seen(family, model)
    for number, layer in enumerate(adapter_for(family).layers(model)):
        came_in = states.hidden[number]
        asked = came_in
        if family == "mobilebert":
            narrow = layer.bottleneck.attention
            asked = narrow.LayerNorm(functional.linear(came_in, narrow.dense.weight, narrow.dense.bias))
        inner = {"distilbert": lambda at: at.attention, "albert": lambda at: at.attention}.get(
            family, lambda at: at.attention.self
        )(layer)
        names = ("q_lin", "k_lin", "v_lin") if family == "distilbert" else ("query", "key", "value")
        sources = (asked, asked, came_in)
        kept = (states.queries[number], states.keys[number], states.values[number])
        for name, source, found in zip(names, sources, kept, strict=True):
            linear = getattr(inner, name)
            torch.testing.assert_close(found, source @ linear.weight.T + linear.bias)
        width, heads = states.queries[number].shape[-1], states.taps[number].heads
        size = width // heads
        first = states.queries[number][0, :, :size] @ states.keys[number][0, :, :size].T / math.sqrt(size)
        torch.testing.assert_close(states.scores(number)[0, 0], first)


def hooks(model: Any) -> int:
    return sum(len(part._forward_hooks) + len(part._forward_pre_hooks) for part in model.modules())


@pytest.mark.parametrize("family", ["bert", "albert"])
def test_hooks_are_gone_afterwards_whatever_happened(family: str) -> None:
    model, adapter = build(CONFIGS[family]), adapter_for(family)
    before = hooks(model)
    everything = Wanted(hidden=frozenset({0, 1}), attention=frozenset({1}))
    with watched(adapter, model, everything):
        assert hooks(model) > before
    assert hooks(model) == before
    with pytest.raises(ZeroDivisionError), watched(adapter, model, everything):
        raise ZeroDivisionError
    assert hooks(model) == before
    with pytest.raises(IndexError), watched(adapter, model, Wanted(attention=frozenset({99}))):
        raise AssertionError
    assert hooks(model) == before


def test_only_what_is_wanted_is_kept() -> None:
    model, adapter = build(CONFIGS["albert"]), adapter_for("albert")
    with watched(adapter, model, Wanted(hidden=frozenset({2}), attention=frozenset({1}))) as states:
        model(IDS)
    assert list(states.hidden) == [2]
    assert list(states.queries) == list(states.values) == [1]
    with watched(adapter, model, Wanted()) as states:
        model(IDS)
    assert not states.hidden
