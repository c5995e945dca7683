"""Distillation of a masked language model: DistilBERT's triple loss (Sanh et al. 2019, arXiv 1910.01108)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from benchbert.distillation.layer_maps import layer_map
from benchbert.distillation.losses import cosine_loss, distillation_loss, logit_mse_loss
from benchbert.distillation.student import initialise_student, student_config
from benchbert.errors import TrainingError
from benchbert.lock import ModelLock
from benchbert.models.adapter import FamilyAdapter, adapter_for
from benchbert.models.load import load_model
from benchbert.store.context import JobContext, Outcome
from benchbert.training.artefact import Made, keep_model, recipe_values
from benchbert.training.attention import attention_for
from benchbert.training.loop import train
from benchbert.training.masked_steps import MaskedBatch
from benchbert.training.pretrain import held_out_losses, make_steps
from benchbert.training.recipe_run import RecipeRun, new_config, new_model

__all__ = ["TripleLoss", "run"]

_CHUNK = 2_048
"""Positions whose logits of both models are held at once."""


def run(context: JobContext) -> Outcome:
    """Carries out a recipe of the kind `distil`.

    Raises:
        TrainingError: teacher and student do not fit, or the loss is not a number.
    """
    recipe = RecipeRun(context)
    teacher = _teacher(context)
    config: Any = teacher.config
    student = new_model(recipe, new_config(recipe, **student_config(config, recipe.family)))
    adapters = (adapter_for(recipe.family), adapter_for(config.model_type))
    counts = [len(adapter.layers(model)) for adapter, model in zip(adapters, (student, teacher), strict=True)]
    layers = layer_map(counts[1], counts[0], recipe.settings["layer_map"])
    initialise_student(student, teacher, adapters, layers)
    curve = train(
        student,
        make_steps(recipe, "train"),
        TripleLoss(teacher, adapters, recipe.settings["losses"], float(recipe.settings["temperature"])),
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
    )


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
    """Student against teacher on the same masked input: ce, mlm, cos and mse with the recipe's weights."""

    def __init__(
        self,
        teacher: nn.Module,
        adapters: tuple[FamilyAdapter, FamilyAdapter],
        weights: Mapping[str, float],
        temperature: float,
    ) -> None:
        if not any(weights.values()):
            raise TrainingError("losses: all weights are 0; nothing would be learnt")
        self.teacher, self.weights, self.temperature = teacher, weights, temperature
        self.of_student, self.of_teacher = adapters

    def __call__(self, student: nn.Module, batch: MaskedBatch, totals: Mapping[str, int]) -> dict[str, Tensor]:
        """See `benchbert.training.loop.Objective`; every term is a mean over the step, times its weight."""
        with torch.no_grad():
            teacher_PH = _hidden(self.of_teacher, self.teacher, batch)
        student_PH = _hidden(self.of_student, student, batch)
        terms: dict[str, Tensor] = {}
        weights = self.weights
        if weights["ce"] or weights["mse"]:
            terms |= self._logit_terms(student, student_PH, teacher_PH, totals)
        if weights["mlm"]:
            logits = self.of_student.mlm_head(student)(student_PH[batch.positions])
            loss = functional.cross_entropy(logits.float(), batch.targets, reduction="sum")
            terms["mlm"] = weights["mlm"] * loss / totals["masked"]
        if weights["cos"]:
            terms["cos"] = weights["cos"] * cosine_loss(student_PH, teacher_PH) / totals["tokens"]
        return terms

    def _logit_terms(
        self, student: nn.Module, student_PH: Tensor, teacher_PH: Tensor, totals: Mapping[str, int]
    ) -> dict[str, Tensor]:
        """The terms that need both models' logits, chunk by chunk: P x V logits of both are never held at once."""
        if len(student_PH) <= _CHUNK:
            # One chunk: its logits are held anyway, and recomputing them would only cost time.
            losses = self._logit_losses(student, student_PH, teacher_PH)
            named = zip(("ce", "mse"), losses, strict=True)
            return {n: self.weights[n] * loss / totals["tokens"] for n, loss in named if self.weights[n]}
        terms: dict[str, Tensor] = {}
        for start in range(0, len(student_PH), _CHUNK):
            part = slice(start, start + _CHUNK)
            found = checkpoint(self._logit_losses, student, student_PH[part], teacher_PH[part], use_reentrant=False)
            for name, loss in zip(("ce", "mse"), found, strict=True):
                if self.weights[name]:
                    term = self.weights[name] * loss / totals["tokens"]
                    terms[name] = terms[name] + term if name in terms else term
        return terms

    def _logit_losses(self, student: nn.Module, student_PH: Tensor, teacher_PH: Tensor) -> tuple[Tensor, Tensor]:
        student_PV = self.of_student.mlm_head(student)(student_PH)
        with torch.no_grad():
            teacher_PV = self.of_teacher.mlm_head(self.teacher)(teacher_PH)
        nothing = student_PV.new_zeros(())
        ce = distillation_loss(student_PV, teacher_PV, self.temperature) if self.weights["ce"] else nothing
        mse = logit_mse_loss(student_PV, teacher_PV) if self.weights["mse"] else nothing
        return ce, mse


def _hidden(adapter: FamilyAdapter, model: nn.Module, batch: MaskedBatch) -> Tensor:
    """Last hidden states of shape (batch * seq, hidden)."""
    hidden: Tensor = adapter.base_model(model)(input_ids=batch.input_ids).last_hidden_state
    return hidden.flatten(0, 1)
