"""A packed model computes what transformers computes on the padded batch: outputs, gradients, and dropout's places."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from benchbert.training.batching import make_batch, model_inputs
from benchbert.training.packed_model import PackedModel, trained_model
from tests.training.test_engine import FAMILIES, HEADS, PACKED, examples, model

OUTPUTS = ("logits", "start_logits", "end_logits")


def network(family: str, head: str, dropout: float = 0.0, **settings: Any) -> Any:
    made = model(family, head, **settings).train()
    for module in made.modules():
        if isinstance(module, nn.Dropout):
            module.p = dropout
    return made


def inputs(made: Any, count: int = 19) -> dict[str, torch.Tensor]:
    """Ragged sequences in no order."""
    order = np.random.default_rng(1).permutation(count)
    return make_batch(examples(count), order, 0, "cpu", model_inputs(made)).inputs


def outputs(call: Any, given: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Of real tokens, or of sequences."""
    found = call(**given)
    real = given["attention_mask"].bool()
    values = {name: found[name] for name in OUTPUTS if name in found}
    return {name: v[real] if v.shape[:2] == real.shape else v for name, v in values.items()}


def gradients(made: Any, call: Any, given: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Of all parameters, for a random linear function of all outputs."""
    made.zero_grad()
    generator = torch.Generator().manual_seed(2)
    found = outputs(call, given)
    torch.stack([(v * torch.randn(v.shape, generator=generator)).sum() for v in found.values()]).sum().backward()
    return {name: p.grad.clone() for name, p in made.named_parameters() if p.grad is not None}


def assert_close(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor], relative: float) -> None:
    assert found.keys() == expected.keys()
    whole = torch.cat([value.flatten() for value in expected.values()]).norm()
    for name, value in expected.items():
        # Keys' biases have no effect, so their gradients are rounding alone: small beside all others.
        assert float((found[name] - value).norm()) <= relative * float(max(value.norm(), 0.01 * whole)), name


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("family", sorted(PACKED))
def test_outputs_and_gradients_are_those_of_the_padded_model(family: str, head: str) -> None:
    made = network(family, head)
    given, packed = inputs(made), trained_model(made, "cpu")
    assert isinstance(packed, PackedModel)
    with torch.no_grad():
        expected, found = outputs(made, given), outputs(packed, given)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-5, atol=1e-5)
    assert_close(gradients(made, packed, given), gradients(made, made, given), 1e-5)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("family", sorted(PACKED))
def test_gradients_in_float64_agree_to_the_last_digits(family: str, head: str) -> None:
    made = network(family, head).double()
    given = inputs(made)
    assert_close(gradients(made, trained_model(made, "cpu"), given), gradients(made, made, given), 1e-9)


@pytest.mark.parametrize("activation", ["gelu", "gelu_new", "relu"])
def test_activations(activation: str) -> None:
    made = network("bert", "SequenceClassification", hidden_act=activation)
    given = inputs(made)
    assert_close(gradients(made, trained_model(made, "cpu"), given), gradients(made, made, given), 1e-5)


@pytest.mark.parametrize("family", sorted(PACKED))
def test_under_autocast_it_rounds_as_much_as_the_padded_model(family: str) -> None:
    made = network(family, "SequenceClassification", num_labels=5)
    given = inputs(made)
    exact = gradients(made, made, given)
    with torch.autocast("cpu", torch.bfloat16):
        rounded, found = gradients(made, made, given), gradients(made, trained_model(made, "cpu"), given)
    whole = {name: torch.cat([v.flatten() for v in one.values()]) for name, one in (("r", rounded), ("f", found))}
    right = torch.cat([v.flatten() for v in exact.values()])
    errors = {name: float((vector - right).norm() / right.norm()) for name, vector in whole.items()}
    assert 0 < errors["f"] < 1.5 * errors["r"] < 0.2
    assert all(value.dtype == torch.float32 for value in found.values())


def places(made: Any) -> list[str]:
    return [name for name, module in made.named_modules() if isinstance(module, nn.Dropout)]


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("family", sorted(PACKED))
def test_dropout_stands_where_transformers_has_it(family: str, head: str) -> None:
    """One place at a time drops everything, which leaves nothing to chance."""
    made = network(family, head)
    given, packed = inputs(made), trained_model(made, "cpu")
    plain, seen = outputs(made, given), 0
    for place in places(made):
        made.get_submodule(place).p = 1.0
        with torch.no_grad():
            expected, found = outputs(made, given), outputs(packed, given)
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value, rtol=1e-5, atol=1e-5, msg=f"{place}: {name}")
            seen += int(not torch.equal(value, plain[name]))
        made.get_submodule(place).p = 0.0
    # All but ALBERT's module that is never called.
    assert seen >= len(places(made)) - (1 if family == "albert" else 0)


@pytest.mark.parametrize("family", sorted(PACKED))
def test_dropout_keeps_the_expected_gradient(family: str) -> None:
    """The mean over many masks comes nearer to transformers' mean over as many, the more there are."""
    made = network(family, "SequenceClassification", dropout=0.02)
    given, packed = inputs(made, 6), trained_model(made, "cpu")

    def mean(call: Any) -> torch.Tensor:
        torch.manual_seed(0)
        with torch.no_grad():
            return torch.stack([call(**given).logits for _ in range(200)]).mean(0)

    theirs, ours = mean(made), mean(packed)
    torch.manual_seed(0)
    with torch.no_grad():
        spread = torch.stack([made(**given).logits for _ in range(50)]).std(0)
    assert float(((theirs - ours).abs() / (spread * (2 / 200) ** 0.5)).max()) < 5


def test_torchs_seed_governs_dropout_and_steps_differ() -> None:
    made = network("bert", "SequenceClassification", dropout=0.3)
    given, packed = inputs(made), trained_model(made, "cpu")
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append([packed(**given).logits for _ in range(2)])
    assert torch.equal(found[0][0], found[1][0])
    assert torch.equal(found[0][1], found[1][1])
    assert not torch.equal(found[0][0], found[0][1])
    assert not torch.equal(found[0][0], found[2][0])


def test_gradients_with_dropout_are_derivatives_of_what_was_computed() -> None:
    """Against differences of the same function under the same masks, in float64."""
    made = network("bert", "SequenceClassification", dropout=0.2).double()
    given, packed = inputs(made, 5), trained_model(made, "cpu")

    def loss() -> torch.Tensor:
        torch.manual_seed(4)
        return (packed(**given).logits * torch.arange(15).view(5, 3)).sum()

    made.zero_grad()
    loss().backward()
    generator = torch.Generator().manual_seed(0)
    for name, p in made.named_parameters():
        direction = torch.randn(p.shape, generator=generator, dtype=p.dtype)
        values = []
        for step in (1e-5, -1e-5):
            with torch.no_grad():
                p.add_(direction, alpha=step)
                values.append(float(loss()))
                p.sub_(direction, alpha=step)
        expected = (values[0] - values[1]) / 2e-5
        assert float((p.grad * direction).sum()) == pytest.approx(expected, rel=1e-5, abs=1e-6), name


def test_frozen_parameters_get_no_gradient_and_change_no_other() -> None:
    made = network("bert", "SequenceClassification")
    given, packed = inputs(made), trained_model(made, "cpu")
    before = gradients(made, packed, given)
    frozen = {name for name, _ in made.named_parameters() if "layer.0" in name or "embeddings" in name}
    frozen.add("bert.encoder.layer.1.attention.output.LayerNorm.weight")
    for name in frozen:
        made.get_parameter(name).requires_grad_(False).grad = None
    after = gradients(made, packed, given)
    assert after.keys() == before.keys() - frozen
    assert_close(after, {name: value for name, value in before.items() if name not in frozen}, 1e-6)


def test_other_families_and_devices_run_as_transformers_writes_them() -> None:
    electra = model("electra")
    assert trained_model(electra, "cpu") is electra
    bert = model()
    assert trained_model(bert, "cuda") is bert
    assert set(FAMILIES) - PACKED == {"electra"}


class _Adapter(nn.Linear):
    """A linear layer that computes more than its weights say."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) + 1


def test_what_is_more_than_its_weights_runs_as_transformers_writes_it() -> None:
    """A decoder's mask, an adapter in a linear layer's place, a hook: taken apart, all of it would be lost."""
    assert isinstance(trained_model(network("bert", "SequenceClassification"), "cpu"), PackedModel)
    decoder = network("bert", "SequenceClassification", is_decoder=True)
    assert trained_model(decoder, "cpu") is decoder
    adapted = network("bert", "SequenceClassification")
    attention = adapted.bert.encoder.layer[0].attention.self
    attention.query = _Adapter(attention.query.in_features, attention.query.out_features)
    assert trained_model(adapted, "cpu") is adapted
    hooked = network("bert", "SequenceClassification")
    hooked.bert.encoder.layer[0].output.dense.register_forward_hook(lambda module, given, made: made + 1)
    assert trained_model(hooked, "cpu") is hooked
