"""Losses on attention, each a sum over the rows of real tokens, mean over heads; legend in this folder's `__init__`.

Padding neither asks nor is asked: its rows do not count, and its columns are outside each softmax and each mean.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from benchbert.distillation.losses.precision import wide

__all__ = ["attention_kl_loss", "attention_mse_loss"]

_NEVER = -1e30
"""Score of padding: its probability is exactly 0, and two such logarithms have a difference, as two of -inf do not."""


def attention_mse_loss(student_BNLL: Tensor, teacher_BNLL: Tensor, real_BL: Tensor | None = None) -> Tensor:
    """L_attn = sum over rows of mean over N and over columns of (a_s - a_t)^2; a scalar, 0 where both agree.

    a are scores before the softmax. Without padding, over the number of rows, this is the paper's mean over heads of
    MSE(A_s, A_t). "TinyBERT: Distilling BERT for Natural Language Understanding" (Jiao et al. 2020, arXiv 1909.10351,
    section 3.1, equation 7). Its reference code takes the mean over padding too, with scores of 0 there.

    Args:
        student_BNLL: the student's scores, query rows before key columns.
        teacher_BNLL: the teacher's, with as many heads.
        real_BL: true on tokens, false on padding; None: there is no padding.
    """
    error_BNLL = (wide(student_BNLL) - wide(teacher_BNLL)) ** 2
    if real_BL is None:
        return error_BNLL.mean((1, 3)).sum()
    error_BL = error_BNLL.mean(1).masked_fill(~real_BL[:, None, :], 0.0).sum(-1)
    columns_B1 = real_BL.sum(-1, keepdim=True).clamp(min=1)
    return (error_BL / columns_B1).masked_fill(~real_BL, 0.0).sum()


def attention_kl_loss(student_BNLL: Tensor, teacher_BNLL: Tensor, real_BL: Tensor | None = None) -> Tensor:
    """L_AT = sum over rows of mean over N of KL(softmax(a_t) || softmax(a_s)); a scalar, 0 where both agree.

    "MobileBERT: a Compact Task-Agnostic BERT for Resource-Limited Devices" (Sun et al. 2020, arXiv 2004.02984, section
    3.4, "Attention Transfer"), and "MiniLM: Deep Self-Attention Distillation for Task-Agnostic Compression of
    Pre-Trained Transformers" (Wang et al. 2020, arXiv 2002.10957, section 3.1) for the last layer.

    Args:
        student_BNLL: the student's scores before the softmax, query rows before key columns.
        teacher_BNLL: the teacher's, with as many heads.
        real_BL: true on tokens, false on padding; None: there is no padding.
    """
    student_BNLL, teacher_BNLL = wide(student_BNLL), wide(teacher_BNLL)
    if real_BL is not None:
        padding_B11L = ~real_BL[:, None, None, :]
        student_BNLL = student_BNLL.masked_fill(padding_B11L, _NEVER)
        teacher_BNLL = teacher_BNLL.masked_fill(padding_B11L, _NEVER)
    log_student, log_teacher = functional.log_softmax(student_BNLL, -1), functional.log_softmax(teacher_BNLL, -1)
    rows_BL = functional.kl_div(log_student, log_teacher, reduction="none", log_target=True).sum(-1).mean(1)
    return (rows_BL if real_BL is None else rows_BL.masked_fill(~real_BL, 0.0)).sum()
