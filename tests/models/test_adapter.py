"""Adapters against the models themselves: what they tap, count and list."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest
import torch
from small_models import CONFIGS, build
from torch.utils.flop_counter import FlopCounterMode

from benchbert.errors import BenchbertError, UnavailableError
from benchbert.models import adapter as adapter_module
from benchbert.models.adapter import FamilyAdapter, adapter_for, family_of

VARIANTS: list[dict[str, Any]] = [
    *CONFIGS.values(),
    {**CONFIGS["albert"], "num_hidden_layers": 5, "num_hidden_groups": 2, "inner_group_num": 2},
    {**CONFIGS["mobilebert"], "use_bottleneck_attention": True, "num_feedforward_networks": 1},
    {**CONFIGS["mobilebert"], "use_bottleneck": False, "trigram_input": False, "classifier_activation": True},
    {**CONFIGS["mobilebert"], "trigram_input": False, "embedding_size": 24},
]
HEADS = ("AutoModel", "AutoModelForSequenceClassification", "AutoModelForQuestionAnswering", "AutoModelForMaskedLM")
FAMILIES = sorted(CONFIGS)


@pytest.mark.parametrize("config", VARIANTS, ids=lambda c: c["model_type"])
@pytest.mark.parametrize("length", [7, 32])
def test_flops_are_those_that_torch_counts(config: dict[str, Any], length: int) -> None:
    model = build(config)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, length, dtype=torch.long))
    adapter = adapter_for(config["model_type"])
    assert adapter.flops(model.config, length) == counter.get_total_flops()
    assert adapter.flops(config, length) == counter.get_total_flops()


@pytest.mark.parametrize("config", VARIANTS, ids=lambda c: c["model_type"])
def test_counts_from_a_config_are_those_of_the_model(config: dict[str, Any]) -> None:
    model, adapter = build(config), adapter_for(config["model_type"])
    assert adapter.parameters(config) == sum(p.numel() for p in model.parameters()) == adapter.stored_parameters(model)
    tables = [p.numel() for n, p in model.named_parameters() if n.endswith("_embeddings.weight")]
    assert adapter.embedding_parameters(model) == sum(tables) == adapter.shape(config).embedding_parameters
    assert len(adapter.layers(model)) == adapter.executed_layers(config)
    assert len({id(layer) for layer in adapter.layers(model)}) == adapter.stored_layers(config)


@pytest.mark.parametrize("config", VARIANTS, ids=lambda c: c["model_type"])
def test_layers_run_in_the_listed_order(config: dict[str, Any]) -> None:
    model, adapter = build(config), adapter_for(config["model_type"])
    ran: list[Any] = []
    layers = adapter.layers(model)
    for layer in {id(layer): layer for layer in layers}.values():
        layer.register_forward_hook(lambda module, *_: ran.append(module))
    with torch.no_grad():
        model(torch.zeros(1, 4, dtype=torch.long))
    assert [id(m) for m in ran] == [id(m) for m in layers]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("head", HEADS)
def test_parts_are_found_with_any_head(family: str, head: str) -> None:
    model, adapter = build(CONFIGS[family], head), adapter_for(family)
    base = adapter.base_model(model)
    assert adapter.base_model(base) is base
    assert adapter.embeddings(model) is base.embeddings
    assert len(adapter.layers(model)) == adapter.executed_layers(model.config)
    # A head is not counted; a pooler that this head does without is not either.
    pooler = sum(p.numel() for n, p in build(CONFIGS[family]).named_parameters() if n.startswith("pooler"))
    assert adapter.parameters(model.config) - adapter.stored_parameters(model) in {0, pooler}


@pytest.mark.parametrize("family", FAMILIES)
def test_taps_give_the_attention_of_the_model(family: str) -> None:
    model, adapter = build(CONFIGS[family], "AutoModelForMaskedLM"), adapter_for(family)
    taps = [adapter.attention(layer) for layer in adapter.layers(model)]
    seen: dict[str, list[torch.Tensor]] = {"query": [], "key": [], "value": []}
    for tap in {id(tap.query): tap for tap in taps}.values():
        for role, outputs in seen.items():
            getattr(tap, role).register_forward_hook(lambda _m, _i, out, outputs=outputs: outputs.append(out))
    with torch.no_grad():
        attentions = model(torch.arange(12).view(2, 6), output_attentions=True).attentions
    assert len(attentions) == len(taps) == len(seen["query"]) == len(seen["value"])
    for tap, query, key, value, expected in zip(
        taps, seen["query"], seen["key"], seen["value"], attentions, strict=True
    ):
        scores = tap.scores(query, key)
        assert scores.shape == (2, tap.heads, 6, 6)
        torch.testing.assert_close(scores.softmax(-1), expected)
        assert tap.split(value).shape[:3] == (2, tap.heads, 6)


@pytest.mark.parametrize("family", FAMILIES)
def test_mlm_head_makes_the_models_logits_at_chosen_positions(family: str) -> None:
    model, adapter = build(CONFIGS[family], "AutoModelForMaskedLM"), adapter_for(family)
    ids = torch.arange(12).view(2, 6)
    chosen = torch.tensor([[True, False, True, False, False, True], [False] * 5 + [True]])
    with torch.no_grad():
        hidden = adapter.base_model(model)(ids).last_hidden_state
        logits = adapter.mlm_head(model)(hidden[chosen])
        expected = model(ids).logits[chosen]
    torch.testing.assert_close(logits, expected)
    own = {id(p) for p in model.parameters()}
    assert {id(p) for p in adapter.mlm_head(model).parameters()} <= own


@pytest.mark.parametrize("family", FAMILIES)
def test_the_parts_of_an_mlm_head_make_its_logits_and_reach_its_parameters(family: str) -> None:
    model, adapter = build(CONFIGS[family], "AutoModelForMaskedLM"), adapter_for(family)
    head, parts = adapter.mlm_head(model), adapter.mlm_parts(model)
    hidden = torch.randn(2, 5, model.config.hidden_size, generator=torch.Generator().manual_seed(0))
    logits = parts.transform(hidden) @ parts.weight.T + parts.bias
    torch.testing.assert_close(logits, head(hidden))
    logits.square().sum().backward()
    found = {name for name, p in head.named_parameters() if p.grad is not None}
    head.zero_grad()
    head(hidden).square().sum().backward()
    assert found == {name for name, p in head.named_parameters() if p.grad is not None}


def test_executed_parameters_count_a_shared_layer_each_time_it_runs() -> None:
    model, adapter = build(CONFIGS["albert"]), adapter_for("albert")
    layer = sum(p.numel() for p in model.encoder.albert_layer_groups[0].parameters())
    assert adapter.executed_parameters(model) == adapter.stored_parameters(model) + 2 * layer
    bert = build(CONFIGS["bert"])
    assert adapter_for("bert").executed_parameters(bert) == adapter_for("bert").stored_parameters(bert)


def test_a_model_of_another_family_is_an_error() -> None:
    with pytest.raises(UnavailableError, match="no model of the family 'bert'"):
        adapter_for("bert").layers(build(CONFIGS["distilbert"]))


def test_unknown_family_names_a_near_one() -> None:
    with pytest.raises(UnavailableError, match="did you mean 'mobilebert'"):
        adapter_for("mobilbert")


def test_family_of_a_model_type() -> None:
    assert [family_of(t) for t in ("bert", "albert", "distilbert")] == ["bert", "albert", "distilbert"]
    assert adapter_for("tinybert").model_type == "bert"
    with pytest.raises(UnavailableError, match="gpt2"):
        family_of("gpt2")


class _Point:
    def __init__(self, module: str) -> None:
        self.module = module


def _with_entry_point(monkeypatch: pytest.MonkeyPatch, adapter: FamilyAdapter) -> None:
    module = ModuleType("outside_family")
    module.ADAPTER = adapter  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "outside_family", module)
    monkeypatch.setattr(adapter_module, "entry_points", lambda group: [_Point("outside_family")])
    adapter_module._adapters.cache_clear()


def test_entry_points_add_families(monkeypatch: pytest.MonkeyPatch) -> None:
    outside = FamilyAdapter("funnel-bert", model_type="funnel")
    try:
        _with_entry_point(monkeypatch, outside)
        assert adapter_for("funnel-bert") is outside
        assert family_of("funnel") == "funnel-bert"
        _with_entry_point(monkeypatch, FamilyAdapter("albert"))
        with pytest.raises(BenchbertError, match="two model families are named 'albert'"):
            adapter_for("albert")
    finally:
        monkeypatch.undo()
        adapter_module._adapters.cache_clear()
