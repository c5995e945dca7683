"""The objective of distillation on a task: labels, the teacher's outputs, and states inside both models."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import Any

import torch
from torch import Tensor, nn

from benchbert.distillation.layer_losses import KINDS, Compared, LayerLoss, Pair
from benchbert.distillation.objective import Learner
from benchbert.distillation.states import States, Wanted, watched
from benchbert.distillation.task_data import TaughtBatch
from benchbert.distillation.task_logits import LOGIT_LOSSES_BY_HEAD
from benchbert.models.adapter import FamilyAdapter
from benchbert.training.task_losses import TASK_LOSSES

__all__ = ["TaskDistillationLoss"]


class TaskDistillationLoss:
    """Student against task teacher on the same examples; see `benchbert.training.loop.Objective`.

    Every term is a mean over the step, times its weight: of `labels` and `logits` over examples (windows of a span,
    words of tags), of `hidden` and `attention` over tokens, of `pkd` over sequences.
    """

    def __init__(
        self,
        models: tuple[nn.Module, nn.Module],
        adapters: tuple[FamilyAdapter, FamilyAdapter],
        pair: Pair | None,
        *,
        head: str,
        weights: Mapping[str, float],
        temperature: float,
    ) -> None:
        """Makes the losses between layers.

        Args:
            models: student and teacher with their heads; the teacher frozen, in eval mode.
            adapters: theirs.
            pair: what the losses between layers compare; None: there are none.
            head: of the task.
            weights: name -> weight of the losses that hold, none of them 0.
            temperature: T of `logits`.
        """
        self.models, self.adapters, self.pair = models, adapters, pair
        self.head, self.weights, self.temperature = head, weights, temperature
        self.between = nn.ModuleDict()
        for name in weights:
            if name in KINDS:
                assert pair is not None, "losses between layers compare a pair"
                self.between[name] = KINDS[name](pair)

    @property
    def learner(self) -> nn.Module:
        """What the loop is to train: the student, with the projections of the losses if they have any."""
        student = self.models[0]
        return Learner(student, self.between) if any(True for _ in self.between.parameters()) else student

    def __call__(self, model: nn.Module, batch: TaughtBatch, totals: Mapping[str, int]) -> dict[str, Tensor]:
        """Terms of one micro-batch.

        Args:
            model: what is trained.
            batch: a micro-batch.
            totals: of the step: `examples`, `sequences`, `tokens` and, where tokens are tagged, `words`.
        """
        student = model.student if isinstance(model, Learner) else model
        wanted = [self._loss(name).wanted(self._pair) for name in self.between]
        mine, theirs = (reduce(or_, (one[side] for one in wanted), Wanted()) for side in (0, 1))
        with (
            watched(self.adapters[0], student, mine) as of_student,
            watched(self.adapters[1], self.models[1], theirs) as of_teacher,
        ):
            outputs = student(**batch.student.inputs)
            with torch.no_grad():
                aims = self.models[1](**batch.teacher)
        # In float32 whatever the models compute in: differences of close numbers are what these losses are about.
        with torch.autocast(batch.student.inputs["input_ids"].device.type, enabled=False):
            terms = self._terms(outputs, aims, batch, totals)
            return terms | self._layer_terms(of_student, of_teacher, batch, totals)

    def _terms(self, outputs: Any, aims: Any, batch: TaughtBatch, totals: Mapping[str, int]) -> dict[str, Tensor]:
        """The terms on outputs."""
        terms: dict[str, Tensor] = {}
        if weight := self.weights.get("labels"):
            terms["labels"] = weight * TASK_LOSSES[self.head](outputs, batch.student, totals)
        if weight := self.weights.get("logits"):
            loss = LOGIT_LOSSES_BY_HEAD[self.head](outputs, aims, batch.student, totals, self.temperature)
            terms["logits"] = weight * loss
        return terms

    def _layer_terms(
        self, of_student: States, of_teacher: States, batch: TaughtBatch, totals: Mapping[str, int]
    ) -> dict[str, Tensor]:
        """The terms on states inside the models."""
        if not len(self.between):
            return {}
        real = batch.student.inputs["attention_mask"].bool()
        seen = Compared(student=of_student, teacher=of_teacher, real=real)
        found = {}
        for name in self.between:
            loss = self._loss(name)
            found[name] = self.weights[name] * loss.sum(seen, self._pair) / totals[loss.per]
        return found

    @property
    def _pair(self) -> Pair:
        assert self.pair is not None, "losses between layers compare a pair"
        return self.pair

    def _loss(self, name: str) -> LayerLoss:
        loss = self.between[name]
        assert isinstance(loss, LayerLoss)
        return loss
