"""Every loss against a loop in float64 over real tokens only, its gradient, and what must hold of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from benchbert.distillation.losses import (
    attention_kl_loss,
    attention_mse_loss,
    cosine_loss,
    distillation_loss,
    feature_map_loss,
    hidden_mse_loss,
    logit_mse_loss,
    patient_loss,
    relation_loss,
    soft_cross_entropy_loss,
)

Array = Any
HEADS = 2
LENGTHS = [(5,), (3, 6), (6, 1, 4), (2, 2, 7, 5)]


def softmax(row: Array) -> list[float]:
    top = max(row)
    parts = [math.exp(x - top) for x in row]
    return [p / sum(parts) for p in parts]


def kl(teacher: Array, student: Array) -> float:
    return sum(t * math.log(t / s) for t, s in zip(softmax(teacher), softmax(student), strict=True))


# --- losses on rows of vectors --------------------------------------------------------------------------------------


def naive_hidden(student: Array, teacher: Array) -> float:
    return sum(
        sum((a - b) ** 2 for a, b in zip(s, t, strict=True)) / len(s) for s, t in zip(student, teacher, strict=True)
    )


def naive_patient(student: Array, teacher: Array) -> float:
    total = 0.0
    for s, t in zip(student, teacher, strict=True):
        total += sum((a / math.hypot(*s) - b / math.hypot(*t)) ** 2 for a, b in zip(s, t, strict=True))
    return total


def naive_cosine(student: Array, teacher: Array) -> float:
    total = 0.0
    for s, t in zip(student, teacher, strict=True):
        total += 1 - sum(a * b for a, b in zip(s, t, strict=True)) / math.hypot(*s) / math.hypot(*t)
    return total


def naive_feature_map(student: Array, teacher: Array) -> float:
    total = 0.0
    for s, t in zip(student, teacher, strict=True):
        means = [sum(x) / len(x) for x in (s, t)]
        variances = [sum((a - m) ** 2 for a in x) / len(x) for x, m in zip((s, t), means, strict=True)]
        error = 0.0
        for a, b in zip(s, t, strict=True):
            error += ((a - means[0]) / math.sqrt(variances[0]) - (b - means[1]) / math.sqrt(variances[1])) ** 2
        total += 100 * error / len(s) + 5000 * (means[0] - means[1]) ** 2 + 5 * abs(variances[0] - variances[1])
    return total


def naive_soft_cross_entropy(student: Array, teacher: Array) -> float:
    total = 0.0
    for s, t in zip(student, teacher, strict=True):
        total -= sum(p * math.log(q) for p, q in zip(softmax(t), softmax(s), strict=True))
    return total


def naive_ce(student: Array, teacher: Array) -> float:
    rows = zip(student, teacher, strict=True)
    return 9.0 * sum(kl([x / 3.0 for x in t], [x / 3.0 for x in s]) for s, t in rows)


def naive_logit_mse(student: Array, teacher: Array) -> float:
    return sum((a - b) ** 2 for s, t in zip(student, teacher, strict=True) for a, b in zip(s, t, strict=True))


ROWS: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], Callable[[Array, Array], float]]] = {
    "ce": (lambda s, t: distillation_loss(s, t, 3.0), naive_ce),
    "mse": (logit_mse_loss, naive_logit_mse),
    "cos": (cosine_loss, naive_cosine),
    "prediction": (soft_cross_entropy_loss, naive_soft_cross_entropy),
    "hidden": (hidden_mse_loss, naive_hidden),
    "pkd": (patient_loss, naive_patient),
    "feature_map": (feature_map_loss, naive_feature_map),
}


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("shape", [(1, 2), (7, 5), (13, 8)])
def test_a_loss_on_rows_is_its_formula(name: str, shape: tuple[int, int]) -> None:
    student, teacher = random(shape, seed=1), random(shape, seed=2)
    loss, naive = ROWS[name]
    expected = naive(student.tolist(), teacher.tolist())
    assert float(loss(student, teacher)) == pytest.approx(expected, rel=1e-6, abs=1e-6)
    # Half precision is summed in float32.
    low = student.bfloat16(), teacher.bfloat16()
    assert float(loss(*low)) == pytest.approx(naive(*(x.double().tolist() for x in low)), rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("name", ROWS)
def test_a_loss_on_rows_has_the_right_gradient_and_is_a_sum_over_rows(name: str) -> None:
    student, teacher = random((4, 5), seed=3), random((4, 5), seed=4)
    loss, _ = ROWS[name]
    assert torch.autograd.gradcheck(lambda s: loss(s, teacher), student.clone().requires_grad_())
    order = torch.tensor([2, 0, 3, 1])
    whole = float(loss(student, teacher))
    assert float(loss(student[order], teacher[order])) == pytest.approx(whole)
    assert float(loss(student[:1], teacher[:1]) + loss(student[1:], teacher[1:])) == pytest.approx(whole)


@pytest.mark.parametrize("name", ROWS)
def test_a_student_that_agrees_has_no_loss_on_rows_or_no_slope(name: str) -> None:
    teacher = random((4, 5), seed=5)
    student = teacher.clone().requires_grad_()
    loss = ROWS[name][0](student, teacher)
    if name != "prediction":
        assert float(loss.detach()) == pytest.approx(0.0, abs=1e-12)
    (slope,) = torch.autograd.grad(loss, student)
    assert float(slope.abs().max()) == pytest.approx(0.0, abs=1e-12)


# --- losses between attentions, of ragged batches -------------------------------------------------------------------


def naive_attention(student: Array, teacher: Array, lengths: tuple[int, ...]) -> float:
    total = 0.0
    for i, length in enumerate(lengths):
        for n in range(len(student[i])):
            for row in range(length):
                errors = [(student[i][n][row][k] - teacher[i][n][row][k]) ** 2 for k in range(length)]
                total += sum(errors) / length / len(student[i])
    return total


def naive_attention_kl(student: Array, teacher: Array, lengths: tuple[int, ...]) -> float:
    total = 0.0
    for i, length in enumerate(lengths):
        for n in range(len(student[i])):
            for row in range(length):
                total += kl(teacher[i][n][row][:length], student[i][n][row][:length]) / len(student[i])
    return total


def naive_relations(vectors: Array, heads: int) -> Array:
    """Scores of shape (batch, heads, seq, seq)."""
    size = len(vectors[0][0]) // heads
    found = []
    for sequence in vectors:
        parts = [[token[n * size : (n + 1) * size] for token in sequence] for n in range(heads)]
        found.append([[[float(np.dot(a, b)) / math.sqrt(size) for b in part] for a in part] for part in parts])
    return found


def naive_relation(student: Array, teacher: Array, lengths: tuple[int, ...]) -> float:
    return naive_attention_kl(naive_relations(student, HEADS), naive_relations(teacher, HEADS), lengths)


def scores(lengths: tuple[int, ...], seed: int) -> Tensor:
    return random((len(lengths), HEADS, max(lengths), max(lengths)), seed)


def vectors(lengths: tuple[int, ...], seed: int) -> Tensor:
    """Wider for odd seeds: the widths of student and teacher may differ."""
    return random((len(lengths), max(lengths), 6 if seed % 2 else 4), seed)


BETWEEN: dict[str, tuple[Callable[..., Tensor], Callable[..., float], Callable[..., Tensor]]] = {
    "attention": (attention_mse_loss, naive_attention, scores),
    "attention_kl": (attention_kl_loss, naive_attention_kl, scores),
    "relation": (lambda s, t, real=None: relation_loss(s, t, HEADS, real), naive_relation, vectors),
}


def random(shape: tuple[int, ...], seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2


def mask(lengths: tuple[int, ...], longest: int = 0) -> Tensor:
    return torch.arange(longest or max(lengths))[None, :] < torch.tensor(lengths)[:, None]


@pytest.mark.parametrize("name", BETWEEN)
@pytest.mark.parametrize("lengths", LENGTHS)
def test_a_loss_between_attentions_is_its_formula(name: str, lengths: tuple[int, ...]) -> None:
    loss, naive, drawn = BETWEEN[name]
    student, teacher = drawn(lengths, 1), drawn(lengths, 2)
    expected = naive(student.tolist(), teacher.tolist(), lengths)
    assert float(loss(student, teacher, mask(lengths))) == pytest.approx(expected, rel=1e-6, abs=1e-6)
    found = float(loss(student.float(), teacher.float(), mask(lengths)))
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-5)
    if len(lengths) == 1:
        assert float(loss(student, teacher)) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("name", BETWEEN)
def test_padding_and_the_order_of_sequences_change_nothing(name: str) -> None:
    lengths = (3, 6, 2)
    loss, _, drawn = BETWEEN[name]
    student, teacher = drawn(lengths, 3), drawn(lengths, 4)
    real = mask(lengths)
    whole = float(loss(student, teacher, real))
    order = torch.tensor([2, 0, 1])
    assert float(loss(student[order], teacher[order], real[order])) == pytest.approx(whole)
    apart = 0.0
    for i, length in enumerate(lengths):
        cut = (
            (slice(i, i + 1), slice(None), slice(length), slice(length))
            if student.ndim == 4
            else (
                slice(i, i + 1),
                slice(length),
            )
        )
        apart += float(loss(student[cut], teacher[cut]))
    assert apart == pytest.approx(whole)
    # Whatever stands in padding: also numbers that no float32 exponential holds.
    padding = ~real[:, None, None, :] if student.ndim == 4 else ~real[:, :, None]
    assert float(loss(student.masked_fill(padding, 1e4), teacher, real)) == pytest.approx(whole)


@pytest.mark.parametrize("name", BETWEEN)
def test_a_loss_between_attentions_has_the_right_gradient_and_none_in_padding(name: str) -> None:
    lengths = (2, 4)
    loss, _, drawn = BETWEEN[name]
    teacher, real = drawn(lengths, 5), mask(lengths)
    student = drawn(lengths, 6).requires_grad_()
    assert torch.autograd.gradcheck(lambda s: loss(s, teacher, real), student)
    (slope,) = torch.autograd.grad(loss(student, teacher, real), student)
    assert float(slope[0, ..., 2:, :].abs().max()) == 0.0


@pytest.mark.parametrize("name", BETWEEN)
def test_attention_that_agrees_has_no_loss(name: str) -> None:
    loss, _, drawn = BETWEEN[name]
    same = drawn((3, 5), 7)
    assert float(loss(same, same.clone(), mask((3, 5)))) == pytest.approx(0.0, abs=1e-12)
