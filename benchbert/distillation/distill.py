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

from benchbert.distillation.layer_losses import KINDS
from benchbert.distillation.losses import KeptShares, cosine_loss, projected_losses
from benchbert.distillation.objective import Distillation
from benchbert.distillation.servable import check_lengths, check_vocabularies, mapped_layers, served_pair
from benchbert.distillation.side_stream import beside
from benchbert.distillation.stages import Stages
from benchbert.distillation.student import start_student, student_config
from benchbert.distillation.teacher import LiveTeacher, Teacher, TeacherStates
from benchbert.distillation.teacher_cache import OpenCache, open_cache
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
from benchbert.training.repeated_steps import RepeatedSteps

__all__ = ["EVERYWHERE", "Lesson", "TripleLoss", "load_teacher", "make_lesson", "run"]

EVERYWHERE = ("ce", "mse", "prediction")
"""Losses on the logits of all tokens."""

_WHERE_MASKED = ("mlm", "masked_ce")
"""Losses on the logits of masked tokens."""


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
    cache: OpenCache | None
    """What keeps what the teacher says; None: the teacher is asked at every step."""


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
    adapter, cache = adapter_for(recipe.family), lesson.cache
    held_out = held_out_losses(lesson.student, adapter, recipe)
    made = Made(model=lesson.student, tokenizer=recipe.tokenizer, recipe=recipe, curve=curve, held_out=held_out)
    return Outcome(
        values=recipe_values(recipe, curve, held_out) + (cache.values(lesson.student, adapter) if cache else ()),
        artefacts=(keep_model(context, made),),
        samples={"curve": {"steps": curve.steps, "terms": curve.terms}, "layer_map": list(lesson.layers)},
        provenance={"notes": curve.notes + (cache.notes if cache else [])},
    )


def make_lesson(recipe: RecipeRun, teacher: nn.Module, teacher_tokenizer: Any, *, caching: bool = True) -> Lesson:
    """Makes the student of a recipe, and what trains it.

    Args:
        recipe: the job.
        teacher: masked language model, frozen.
        teacher_tokenizer: its tokenizer.
        caching: whether a teacher cache that the recipe has is opened; a rehearsal has no need of one.

    Raises:
        TrainingError: teacher and student do not fit.
        StoreError: the teacher cache cannot be written.
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
    stages, steps = Stages(settings), make_steps(recipe, "train")
    asked: Teacher = LiveTeacher(teacher, adapters[1], watched=any(name in KINDS for name in stages.names))
    cached = caching and bool(settings["teacher_cache"])
    cache = open_cache(recipe, settings, teacher, asked, steps) if cached else None
    asked = cache.teacher if cache else asked
    return Lesson(
        student=student,
        teacher=teacher,
        objective=Distillation(models, adapters, stages, pair, partial(TripleLoss, asked, adapters[0])),
        steps=_numbered(cache.steps if cache else steps, lambda step: stages.freeze(student, adapters[0], step)),
        layers=layers,
        cache=cache,
    )


def _numbered(
    steps: MaskedSteps | RepeatedSteps, prepare: Callable[[int], None]
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
        self.student_states = HiddenStates(adapter)
        self.weights = {**dict.fromkeys(LOGIT_LOSSES, 0.0), **weights}

    def __call__(self, student: nn.Module, batch: MaskedBatch, totals: Mapping[str, int]) -> dict[str, Tensor]:
        """See `benchbert.training.loop.Objective`; every term is a mean over the step, times its weight.

        The gradient is that of the sum of the terms, not of each alone.
        """
        asked = beside(lambda: self.teacher(batch, totals.get("step", 0), batch.number), batch.input_ids.device)
        states = self.student_states(student, batch).tokens
        student_PH = batch.without_padding(states.view(*batch.input_ids.shape, -1))
        told = asked()
        terms = self._logit_terms(student, student_PH, told, batch, totals)
        if weight := self.weights["cos"]:
            terms["cos"] = weight * cosine_loss(student_PH, told.hidden) / totals["tokens"]
        return terms

    def _logit_terms(
        self,
        student: nn.Module,
        student_PH: Tensor,
        told: TeacherStates,
        batch: MaskedBatch,
        totals: Mapping[str, int],
    ) -> dict[str, Tensor]:
        """The terms on logits, whose projection is done once for all of them; none, where none has a weight."""
        weights = self.weights
        factors = {name: weights[name] / totals["tokens"] for name in EVERYWHERE if weights[name]}
        masked = {name: weights[name] / totals["masked"] for name in _WHERE_MASKED if weights[name]}
        if not factors and not masked:
            return {}
        order: Tensor | None = None
        targets = batch.targets[:0]
        if masked:
            order, targets = _masked_first(batch, len(student_PH), others=bool(factors))
            student_PH = student_PH.index_select(0, order)

        def aims(rows: slice) -> Tensor | KeptShares:
            return told.logits(rows if order is None else order[rows])

        head = self.adapter.mlm_parts(student)
        return projected_losses(
            head.transform(student_PH),
            head.weight,
            head.bias,
            aims if factors or weights["masked_ce"] else None,
            targets,
            factors | masked,
            self.temperature,
        )


def _masked_first(batch: MaskedBatch, tokens: int, *, others: bool) -> tuple[Tensor, Tensor]:
    """Tokens, numbered without padding: the masked ones, and then the others where they are wanted; and the targets.

    Sizes follow from those of the batch, so that the host does not wait for a device.
    """
    rows, places = batch.masked_rows.sort()
    targets = batch.targets[places]
    if not others:
        return rows, targets
    after = torch.ones(tokens, dtype=torch.int8, device=rows.device)
    after[rows] = 0
    return after.argsort(stable=True), targets
