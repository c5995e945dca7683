"""Distillation of a masked language model: the job, and the losses on logits and last hidden states.

These are DistilBERT's (Sanh et al. 2019, arXiv 1910.01108), with TinyBERT's prediction loss (Jiao et al. 2020, arXiv
1909.10351) and the divergence over masked positions alone; losses between layers stand in `layer_losses`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from benchbert.distillation.losses import cosine_loss, distillation_loss, logit_mse_loss, soft_cross_entropy_loss
from benchbert.distillation.objective import Distillation
from benchbert.distillation.servable import check_lengths, check_vocabularies, mapped_layers, served_pair
from benchbert.distillation.stages import Stages
from benchbert.distillation.student import start_student, student_config
from benchbert.errors import TrainingError
from benchbert.lock import ModelLock
from benchbert.models.adapter import FamilyAdapter, adapter_for
from benchbert.models.load import load_model, load_tokenizer
from benchbert.recipe import LATER
from benchbert.recipe_losses import LOGIT_LOSSES
from benchbert.store.context import JobContext, Outcome
from benchbert.training.artefact import Made, keep_model, recipe_values
from benchbert.training.attention import attention_for
from benchbert.training.hidden_states import HiddenStates
from benchbert.training.loop import train
from benchbert.training.masked_steps import MaskedBatch, MaskedSteps
from benchbert.training.pretrain import held_out_losses, make_steps
from benchbert.training.recipe_run import RecipeRun, new_config, new_model

__all__ = ["EVERYWHERE", "Lesson", "TripleLoss", "load_teacher", "make_lesson", "run"]

_CHUNK = 2_048
"""Positions whose logits of both models are held at once."""

EVERYWHERE = ("ce", "mse", "prediction")
"""Losses on the logits of all tokens."""


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """A student with its teacher, ready to be trained."""

    student: nn.Module
    """Masked language model with its first weights."""
    teacher: nn.Module
    """Masked language model, frozen."""
    objective: Distillation
    """The losses; its `learner` is what is trained."""
    steps: Callable[[int], tuple[list[MaskedBatch], dict[str, int]]]
    """Step -> its micro-batches and totals."""
    layers: tuple[int, ...]
    """Teacher layer of each student layer."""


def run(context: JobContext) -> Outcome:
    """Carries out a recipe of the kind `distil`.

    Raises:
        TrainingError: teacher and student do not fit, or the loss is not a number.
    """
    recipe = RecipeRun(context)
    lesson = make_lesson(recipe, load_teacher(context), _teacher_tokenizer(context))
    curve = train(
        lesson.objective.learner,
        lesson.steps,
        lesson.objective,
        recipe.loop_settings,
        checkpoint=recipe.checkpoint,
        owner=context.job.id,
        report=context.report,
        also=(lesson.teacher,),
    )
    held_out = held_out_losses(lesson.student, adapter_for(recipe.family), recipe)
    made = Made(model=lesson.student, tokenizer=recipe.tokenizer, recipe=recipe, curve=curve, held_out=held_out)
    return Outcome(
        values=recipe_values(recipe, curve, held_out),
        artefacts=(keep_model(context, made),),
        samples={"curve": {"steps": curve.steps, "terms": curve.terms}, "layer_map": list(lesson.layers)},
        provenance={"notes": curve.notes},
    )


def make_lesson(recipe: RecipeRun, teacher: nn.Module, teacher_tokenizer: Any) -> Lesson:
    """Makes the student of a recipe, and what trains it.

    Raises:
        TrainingError: teacher and student do not fit.
    """
    settings = {**LATER, **recipe.settings}
    config: Any = teacher.config
    check_vocabularies(recipe.tokenizer, teacher_tokenizer, config.vocab_size)
    inherited = student_config(config, recipe.family, settings["start"])
    student = new_model(recipe, new_config(recipe, **inherited))
    models, adapters = (student, teacher), (adapter_for(recipe.family), adapter_for(config.model_type))
    check_lengths(settings, models)
    layers = mapped_layers(settings, models, adapters)
    pair = served_pair(settings, models, adapters, layers)
    start_student(models, adapters, layers, start=settings["start"], fold_token_types=settings["mode"] == "paper")
    stages = Stages(settings)
    return Lesson(
        student=student,
        teacher=teacher,
        objective=Distillation(models, adapters, stages, pair, partial(TripleLoss, teacher, adapters)),
        steps=_numbered(make_steps(recipe, "train"), lambda step: stages.freeze(student, adapters[0], step)),
        layers=layers,
    )


def _numbered(
    steps: MaskedSteps, prepare: Callable[[int], None]
) -> Callable[[int], tuple[list[MaskedBatch], dict[str, int]]]:
    """The steps, each prepared, with its number and its count of sequences among the totals."""

    def numbered(step: int) -> tuple[list[MaskedBatch], dict[str, int]]:
        prepare(step)
        batches, totals = steps(step)
        return batches, totals | {"step": step, "sequences": sum(len(batch.input_ids) for batch in batches)}

    return numbered


def _teacher_tokenizer(context: JobContext) -> Any:
    name, folder = context.recipe.teacher_model, context.input_folder("teacher")
    if folder is not None:
        return load_tokenizer(ModelLock(name="teacher", family="", weights="folder", folder=str(folder)))
    return load_tokenizer(context.lock.models[name])


def load_teacher(context: JobContext) -> Any:
    """The teacher with its masked-LM head, frozen, in eval mode."""
    name = context.recipe.teacher_model
    folder = context.input_folder("teacher")
    lock = (
        context.lock.models[name]
        if name
        else ModelLock(name="teacher", family="", weights="folder", folder=str(folder))
    )
    attention = attention_for(str(context.job.spec["device"]))
    model = load_model(lock, head="masked_lm", folder=folder, attention=attention).model
    model.requires_grad_(False)
    return model.eval()


class TripleLoss:
    """Student against teacher on the same masked input: ce, mlm, cos, mse, masked_ce and prediction with the recipe's
    weights, those that are not named being 0. Padding does not count.
    """

    def __init__(
        self,
        teacher: nn.Module,
        adapters: tuple[FamilyAdapter, FamilyAdapter],
        weights: Mapping[str, float],
        temperature: float,
    ) -> None:
        if not any(weights.values()):
            raise TrainingError("losses: all weights are 0; nothing would be learnt")
        self.teacher, self.temperature = teacher, temperature
        self.weights = {**dict.fromkeys(LOGIT_LOSSES, 0.0), **weights}
        self.of_student, self.of_teacher = adapters
        self.student_states = HiddenStates(self.of_student)

    def __call__(self, student: nn.Module, batch: MaskedBatch, totals: Mapping[str, int]) -> dict[str, Tensor]:
        """See `benchbert.training.loop.Objective`; every term is a mean over the step, times its weight."""
        with torch.no_grad():
            teacher_PH = _hidden(self.of_teacher, self.teacher, batch)
        student_PH = self.student_states(student, batch).tokens
        terms: dict[str, Tensor] = {}
        weights = self.weights
        real_of_student, real_of_teacher = student_PH, teacher_PH
        if batch.attention_mask is not None:
            real = batch.attention_mask.flatten().bool()
            real_of_student, real_of_teacher = student_PH[real], teacher_PH[real]
        if any(weights[name] for name in EVERYWHERE):
            terms |= self._logit_terms(student, real_of_student, real_of_teacher, totals)
        if weights["mlm"] or weights["masked_ce"]:
            terms |= self._masked_terms(student, student_PH, teacher_PH, batch, totals)
        if weights["cos"]:
            terms["cos"] = weights["cos"] * cosine_loss(real_of_student, real_of_teacher) / totals["tokens"]
        return terms

    def _masked_terms(
        self,
        student: nn.Module,
        student_PH: Tensor,
        teacher_PH: Tensor,
        batch: MaskedBatch,
        totals: Mapping[str, int],
    ) -> dict[str, Tensor]:
        """The terms over masked positions alone: only these go through the vocabulary projection."""
        terms: dict[str, Tensor] = {}
        logits = self.of_student.mlm_head(student)(student_PH[batch.positions])
        if weight := self.weights["mlm"]:
            loss = functional.cross_entropy(logits.float(), batch.targets, reduction="sum")
            terms["mlm"] = weight * loss / totals["masked"]
        if weight := self.weights["masked_ce"]:
            with torch.no_grad():
                aims = self.of_teacher.mlm_head(self.teacher)(teacher_PH[batch.positions])
            terms["masked_ce"] = weight * distillation_loss(logits, aims, self.temperature) / totals["masked"]
        return terms

    def _logit_terms(
        self, student: nn.Module, student_PH: Tensor, teacher_PH: Tensor, totals: Mapping[str, int]
    ) -> dict[str, Tensor]:
        """The terms that need both models' logits, chunk by chunk: P x V logits of both are never held at once."""
        if len(student_PH) <= _CHUNK:
            # One chunk: its logits are held anyway, and recomputing them would only cost time.
            losses = self._logit_losses(student, student_PH, teacher_PH)
            named = zip(EVERYWHERE, losses, strict=True)
            return {n: self.weights[n] * loss / totals["tokens"] for n, loss in named if self.weights[n]}
        terms: dict[str, Tensor] = {}
        for start in range(0, len(student_PH), _CHUNK):
            part = slice(start, start + _CHUNK)
            found = checkpoint(self._logit_losses, student, student_PH[part], teacher_PH[part], use_reentrant=False)
            for name, loss in zip(EVERYWHERE, found, strict=True):
                if self.weights[name]:
                    term = self.weights[name] * loss / totals["tokens"]
                    terms[name] = terms[name] + term if name in terms else term
        return terms

    def _logit_losses(self, student: nn.Module, student_PH: Tensor, teacher_PH: Tensor) -> tuple[Tensor, ...]:
        """The losses of `EVERYWHERE` in this order, without their weights."""
        student_PV = self.of_student.mlm_head(student)(student_PH)
        with torch.no_grad():
            teacher_PV = self.of_teacher.mlm_head(self.teacher)(teacher_PH)
        nothing = student_PV.new_zeros(())
        ce = distillation_loss(student_PV, teacher_PV, self.temperature) if self.weights["ce"] else nothing
        mse = logit_mse_loss(student_PV, teacher_PV) if self.weights["mse"] else nothing
        prediction = soft_cross_entropy_loss(student_PV, teacher_PV) if self.weights["prediction"] else nothing
        return ce, mse, prediction


def _hidden(adapter: FamilyAdapter, model: nn.Module, batch: MaskedBatch) -> Tensor:
    """Last hidden states of shape (batch * seq, hidden)."""
    inputs = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
    hidden: Tensor = adapter.base_model(model)(**inputs).last_hidden_state
    return hidden.flatten(0, 1)
