"""Losses on logits, each a sum over positions for the caller to divide; legend in this folder's `__init__`."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from benchbert.distillation.losses.precision import wide

__all__ = ["distillation_loss", "logit_mse_loss", "soft_cross_entropy_loss"]


def distillation_loss(student_PV: Tensor, teacher_PV: Tensor, temperature: float) -> Tensor:
    """L_ce = T^2 * sum over P of KL(softmax(z_t / T) || softmax(z_s / T)); a scalar, not negative, 0 where both agree.

    DistilBERT (Sanh et al. 2019, arXiv 1910.01108, section 2). T^2 keeps the size of the gradient when T changes
    (Hinton et al. 2015, arXiv 1503.02531, section 2).
    """
    log_student = functional.log_softmax(wide(student_PV) / temperature, dim=-1)
    log_teacher = functional.log_softmax(wide(teacher_PV) / temperature, dim=-1)
    return temperature**2 * functional.kl_div(log_student, log_teacher, reduction="sum", log_target=True)


def soft_cross_entropy_loss(student_PV: Tensor, teacher_PV: Tensor) -> Tensor:
    """L_pred = -sum over P and V of softmax(z_t) log softmax(z_s), at T = 1; a scalar, least (the teacher's entropy)
    where both agree.

    "TinyBERT: Distilling BERT for Natural Language Understanding" (Jiao et al. 2020, arXiv 1909.10351, section 3.1,
    equation 10, t = 1).
    """
    return -(functional.softmax(wide(teacher_PV), dim=-1) * functional.log_softmax(wide(student_PV), dim=-1)).sum()


def logit_mse_loss(student_PV: Tensor, teacher_PV: Tensor) -> Tensor:
    """L_mse = sum over P and V of (z_s - z_t)^2; a scalar (Sanh et al. 2019, reference code)."""
    return torch.sum((wide(student_PV) - wide(teacher_PV)) ** 2)
