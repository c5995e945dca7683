"""The losses of DistilBERT (Sanh et al. 2019, arXiv 1910.01108), each a sum over positions for the caller to divide.

B batch, L sequence, H hidden, V vocabulary, P positions (non-pad tokens), M masked positions
z logits, T temperature, s student, t teacher
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["cosine_loss", "distillation_loss", "logit_mse_loss"]


def distillation_loss(student_PV: Tensor, teacher_PV: Tensor, temperature: float) -> Tensor:
    """L_ce = T^2 * sum over P of KL(softmax(z_t / T) || softmax(z_s / T)); a scalar, not negative, 0 where both agree.

    T^2 keeps the size of the gradient when T changes (Hinton et al. 2015, arXiv 1503.02531, section 2).
    """
    log_student = functional.log_softmax(student_PV.float() / temperature, dim=-1)
    log_teacher = functional.log_softmax(teacher_PV.float() / temperature, dim=-1)
    return temperature**2 * functional.kl_div(log_student, log_teacher, reduction="sum", log_target=True)


def cosine_loss(student_PH: Tensor, teacher_PH: Tensor) -> Tensor:
    """L_cos = sum over P of 1 - cos(h_s, h_t); a scalar in 0 .. 2 P."""
    return (1.0 - functional.cosine_similarity(student_PH.float(), teacher_PH.float(), dim=-1)).sum()


def logit_mse_loss(student_PV: Tensor, teacher_PV: Tensor) -> Tensor:
    """L_mse = sum over P and V of (z_s - z_t)^2; a scalar."""
    return torch.sum((student_PV.float() - teacher_PV.float()) ** 2)
