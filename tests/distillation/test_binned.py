"""The divergence over kept classes and the tail against naive float64 sums, and its relation to the full one."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from benchbert.distillation.losses import (
    KeptShares,
    binned,
    binned_kl,
    distillation_loss,
    missed_bound,
    projected_losses,
)


def logits(seed: int, positions: int, vocabulary: int, scale: float = 2.0) -> tuple[Tensor, Tensor]:
    """Of student and teacher, in float64."""
    generator = torch.Generator().manual_seed(seed)
    student, teacher = torch.randn(2, positions, vocabulary, generator=generator, dtype=torch.float64) * scale
    return student, teacher


def naive_softmax(row: list[float], temperature: float) -> list[float]:
    largest = max(row)
    shares = [math.exp((z - largest) / temperature) for z in row]
    return [share / sum(shares) for share in shares]


def naive_kl(student: Tensor, teacher: Tensor, temperature: float, kept: int) -> list[float]:
    """Of each position: probabilities written out, the tail added up class by class."""
    found = []
    for z_s, z_t in zip(student.tolist(), teacher.tolist(), strict=True):
        p, q = naive_softmax(z_s, temperature), naive_softmax(z_t, temperature)
        order = sorted(range(len(q)), key=lambda i: -q[i])
        classes = [[i] for i in order[:kept]] + [order[kept:]]
        bins = [(sum(q[i] for i in c), sum(p[i] for i in c)) for c in classes if c]
        found.append(sum(a * math.log(a / b) for a, b in bins))
    return found


@pytest.mark.parametrize("temperature", [1.0, 2.0, 3.5])
@pytest.mark.parametrize("kept", [1, 5, 40])
def test_it_is_its_formula(temperature: float, kept: int) -> None:
    student, teacher = logits(0, 7, 40)
    found = binned_kl(student / temperature, binned(teacher, temperature, kept))
    assert found.tolist() == pytest.approx(naive_kl(student, teacher, temperature, kept), rel=1e-9)


shapes = st.tuples(st.integers(0, 99), st.integers(1, 6), st.integers(2, 30), st.floats(0.01, 20.0))


@settings(deadline=None, max_examples=60)
@given(shape=shapes, share=st.floats(0, 1), temperature=st.floats(0.5, 8))
def test_it_is_below_the_full_divergence_by_no_more_than_the_bound(
    shape: tuple[int, int, int, float], share: float, temperature: float
) -> None:
    student, teacher = logits(*shape)
    kept = binned(teacher, temperature, max(1, round(share * shape[2])))
    full = (teacher / temperature).softmax(-1) * (
        (teacher / temperature).log_softmax(-1) - (student / temperature).log_softmax(-1)
    )
    missed = full.sum(-1) - binned_kl(student / temperature, kept)
    bound = missed_bound(student / temperature, kept)
    assert (binned_kl(student / temperature, kept) >= -1e-12).all()
    assert (missed >= -1e-9).all()
    assert (missed <= bound + 1e-9).all()


def test_with_all_classes_nothing_is_missed() -> None:
    student, teacher = logits(1, 9, 30)
    kept = binned(teacher, 2.0, 30)
    assert 4 * float(binned_kl(student / 2, kept).sum()) == pytest.approx(
        float(distillation_loss(student, teacher, 2.0))
    )
    assert missed_bound(student / 2, kept).tolist() == [0.0] * 9


def test_a_teacher_of_itself_is_not_apart_and_extreme_logits_stay_numbers() -> None:
    _, teacher = logits(2, 5, 30)
    assert binned_kl(teacher / 2, binned(teacher, 2.0, 4)).abs().max() < 1e-12
    sharp = torch.zeros(3, 30)
    sharp[:, 0] = 3e4
    for kept in (1, 30):
        assert binned_kl(-sharp, binned(sharp, 1.0, kept)).isfinite().all()
        student = torch.randn(3, 8, generator=torch.Generator().manual_seed(1), requires_grad=True)
        terms = projected(student, -sharp.sum() * torch.ones(30, 8), binned(sharp, 1.0, kept), 1.0)
        sum(terms.values()).backward()
        assert student.grad is not None
        assert student.grad.isfinite().all()


def projected(inputs: Tensor, weight: Tensor, kept: KeptShares, temperature: float) -> dict[str, Tensor]:
    """`ce` over all rows, `masked_ce` and `mlm` over the first two."""
    factors = {"ce": 0.7, "masked_ce": 0.2, "mlm": 0.4}
    bias = torch.linspace(-1, 1, len(weight)).to(inputs.dtype)
    return projected_losses(inputs, weight, bias, lambda rows: kept[rows], torch.tensor([3, 1]), factors, temperature)


@pytest.mark.parametrize("kept", [1, 6, 30])
def test_without_logits_at_hand_losses_and_gradients_are_those_of_autograd(kept: int) -> None:
    generator = torch.Generator().manual_seed(5)
    inputs = torch.randn(11, 8, generator=generator, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(30, 8, generator=generator, dtype=torch.float64, requires_grad=True)
    shares = binned(logits(3, 11, 30)[1], 2.0, kept)
    terms = projected(inputs, weight, shares, 2.0)
    found = torch.autograd.grad(sum(terms.values()), (inputs, weight))
    z = inputs @ weight.T + torch.linspace(-1, 1, 30).double()
    expected = {
        "ce": 0.7 * 4 * binned_kl(z / 2, shares).sum(),
        "masked_ce": 0.2 * 4 * binned_kl(z[:2] / 2, shares[slice(2)]).sum(),
        "mlm": 0.4 * torch.nn.functional.cross_entropy(z[:2], torch.tensor([3, 1]), reduction="sum"),
    }
    for name, term in expected.items():
        assert terms[name].item() == pytest.approx(term.item(), rel=1e-9)
    for one, other in zip(found, torch.autograd.grad(sum(expected.values()), (inputs, weight)), strict=True):
        assert torch.allclose(one, other, rtol=1e-9, atol=1e-12)


def test_rounded_shares_are_made_a_distribution_again() -> None:
    student, teacher = logits(4, 6, 30)
    exact = binned(teacher, 2.0, 6)
    shifted = KeptShares(ids_Pk=exact.ids_Pk, log_PC=exact.log_PC + 0.25)
    assert torch.allclose(binned_kl(student / 2, shifted), binned_kl(student / 2, exact))


@settings(deadline=None, max_examples=60)
@given(
    vocabulary=st.integers(1, 2_000),
    kept=st.integers(1, 40),
    seed=st.integers(0, 99),
    levels=st.sampled_from([2, 50, 1_000_000]),
)
def test_the_kept_classes_are_the_most_likely_ones(vocabulary: int, kept: int, seed: int, levels: int) -> None:
    """Also where many classes are equally likely."""
    kept = min(kept, vocabulary)
    generator = torch.Generator().manual_seed(seed)
    teacher = torch.randint(levels, (3, vocabulary), generator=generator).double() / levels
    found = binned(teacher, 1.0, kept)
    assert all(len(set(ids)) == kept for ids in found.ids_Pk.tolist())
    assert torch.equal(teacher.gather(1, found.ids_Pk), teacher.topk(kept, dim=-1).values)
    assert torch.allclose(found.log_PC.logsumexp(-1), torch.zeros(3).double())
    assert found.log_PC[:, :-1].exp().sum(-1).tolist() == pytest.approx(
        teacher.softmax(-1).topk(kept, dim=-1).values.sum(-1).tolist()
    )
