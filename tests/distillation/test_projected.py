"""The losses from the inputs of the vocabulary projection against naive formulas and plain autograd in float64."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from benchbert.distillation.losses import projected_losses

NAMES = ("ce", "mlm", "mse", "masked_ce", "prediction")
EACH = [{name: 0.7} for name in NAMES]
MIXED = {"ce": 5.0, "mlm": 2.0, "mse": 0.3, "masked_ce": 1.5, "prediction": 0.8}


def case(rows: int, masked: int, width: int, vocabulary: int, seed: int = 0) -> dict[str, Tensor]:
    """Inputs, weight, bias, the teacher's logits and targets, in float64."""
    draw = torch.Generator().manual_seed(seed)

    def normal(*shape: int, scale: float = 1.0) -> Tensor:
        return torch.randn(*shape, generator=draw, dtype=torch.float64) * scale

    return {
        "inputs": normal(rows, width),
        "weight": normal(vocabulary, width, scale=0.8),
        "bias": normal(vocabulary, scale=0.5),
        "aims": normal(rows, vocabulary, scale=2.0),
        "targets": torch.randint(vocabulary, (masked,), generator=draw),
    }


def naive(of: dict[str, Tensor], factors: dict[str, float], temperature: float) -> dict[str, Tensor]:
    """The formulas of PROTOCOLS written down, term by term."""
    z, t, targets = of["inputs"] @ of["weight"].T + of["bias"], of["aims"], of["targets"]
    masked = len(targets)

    def kl(rows: slice) -> Tensor:
        p, q = torch.exp(t[rows] / temperature), torch.exp(z[rows] / temperature)
        p, q = p / p.sum(1, keepdim=True), q / q.sum(1, keepdim=True)
        return temperature**2 * (p * (p / q).log()).sum()

    chance = torch.exp(z) / torch.exp(z).sum(1, keepdim=True)
    aimed = torch.exp(t) / torch.exp(t).sum(1, keepdim=True)
    every = {
        "ce": kl(slice(None)),
        "masked_ce": kl(slice(masked)),
        "mse": ((z - t) ** 2).sum(),
        "prediction": -(aimed * chance.log()).sum(),
        "mlm": -chance[torch.arange(masked), targets].log().sum(),
    }
    return {name: factor * every[name] for name, factor in factors.items()}


def ours(of: dict[str, Tensor], factors: dict[str, float], temperature: float) -> dict[str, Tensor]:
    alone = set(factors) == {"mlm"}
    return projected_losses(
        of["inputs"],
        of["weight"],
        of["bias"],
        None if alone else lambda rows: of["aims"][rows],
        of["targets"],
        factors,
        temperature,
    )


def with_gradients(way: Any, of: dict[str, Tensor], *more: Any) -> tuple[dict[str, float], list[Tensor]]:
    leaves = {name: of[name].detach().clone().requires_grad_() for name in ("inputs", "weight", "bias")}
    terms = way({**of, **leaves}, *more)
    (3.0 * torch.stack(list(terms.values())).sum()).backward()
    return {name: float(term.detach()) for name, term in terms.items()}, [leaf.grad for leaf in leaves.values()]


@settings(deadline=None, max_examples=40)
@given(
    rows=st.integers(1, 40),
    share=st.floats(0, 1),
    vocabulary=st.integers(2, 70),
    temperature=st.sampled_from([1.0, 2.0, 3.5]),
    seed=st.integers(0, 5),
    chosen=st.sets(st.sampled_from(NAMES), min_size=1),
)
def test_values_and_gradients_are_those_of_the_formulas(
    rows: int, share: float, vocabulary: int, temperature: float, seed: int, chosen: set[str]
) -> None:
    of = case(rows, round(share * rows), 5, vocabulary, seed)
    factors = {name: MIXED[name] for name in NAMES if name in chosen}
    (expected, slopes), (found, gradients) = (with_gradients(way, of, factors, temperature) for way in (naive, ours))
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)
    for slope, gradient in zip(slopes, gradients, strict=True):
        assert torch.allclose(gradient, slope if slope is not None else torch.zeros_like(gradient), atol=1e-9)


@pytest.mark.parametrize("chunk", [64, 64 * 37, 10**9])
@pytest.mark.parametrize("block", [1, 37 * 5, 10**9])
def test_chunks_and_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch, chunk: int, block: int) -> None:
    of = case(150, 70, 6, 37)
    expected, slopes = with_gradients(naive, of, MIXED, 2.0)
    monkeypatch.setattr("benchbert.distillation.losses.projected._CHUNK", chunk)
    monkeypatch.setattr("benchbert.distillation.losses.projected._BLOCK", block)
    found, gradients = with_gradients(ours, of, MIXED, 2.0)
    assert found == pytest.approx(expected, rel=1e-9)
    assert all(torch.allclose(a, b, atol=1e-9) for a, b in zip(gradients, slopes, strict=True))


@pytest.mark.parametrize("factors", [*EACH, MIXED], ids=[*NAMES, "mixed"])
def test_float32_is_the_float64_formula_to_a_millionth(factors: dict[str, float]) -> None:
    of = case(33, 9, 8, 101)
    expected = naive(of, factors, 2.0)
    found = ours({k: v.float() if v.is_floating_point() else v for k, v in of.items()}, factors, 2.0)
    assert {k: float(v) for k, v in found.items()} == pytest.approx(
        {k: float(v) for k, v in expected.items()}, rel=1e-6
    )
    assert all(value.dtype == torch.float32 for value in found.values())


