"""Distillation of a masked language model: the job, and the losses on logits and last hidden states.

These are DistilBERT's (Sanh et al. 2019, arXiv 1910.01108), with TinyBERT's prediction loss (Jiao et al. 2020, arXiv
1909.10351) and the divergence over masked positions alone; losses between layers stand in `layer_losses`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from benchbert.distillation.losses import cosine_loss, distillation_loss, logit_mse_loss, soft_cross_entropy_loss
from benchbert.distillation.objective import Distillation
from benchbert.distillation.servable import check_vocabularies, mapped_layers, served_pair
from benchbert.distillation.stages import Stages
from benchbert.distillation.student import start_student, student_config
from benchbert.distillation.teacher import LiveTeacher, Teacher, TeacherStates
from benchbert.errors import TrainingError
from benchbert.lock import ModelLock
from benchbert.models.adapter import FamilyAdapter, adapter_for
from benchbert.models.load import load_model, load_tokenizer
from benchbert.recipe import LATER
from benchbert.recipe_losses import LOGIT_LOSSES
from benchbert.store.context import JobContext, Outcome
from benchbert.training.artefact import Made, keep_model, recipe_values
from benchbert.training.attention import attention_for
from benchbert.training.loop import train
from benchbert.training.masked_steps import MaskedBatch, MaskedSteps
from benchbert.training.pretrain import held_out_losses, make_steps
from benchbert.training.recipe_run import RecipeRun, new_config, new_model

__all__ = ["TripleLoss", "run"]

_CHUNK = 2_048
"""Positions whose logits of both models are held at once."""

_EVERYWHERE = ("ce", "mse", "prediction")
"""Losses on the logits of all tokens."""


def run(context: JobContext) -> Outcome:
    """Carries out a recipe of the kind `distil`.

    Raises:
        TrainingError: teacher and student do not fit, or the loss is not a number.
    """
    recipe = RecipeRun(context)
    settings = {**LATER, **recipe.settings}
    teacher = _teacher(context)
    config: Any = teacher.config
    check_vocabularies(recipe.tokenizer, _teacher_tokenizer(context), config.vocab_size)
    inherited = student_config(config, recipe.family, settings["start"])
    student = new_model(recipe, new_config(recipe, **inherited))
    models, adapters = (student, teacher), (adapter_for(recipe.family), adapter_for(config.model_type))
    layers = mapped_layers(settings, models, adapters)
    pair = served_pair(settings, models, adapters, layers)
    start_student(models, adapters, layers, start=settings["start"], fold_token_types=settings["mode"] == "paper")
    stages = Stages(settings)
    objective = Distillation(
        models, adapters, stages, pair, partial(TripleLoss, LiveTeacher(teacher, adapters[1]), adapters[0])
    )
    curve = train(
        objective.learner,
        _numbered(make_steps(recipe, "train"), lambda step: stages.freeze(student, adapters[0], step)),
        objective,
        recipe.loop_settings,
        checkpoint=recipe.checkpoint,
        owner=context.job.id,
        report=context.report,
        also=(teacher,),
    )
    held_out = held_out_losses(student, adapters[0], recipe)
    made = Made(model=student, tokenizer=recipe.tokenizer, recipe=recipe, curve=curve, held_out=held_out)
    return Outcome(
        values=recipe_values(recipe, curve, held_out),
        artefacts=(keep_model(context, made),),
        samples={"curve": {"steps": curve.steps, "terms": curve.terms}, "layer_map": list(layers)},
        provenance={"notes": curve.notes},
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


def _teacher(context: JobContext) -> Any:
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
        self, teacher: Teacher, adapter: FamilyAdapter, weights: Mapping[str, float], temperature: float
    ) -> None:
        """Fixes the losses.

        Args:
            teacher: what the student learns from.
            adapter: of the student's family.
            weights: of the losses on logits.
            temperature: T of the softened distributions.

        Raises:
            TrainingError: all weights are 0.
        """
        if not any(weights.values()):
            raise TrainingError("losses: all weights are 0; nothing would be learnt")
        self.teacher, self.adapter, self.temperature = teacher, adapter, temperature
        self.weights = {**dict.fromkeys(LOGIT_LOSSES, 0.0), **weights}

    def __call__(self, student: nn.Module, batch: MaskedBatch, totals: Mapping[str, int]) -> dict[str, Tensor]:
        """See `benchbert.training.loop.Objective`; every term is a mean over the step, times its weight."""
        told = self.teacher(batch, totals.get("step", 0), batch.number)
        student_PH = _student_hidden(self.adapter, student, batch)
        terms: dict[str, Tensor] = {}
        weights = self.weights
        if any(weights[name] for name in _EVERYWHERE):
            terms |= self._logit_terms(student, student_PH, told, totals)
        if weights["mlm"] or weights["masked_ce"]:
            terms |= self._masked_terms(student, student_PH, told, batch, totals)
        if weights["cos"]:
            terms["cos"] = weights["cos"] * cosine_loss(student_PH, told.hidden) / totals["tokens"]
        return terms

    def _masked_terms(
        self,
        student: nn.Module,
        student_PH: Tensor,
        told: TeacherStates,
        batch: MaskedBatch,
        totals: Mapping[str, int],
    ) -> dict[str, Tensor]:
        """The terms over masked positions alone: only these go through the vocabulary projection."""
        terms: dict[str, Tensor] = {}
        rows = batch.masked_rows
        logits = self.adapter.mlm_head(student)(student_PH[rows])
        if weight := self.weights["mlm"]:
            loss = functional.cross_entropy(logits.float(), batch.targets, reduction="sum")
            terms["mlm"] = weight * loss / totals["masked"]
        if weight := self.weights["masked_ce"]:
            loss = distillation_loss(logits, told.logits(rows), self.temperature)
            terms["masked_ce"] = weight * loss / totals["masked"]
        return terms

    def _logit_terms(
        self, student: nn.Module, student_PH: Tensor, told: TeacherStates, totals: Mapping[str, int]
    ) -> dict[str, Tensor]:
        """The terms that need both models' logits, chunk by chunk: P x V logits of both are never held at once."""
        if len(student_PH) <= _CHUNK:
            # One chunk: its logits are held anyway, and recomputing them would only cost time.
            losses = self._logit_losses(student, student_PH, told, slice(None))
            named = zip(_EVERYWHERE, losses, strict=True)
            return {n: self.weights[n] * loss / totals["tokens"] for n, loss in named if self.weights[n]}
        terms: dict[str, Tensor] = {}
        for start in range(0, len(student_PH), _CHUNK):
            part = slice(start, start + _CHUNK)
            found = checkpoint(self._logit_losses, student, student_PH[part], told, part, use_reentrant=False)
            for name, loss in zip(_EVERYWHERE, found, strict=True):
                if self.weights[name]:
                    term = self.weights[name] * loss / totals["tokens"]
                    terms[name] = terms[name] + term if name in terms else term
        return terms

    def _logit_losses(
        self, student: nn.Module, student_PH: Tensor, told: TeacherStates, rows: slice
    ) -> tuple[Tensor, ...]:
        """The losses of `_EVERYWHERE` in this order, without their weights."""
        student_PV = self.adapter.mlm_head(student)(student_PH)
        teacher_PV = told.logits(rows)
        nothing = student_PV.new_zeros(())
        ce = distillation_loss(student_PV, teacher_PV, self.temperature) if self.weights["ce"] else nothing
        mse = logit_mse_loss(student_PV, teacher_PV) if self.weights["mse"] else nothing
        prediction = soft_cross_entropy_loss(student_PV, teacher_PV) if self.weights["prediction"] else nothing
        return ce, mse, prediction


def _student_hidden(adapter: FamilyAdapter, student: nn.Module, batch: MaskedBatch) -> Tensor:
    """The student's last hidden states of the tokens, padding left out, of shape (P, H)."""
    inputs = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
    return batch.without_padding(adapter.base_model(student)(**inputs).last_hidden_state)
