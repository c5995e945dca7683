"""The objective of distillation: losses on logits and losses between layers, from one forward pass of each model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, reduce
from operator import or_

import torch
from torch import Tensor, nn

from benchbert.distillation.layer_losses import KINDS, Compared, LayerLoss, Pair
from benchbert.distillation.stages import Stage, Stages
from benchbert.distillation.states import Wanted, watched
from benchbert.models.adapter import FamilyAdapter
from benchbert.recipe_losses import LOGIT_LOSSES
from benchbert.training.loop import Objective
from benchbert.training.masked_steps import MaskedBatch

__all__ = ["Distillation", "Learner"]

Logits = Callable[[Mapping[str, float], float], Objective]
"""(weights of the losses on logits, temperature) -> their objective, which runs both models."""


class Learner(nn.Module):
    """What is trained: the student, and the projections of the losses, which are thrown away afterwards."""

    def __init__(self, student: nn.Module, projections: nn.Module) -> None:
        super().__init__()
        self.student, self.projections = student, projections


class Distillation:
    """Student against teacher on the same masked input; see `benchbert.training.loop.Objective`."""

    def __init__(
        self,
        models: tuple[nn.Module, nn.Module],
        adapters: tuple[FamilyAdapter, FamilyAdapter],
        stages: Stages,
        pair: Pair,
        logits: Logits,
    ) -> None:
        """Makes the losses between layers.

        Args:
            models: student and teacher; the teacher frozen.
            adapters: theirs.
            stages: what holds when.
            pair: what the layer losses compare.
            logits: makes the objective of the losses on logits.
        """
        self.models, self.adapters, self.stages, self.pair = models, adapters, stages, pair
        self.between = nn.ModuleDict({name: KINDS[name](pair) for name in stages.names if name in KINDS})
        # Without schedules one objective serves all steps.
        self._logits = lru_cache(maxsize=1)(lambda weights, temperature: logits(dict(weights), temperature))

    @property
    def learner(self) -> nn.Module:
        """What the loop is to train: the student, with the projections of the losses if they have any."""
        student = self.models[0]
        return Learner(student, self.between) if any(True for _ in self.between.parameters()) else student

    def __call__(self, model: nn.Module, batch: MaskedBatch, totals: Mapping[str, int]) -> dict[str, Tensor]:
        """Every term is a mean over the step, times its weight.

        Args:
            model: what is trained.
            batch: a micro-batch.
            totals: of the step: `tokens`, `masked`, `sequences`, and `step`, its number from 0.
        """
        stage = self.stages.at(totals["step"])
        student = model.student if isinstance(model, Learner) else model
        pair = self.pair.among(stage.layers)
        losses = {name: self._loss(name) for name in self.between if stage.weights[name]}
        wanted = [loss.wanted(pair) for loss in losses.values()]
        mine, theirs = (reduce(or_, (one[side] for one in wanted), Wanted()) for side in (0, 1))
        with (
            watched(self.adapters[0], student, mine) as of_student,
            watched(self.adapters[1], self.models[1], theirs) as of_teacher,
        ):
            terms = self._run(student, batch, totals, stage)
        if losses:
            real = None if batch.attention_mask is None else batch.attention_mask.bool()
            seen = Compared(student=of_student, teacher=of_teacher, real=real)
            # In float32 whatever the models compute in: differences of close numbers are what these losses are about.
            with torch.autocast(batch.input_ids.device.type, enabled=False):
                for name, loss in losses.items():
                    terms[name] = stage.weights[name] * loss.sum(seen, pair) / totals[loss.per]
        return terms

    def _loss(self, name: str) -> LayerLoss:
        loss = self.between[name]
        assert isinstance(loss, LayerLoss)
        return loss

    def _run(
        self, student: nn.Module, batch: MaskedBatch, totals: Mapping[str, int], stage: Stage
    ) -> dict[str, Tensor]:
        """Both forward passes, and the terms on logits."""
        weights = tuple((name, stage.weights.get(name, 0.0)) for name in LOGIT_LOSSES)
        if any(weight for _, weight in weights):
            return self._logits(weights, stage.temperature)(student, batch, totals)
        inputs = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
        with torch.no_grad():
            self.adapters[1].base_model(self.models[1])(**inputs)
        self.adapters[0].base_model(student)(**inputs)
        return {}
