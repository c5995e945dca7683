"""Losses against naive float64 formulas, and what must hold of them whatever the numbers."""

from __future__ import annotations

import math

import pytest
import torch

from benchbert.distillation.losses import cosine_loss, distillation_loss, logit_mse_loss

GENERATOR = torch.Generator().manual_seed(0)


def logits(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=GENERATOR) * 3


def naive_kl(student: torch.Tensor, teacher: torch.Tensor, temperature: float) -> float:
    total = 0.0
    for s, t in zip(student.double().tolist(), teacher.double().tolist(), strict=True):
        s_exp = [math.exp(x / temperature) for x in s]
        t_exp = [math.exp(x / temperature) for x in t]
        for a, b in zip(s_exp, t_exp, strict=True):
            p, q = b / sum(t_exp), a / sum(s_exp)
            total += p * math.log(p / q)
    return temperature**2 * total


@pytest.mark.parametrize(("positions", "vocabulary"), [(1, 2), (7, 11), (23, 5)])
@pytest.mark.parametrize("temperature", [1.0, 2.0, 5.0])
def test_ce_is_its_formula(positions: int, vocabulary: int, temperature: float) -> None:
    student, teacher = logits(positions, vocabulary), logits(positions, vocabulary)
    expected = naive_kl(student, teacher, temperature)
    assert float(distillation_loss(student, teacher, temperature)) == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_cos_is_its_formula() -> None:
    student, teacher = logits(9, 6), logits(9, 6)
    expected = 0.0
    for s, t in zip(student.double().tolist(), teacher.double().tolist(), strict=True):
        dot = sum(a * b for a, b in zip(s, t, strict=True))
        expected += 1 - dot / math.hypot(*s) / math.hypot(*t)
    assert float(cosine_loss(student, teacher)) == pytest.approx(expected, rel=1e-5)


def test_mse_is_its_formula() -> None:
    student, teacher = logits(4, 5), logits(4, 5)
    expected = sum((a - b) ** 2 for a, b in zip(student.flatten().tolist(), teacher.flatten().tolist(), strict=True))
    assert float(logit_mse_loss(student, teacher)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "loss", [lambda a, b: distillation_loss(a, b, 2.0), cosine_loss, logit_mse_loss], ids=["ce", "cos", "mse"]
)
def test_a_student_equal_to_its_teacher_has_no_loss_and_order_does_not_matter(loss) -> None:
    student, teacher = logits(8, 6), logits(8, 6)
    assert float(loss(student, student)) == pytest.approx(0.0, abs=1e-5)
    order = torch.randperm(8, generator=GENERATOR)
    assert float(loss(student[order], teacher[order])) == pytest.approx(float(loss(student, teacher)), rel=1e-5)
    parts = float(loss(student[:3], teacher[:3])) + float(loss(student[3:], teacher[3:]))
    assert parts == pytest.approx(float(loss(student, teacher)), rel=1e-5)


def test_gradients_are_right() -> None:
    student = logits(3, 4).double().requires_grad_()
    teacher = logits(3, 4).double()
    step = 1e-4
    distillation_loss(student, teacher, 2.0).backward()
    bumped = student.detach().clone()
    bumped[1, 2] += step
    slope = (naive_kl(bumped, teacher, 2.0) - naive_kl(student.detach(), teacher, 2.0)) / step
    assert student.grad is not None
    assert float(student.grad[1, 2]) == pytest.approx(slope, rel=1e-2, abs=1e-4)
