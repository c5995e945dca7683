"""The losses that look inside student and teacher: which states each needs, which layers it compares, how it is summed.

A loss here is one class with three parts: `wanted`, `sum` and the name of the total that it is divided by.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from benchbert.distillation.losses import (
    attention_kl_loss,
    attention_mse_loss,
    feature_map_loss,
    hidden_mse_loss,
    patient_loss,
    relation_loss,
)
from benchbert.distillation.losses.precision import wide
from benchbert.distillation.states import States, Wanted

__all__ = ["KINDS", "Compared", "LayerLoss", "Pair"]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """What the layer losses must know of student and teacher."""

    layers: tuple[tuple[int, int], ...]
    """(student layer, teacher layer) that are compared, from 0, rising."""
    widths: tuple[int, int]
    """Widths of the hidden states, student and teacher."""
    last: tuple[int, int]
    """Student's last layer and the teacher layer that MiniLM imitates by it."""
    relation_heads: int
    """MiniLM v2's relation heads."""
    mode: str = "paper"
    """`paper` or `code`."""

    def among(self, layers: Sequence[int]) -> Pair:
        """The same for some student layers; none: for all."""
        return replace(self, layers=tuple(p for p in self.layers if p[0] in layers)) if layers else self


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One forward pass of both models."""

    student: States
    """Of the student."""
    teacher: States
    """Of the teacher, without gradients."""
    real: Tensor | None
    """True on tokens, false on padding, of shape (batch, seq); None: there is no padding."""

    def rows(self, hidden: Tensor) -> Tensor:
        """Hidden states of real tokens, of shape (positions, hidden)."""
        return hidden.flatten(0, 1) if self.real is None else hidden[self.real]


class LayerLoss(nn.Module, ABC):
    """A loss between layers; its projections, if it has any, are its parameters."""

    per: Literal["tokens", "sequences"] = "tokens"
    """Total of the step that its sum is divided by."""

    @abstractmethod
    def wanted(self, pair: Pair) -> tuple[Wanted, Wanted]:
        """States of student and teacher that it needs."""

    @abstractmethod
    def sum(self, seen: Compared, pair: Pair) -> Tensor:
        """The loss, a scalar, summed over positions or sequences and over layers."""


class _Attention(LayerLoss):
    """A loss between the attention scores of the mapped layers."""

    def __init__(self, loss: Callable[[Tensor, Tensor, Tensor | None], Tensor]) -> None:
        super().__init__()
        self._loss = loss

    def wanted(self, pair: Pair) -> tuple[Wanted, Wanted]:
        """Queries and keys of the mapped layers."""
        mine, theirs = _sides(pair.layers)
        return Wanted(attention=mine), Wanted(attention=theirs)

    def sum(self, seen: Compared, pair: Pair) -> Tensor:
        """Over the mapped layers."""
        found = [self._loss(seen.student.scores(s), seen.teacher.scores(t), seen.real) for s, t in pair.layers]
        return torch.stack(found).sum()


class _Relations(LayerLoss):
    """MiniLM, on one layer of each: v1 on attention and values, v2 on queries, keys and values."""

    def __init__(self, *, second: bool) -> None:
        super().__init__()
        self._second = second

    def wanted(self, pair: Pair) -> tuple[Wanted, Wanted]:
        """Queries, keys and values of the student's last layer and of the teacher's chosen one."""
        mine, theirs = _sides([pair.last])
        return Wanted(attention=mine), Wanted(attention=theirs)

    def sum(self, seen: Compared, pair: Pair) -> Tensor:
        """v1: both divergences; v2: a third of each of three."""
        s, t = pair.last
        student, teacher, real = seen.student, seen.teacher, seen.real
        if not self._second:
            attention = attention_kl_loss(student.scores(s), teacher.scores(t), real)
            return attention + relation_loss(student.values[s], teacher.values[t], student.taps[s].heads, real)
        roles = ((student.queries, teacher.queries), (student.keys, teacher.keys), (student.values, teacher.values))
        found = [relation_loss(mine[s], theirs[t], pair.relation_heads, real) for mine, theirs in roles]
        return torch.stack(found).sum() / 3


class _Hidden(LayerLoss):
    """TinyBERT's embeddings and hidden states, projected to the teacher's width.

    `paper`: matrices W_e for the embeddings and W_h for all layers, without bias. `code`: one with a bias for both.
    """

    def __init__(self, pair: Pair) -> None:
        super().__init__()
        self.of_layers = _projection(pair.widths, bias=pair.mode == "code")
        self.of_embeddings = self.of_layers if pair.mode == "code" else _projection(pair.widths)
        self._all = len(pair.layers)

    def wanted(self, pair: Pair) -> tuple[Wanted, Wanted]:
        """Outputs of the mapped layers; the embeddings too where all layers are compared."""
        mine, theirs = _sides(self._numbers(pair))
        return Wanted(hidden=mine), Wanted(hidden=theirs)

    def sum(self, seen: Compared, pair: Pair) -> Tensor:
        """Over the embeddings and the mapped layers."""
        found = []
        for s, t in self._numbers(pair):
            projection = self.of_layers if s else self.of_embeddings
            projected = projection(wide(seen.rows(seen.student.hidden[s])))
            found.append(hidden_mse_loss(projected, seen.rows(seen.teacher.hidden[t])))
        return torch.stack(found).sum()

    def _numbers(self, pair: Pair) -> list[tuple[int, int]]:
        return ([(0, 0)] if len(pair.layers) == self._all else []) + [(s + 1, t + 1) for s, t in pair.layers]


class _FeatureMap(LayerLoss):
    """MobileBERT's feature maps: outputs of the mapped layers."""

    def wanted(self, pair: Pair) -> tuple[Wanted, Wanted]:
        """Outputs of the mapped layers."""
        mine, theirs = _sides([(s + 1, t + 1) for s, t in pair.layers])
        return Wanted(hidden=mine), Wanted(hidden=theirs)

    def sum(self, seen: Compared, pair: Pair) -> Tensor:
        """Over the mapped layers."""
        student, teacher = seen.student.hidden, seen.teacher.hidden
        found = [feature_map_loss(seen.rows(student[s + 1]), seen.rows(teacher[t + 1])) for s, t in pair.layers]
        return torch.stack(found).sum()


