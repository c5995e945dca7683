"""Losses on relations between queries, keys or values; the legend stands in this folder's `__init__`."""

from __future__ import annotations

import math

from torch import Tensor

from benchbert.distillation.losses.attention import attention_kl_loss
from benchbert.distillation.losses.precision import wide

__all__ = ["relation_loss", "relations"]


def relations(vectors_BLH: Tensor, heads: int) -> Tensor:
    """X X^T / sqrt(D) of the vectors cut into `heads` parts of size D = H / heads: of shape (B, heads, L, L)."""
    batch, length, width = vectors_BLH.shape
    parts = wide(vectors_BLH).reshape(batch, length, heads, width // heads).transpose(1, 2)
    return parts @ parts.transpose(-1, -2) / math.sqrt(width // heads)


def relation_loss(student_BLH: Tensor, teacher_BLH: Tensor, heads: int, real_BL: Tensor | None = None) -> Tensor:
    """L = sum over rows of mean over heads of KL(softmax(X_t X_t^T / sqrt(D_t)) || softmax(X_s X_s^T / sqrt(D_s))).

    A scalar, 0 where both agree; the widths of student and teacher may differ. With the values and the attention heads:
    L_VR of "MiniLM: Deep Self-Attention Distillation for Task-Agnostic Compression of Pre-Trained Transformers" (Wang
    et al. 2020, arXiv 2002.10957, section 3.2). With queries, keys and values in turn and `heads` relation heads, a
    third each: "MiniLMv2: Multi-Head Self-Attention Relation Distillation for Compressing Pretrained Transformers"
    (Wang et al. 2021, arXiv 2012.15828, section 3.1).

    Args:
        student_BLH: the student's queries, keys or values of all heads side by side.
        teacher_BLH: the teacher's.
        heads: heads that both are cut into; divides both widths.
        real_BL: true on tokens, false on padding; None: there is no padding.
    """
    return attention_kl_loss(relations(student_BLH, heads), relations(teacher_BLH, heads), real_BL)
