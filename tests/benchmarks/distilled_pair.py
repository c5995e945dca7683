"""Teacher, student and text of the distillation that is measured: random ones, which cost what real ones do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchbert.distillation.student import start_student, student_config
from benchbert.models.adapter import FamilyAdapter, adapter_for
from benchbert.training.corpus import TokenStream

__all__ = ["CLASS", "LOSSES", "MASK", "SEPARATOR", "TEMPERATURE", "Models", "Shape", "make_models", "text"]

CLASS, SEPARATOR, MASK, _FIRST = 2, 3, 4, 5
"""Ids of the special tokens; ordinary ones come after them."""

LOSSES, TEMPERATURE = {"ce": 5.0, "mlm": 2.0, "cos": 1.0}, 2.0
"""Of the DistilBERT recipe."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A teacher, from which the student takes half the layers, and a batch."""

    name: str
    """As the table calls it."""
    hidden: int
    """Width of both; feed-forward layers are four times as wide, heads 64."""
    layers: int
    """The teacher's."""
    vocabulary: int
    """Tokens."""
    sequences: int = 20
    """Sequences an optimizer step."""
    length: int = 128
    """Tokens of the longest of them."""
    float32_bar: float
    """Times the tokens/s of the reference in float32 that are to be reached."""
    bfloat16_bar: float
    """The same in bfloat16."""
    rounds: int
    """Rounds of (reference in float32, reference in bfloat16, ours)."""
    steps: int
    """Optimizer steps of each way in a round."""


@dataclass(frozen=True, kw_only=True)
class Models:
    """Student and teacher as a distillation job has them before its first step."""

    student: Any
    """A DistilBERT in training mode."""
    teacher: Any
    """A BERT, frozen, in eval mode."""
    adapters: tuple[FamilyAdapter, FamilyAdapter]
    """Theirs."""
    shape: Shape
    """What they were made to."""


def make_models(shape: Shape, attention: str = "sdpa") -> Models:
    """Both, with random weights fixed by a seed."""
    from transformers import AutoConfig, AutoModelForMaskedLM

    torch.manual_seed(0)
    config = AutoConfig.for_model(
        "bert",
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=max(1, shape.hidden // 64),
        intermediate_size=4 * shape.hidden,
        vocab_size=shape.vocabulary,
    )
    teacher = AutoModelForMaskedLM.from_config(config, attn_implementation=attention)
    teacher = teacher.requires_grad_(False).eval()
    own = AutoConfig.for_model("distilbert", **student_config(config, "distilbert"), vocab_size=shape.vocabulary)
    student = AutoModelForMaskedLM.from_config(own, attn_implementation=attention)
    adapters = (adapter_for("distilbert"), adapter_for("bert"))
    layers = tuple(range(0, shape.layers, 2))
    start_student((student, teacher), adapters, layers, start="mapped", fold_token_types=True)
    return Models(student=student.train(), teacher=teacher, adapters=adapters, shape=shape)


def text(shape: Shape, tokens: int = 1 << 17) -> TokenStream:
    """Running text whose tokens are drawn by Zipf's law."""
    ranks = np.arange(1, shape.vocabulary - _FIRST + 1)
    drawn = np.random.default_rng(0).choice(ranks, size=tokens, p=(1 / ranks) / (1 / ranks).sum())
    ids: NDArray[Any] = (drawn + _FIRST - 1).astype(np.uint16)
    return TokenStream(tokens=ids, class_id=CLASS, separator_id=SEPARATOR)