@pytest.mark.parametrize("factors", [*EACH, MIXED], ids=[*NAMES, "mixed"])
def test_gradients_are_numerically_right(factors: dict[str, float]) -> None:
    of = case(4, 2, 3, 5)
    leaves = [of[name].requires_grad_() for name in ("inputs", "weight", "bias")]

    def total(inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return torch.stack(
            list(ours({**of, "inputs": inputs, "weight": weight, "bias": bias}, factors, 2.0).values())
        ).sum()

    assert torch.autograd.gradcheck(total, leaves)


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_a_student_that_agrees_has_no_loss_and_no_slope(temperature: float) -> None:
    of = case(9, 4, 6, 31)
    of["aims"] = of["inputs"] @ of["weight"].T + of["bias"]
    found, gradients = with_gradients(ours, of, {"ce": 5.0, "masked_ce": 1.0, "mse": 1.0}, temperature)
    assert found == pytest.approx(dict.fromkeys(found, 0.0), abs=1e-12)
    assert all(float(gradient.abs().max()) < 1e-12 for gradient in gradients)


def test_the_order_of_the_rows_changes_no_loss() -> None:
    of = case(20, 7, 6, 31)
    order = torch.cat([torch.tensor([6, 2, 0, 1, 5, 3, 4]), torch.arange(19, 6, -1)])
    mixed = of | {"inputs": of["inputs"][order], "aims": of["aims"][order], "targets": of["targets"][order[:7]]}
    expected, slopes = with_gradients(ours, of, MIXED, 2.0)
    found, gradients = with_gradients(ours, mixed, MIXED, 2.0)
    assert found == pytest.approx(expected, rel=1e-12)
    assert torch.allclose(gradients[0], slopes[0][order], atol=1e-12)
    assert torch.allclose(gradients[1], slopes[1], atol=1e-12)


def test_a_projection_tied_to_the_embeddings_gets_both_gradients_and_a_frozen_one_none() -> None:
    of = case(12, 5, 6, 31)
    ids = torch.arange(12)
    found = []
    for way in (naive, ours):
        table = of["weight"].clone().requires_grad_()
        terms = way({**of, "inputs": functional.embedding(ids, table), "weight": table}, MIXED, 2.0)
        torch.stack(list(terms.values())).sum().backward()
        found.append(table.grad)
    assert torch.allclose(*found, atol=1e-9)
    inputs = of["inputs"].clone().requires_grad_()
    torch.stack(list(ours({**of, "inputs": inputs}, MIXED, 2.0).values())).sum().backward()
    assert inputs.grad is not None
    assert not of["weight"].requires_grad


def test_under_autocast_it_errs_no_more_than_plain_autograd_does() -> None:
    """Each against float64; the products of both are in bfloat16."""
    of = case(200, 30, 64, 501)
    of["inputs"] = of["inputs"] / 4
    factors = {"ce": 5.0 / 200, "mlm": 2.0 / 30}
    expected, slopes = with_gradients(naive, of, factors, 2.0)
    single = {k: v.float() if v.is_floating_point() else v for k, v in of.items()}

    def plain(of: dict[str, Tensor], factors: dict[str, float], temperature: float) -> dict[str, Tensor]:
        logits = functional.linear(of["inputs"], of["weight"], of["bias"]).float() / temperature
        log_aims = functional.log_softmax(of["aims"] / temperature, -1)
        apart = functional.kl_div(logits.log_softmax(-1), log_aims, reduction="sum", log_target=True)
        rows = len(of["targets"])
        missed = functional.cross_entropy(logits[:rows] * temperature, of["targets"], reduction="sum")
        return {"ce": factors["ce"] * temperature**2 * apart, "mlm": factors["mlm"] * missed}

    def error(way: Any) -> tuple[float, list[float]]:
        with torch.autocast("cpu", torch.bfloat16):
            found, gradients = with_gradients(way, single, factors, 2.0)
        off = max(abs(found[name] - expected[name]) / expected[name] for name in factors)
        return off, [float((g - s).norm() / s.norm()) for g, s in zip(gradients, slopes, strict=True)]

    (loss, errors), (plain_loss, plain_errors) = error(ours), error(plain)
    assert 1e-6 < loss < max(2 * plain_loss, 2e-3)
    assert all(mine < max(1.5 * theirs, 5e-3) for mine, theirs in zip(errors, plain_errors, strict=True))
    assert all(mine < 0.02 for mine in errors)


def test_without_gradients_it_gives_the_losses() -> None:
    of = case(12, 5, 6, 31)
    with torch.no_grad():
        found = ours(of, MIXED, 2.0)
    assert {k: float(v) for k, v in found.items()} == pytest.approx(
        {k: float(v) for k, v in naive(of, MIXED, 2.0).items()}
    )


def test_a_micro_batch_without_masked_tokens_has_no_loss_and_no_slope() -> None:
    of = case(0, 0, 6, 31)
    found, gradients = with_gradients(ours, of, {"mlm": 2.0}, 2.0)
    assert found == {"mlm": 0.0}
    assert all(float(gradient.abs().sum()) == 0.0 for gradient in gradients)