class _Patient(LayerLoss):
    """PKD's class-token states of the mapped layers but the student's last, projected where the widths differ.

    The paper has no projection: its students are as wide as their teachers.
    """

    per = "sequences"

    def __init__(self, pair: Pair) -> None:
        super().__init__()
        self.projection = _projection(pair.widths) if pair.widths[0] != pair.widths[1] else nn.Identity()

    def wanted(self, pair: Pair) -> tuple[Wanted, Wanted]:
        """Outputs of the mapped layers but the last; of that one if there is no other."""
        mine, theirs = _sides(self._numbers(pair))
        return Wanted(hidden=mine), Wanted(hidden=theirs)

    def sum(self, seen: Compared, pair: Pair) -> Tensor:
        """Over the layers; the class token opens each sequence."""
        student, teacher = seen.student.hidden, seen.teacher.hidden
        pairs = self._numbers(pair)
        return torch.stack(
            [patient_loss(self.projection(wide(student[s][:, 0])), teacher[t][:, 0]) for s, t in pairs]
        ).sum()

    @staticmethod
    def _numbers(pair: Pair) -> list[tuple[int, int]]:
        numbers = [(s + 1, t + 1) for s, t in pair.layers]
        return [(s, t) for s, t in numbers if s <= pair.last[0]] or numbers


def _sides(pairs: Sequence[tuple[int, int]]) -> tuple[frozenset[int], frozenset[int]]:
    return frozenset(s for s, _ in pairs), frozenset(t for _, t in pairs)


def _projection(widths: tuple[int, int], *, bias: bool = False) -> nn.Linear:
    """From the student's width to the teacher's; the identity at first where they agree, else orthogonal."""
    with torch.random.fork_rng(devices=[]):
        # The same projection whatever was drawn before, and nothing else changes because it was drawn.
        torch.manual_seed(0)
        linear = nn.Linear(*widths, bias=bias)
        (nn.init.eye_ if widths[0] == widths[1] else nn.init.orthogonal_)(linear.weight)
    if bias:
        nn.init.zeros_(linear.bias)
    return linear


KINDS: dict[str, Callable[[Pair], LayerLoss]] = {
    "attention": lambda pair: _Attention(attention_mse_loss),
    "attention_kl": lambda pair: _Attention(attention_kl_loss),
    "minilm": lambda pair: _Relations(second=False),
    "minilmv2": lambda pair: _Relations(second=True),
    "hidden": _Hidden,
    "feature_map": lambda pair: _FeatureMap(),
    "pkd": _Patient,
}
"""Name in a recipe -> the loss for a pair of models."""
