"""Losses on hidden states, each a sum over positions or rows; the legend stands in this folder's `__init__`."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from benchbert.distillation.losses.precision import wide

__all__ = ["cosine_loss", "feature_map_loss", "hidden_mse_loss", "patient_loss"]

_NORMALISED, _MEAN, _VARIANCE = 100.0, 5000.0, 5.0
"""Factors of the three parts of MobileBERT's feature-map transfer, from the commands of its reference code."""

_EPSILON = 1e-12
"""Added to a variance before its root, as BERT's LayerNorm does."""


def cosine_loss(student_PH: Tensor, teacher_PH: Tensor) -> Tensor:
    """L_cos = sum over P of 1 - cos(h_s, h_t); a scalar in 0 .. 2 P.

    DistilBERT (Sanh et al. 2019, arXiv 1910.01108, section 2).
    """
    return (1.0 - functional.cosine_similarity(wide(student_PH), wide(teacher_PH), dim=-1)).sum()


def hidden_mse_loss(student_PH: Tensor, teacher_PH: Tensor) -> Tensor:
    """L_hidn or L_embd = sum over P of mean over H of (h_s W - h_t)^2; a scalar, 0 where both agree.

    "TinyBERT: Distilling BERT for Natural Language Understanding" (Jiao et al. 2020, arXiv 1909.10351, section 3.1,
    equations 8 and 9).

    Args:
        student_PH: the student's states after the projection W to the teacher's width.
        teacher_PH: the teacher's.
    """
    return ((wide(student_PH) - wide(teacher_PH)) ** 2).mean(-1).sum()


def patient_loss(student_BH: Tensor, teacher_BH: Tensor) -> Tensor:
    """L_PT = sum over B of || h_s / ||h_s|| - h_t / ||h_t|| ||^2 of class-token states; a scalar in 0 .. 4 B.

    "Patient Knowledge Distillation for BERT Model Compression" (Sun et al. 2019, arXiv 1908.09355, section 3.2,
    equation 6).
    """
    student_BH, teacher_BH = (
        functional.normalize(wide(student_BH), dim=-1),
        functional.normalize(wide(teacher_BH), dim=-1),
    )
    return ((student_BH - teacher_BH) ** 2).sum()


def feature_map_loss(student_PH: Tensor, teacher_PH: Tensor) -> Tensor:
    """L_FMT = sum over P of 100 mean over H of (n(h_s) - n(h_t))^2 + 5000 (m(h_s) - m(h_t))^2 + 5 |v(h_s) - v(h_t)|.

    n is LayerNorm without weight and bias, m the mean and v the (biased) variance over H. A scalar, 0 where both agree.
    "MobileBERT: a Compact Task-Agnostic BERT for Resource-Limited Devices" (Sun et al. 2020, arXiv 2004.02984,
    section 3.4, "Feature Map Transfer": its equation is the plain squared error, its text says that in practice the
    error is taken apart into normalised map and statistics; forms and factors of these are the reference code's).
    """
    student_PH, teacher_PH = wide(student_PH), wide(teacher_PH)
    width = (student_PH.shape[-1],)
    normalised = functional.layer_norm(student_PH, width, eps=_EPSILON)
    normalised = normalised - functional.layer_norm(teacher_PH, width, eps=_EPSILON)
    means = student_PH.mean(-1) - teacher_PH.mean(-1)
    variances = student_PH.var(-1, correction=0) - teacher_PH.var(-1, correction=0)
    return (_NORMALISED * (normalised**2).mean(-1) + _MEAN * means**2 + _VARIANCE * variances.abs()).sum()
