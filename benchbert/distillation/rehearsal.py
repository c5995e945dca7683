"""A few optimizer steps of a recipe, timed: what its training costs on this machine.

Everything is the recipe's own (models, losses, shapes, dtype, threads) but for three things, none of which the time
depends on: weights are random where a teacher is yet to be made, the text is a sample of the corpus with a tokenizer
trained on that sample, and a step of many micro-batches is cut to one and counted as often as it has them.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import nn

from benchbert.distillation.distill import EVERYWHERE, load_teacher, make_lesson
from benchbert.distillation.planner import Rehearsed, Text
from benchbert.models.adapter import adapter_for
from benchbert.models.load import load_tokenizer
from benchbert.recipe_losses import as_schedule
from benchbert.store.context import JobContext
from benchbert.training.corpus import TokenStream, tokenize
from benchbert.training.documents import Documents
from benchbert.training.loop import Objective, train
from benchbert.training.pretrain import Pretraining, growing_steps, make_steps
from benchbert.training.recipe_run import RecipeRun, new_model
from benchbert.training.wordpiece import train_wordpiece

__all__ = ["Rehearsal", "rehearse"]

_SAMPLE = 1 << 20
"""Characters of the corpus that are read."""

_STEPS = 6
"""Steps of a phase at most: the first warms up, and the middle one of the others counts."""

_RATE = 1e-6
"""Learning rate: small enough that nothing of what is trained here can leave the numbers."""

_SHAPE = ("steps", "batch_size", "sequence_length")

Clock = Callable[[], float]
"""Seconds since some moment."""

Steps = Callable[[int], tuple[Sequence[Any], Mapping[str, int]]]
"""Step -> its micro-batches and totals."""


class _EnoughError(Exception):
    """Ends the loop between two steps; nobody sees it."""


@dataclass(frozen=True)
class Rehearsal(RecipeRun):
    """A recipe on a sample of its corpus, with steps of one micro-batch."""

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """Fields of the recipe, batches cut to a micro-batch."""
        settings = self.context.recipe.settings
        return {**settings, "phases": [phase | {"batch_size": self._rows(phase)} for phase in settings["phases"]]}

    @property
    def parts(self) -> list[float]:
        """How often the cut step of each phase goes into the whole one."""
        pairs = zip(self.context.recipe.settings["phases"], self.settings["phases"], strict=True)
        return [whole["batch_size"] / cut["batch_size"] for whole, cut in pairs]

    @cached_property
    def text(self) -> tuple[list[str], int]:
        """Documents from all over the training split, and how many it has; 0: it is streamed, and nobody knows."""
        found = self.documents("train")
        texts: list[str] = []
        size = 0
        for text in found.shuffled(self.seed):
            texts.append(text)
            size += len(text)
            if size >= _SAMPLE:
                break
        return texts, len(found) if isinstance(found, Documents) else 0

    @cached_property
    def tokenizer(self) -> Any:
        """The tokenizer of a registered teacher, or one trained on the sample; a recipe's is not made yet."""
        recipe = self.context.recipe
        if below := recipe.tokenizer_recipe or recipe.teacher_recipe:
            return self.below(below).tokenizer
        if recipe.teacher_model:
            return load_tokenizer(self.context.lock.models[recipe.teacher_model])
        longest = max(phase["sequence_length"] for phase in self.settings["phases"])
        return train_wordpiece(self.text[0], vocabulary=self.settings["vocabulary"], max_length=max(512, longest))

    def stream(self, split: str, *, at_least: int, enough: int) -> TokenStream:
        """The sample as tokens, repeated where a single sequence needs more; the same for every split."""
        times = -(-(at_least + 1) // len(self.sample.tokens))
        return replace(self.sample, tokens=np.tile(self.sample.tokens, times))

    @cached_property
    def sample(self) -> TokenStream:
        """The documents that were read, as tokens."""
        return tokenize(self.text[0], self.tokenizer, at_least=1, enough=1 << 40)

    def corpus(self) -> Text:
        """How long the corpus is, from the sample."""
        texts, documents = self.text
        return Text(
            tokens=round(len(self.sample.tokens) * documents / len(texts)), documents=documents, read=len(texts)
        )

    def below(self, recipe_digest: str) -> Rehearsal:
        """The rehearsal of a recipe that this one stands on."""
        job = self.context.job
        job = replace(job, spec={**job.spec, "revision": recipe_digest})
        return Rehearsal(replace(self.context, job=job))

    def _rows(self, phase: Mapping[str, Any]) -> int:
        return min(int(phase["batch_size"]), max(1, self.token_budget // int(phase["sequence_length"])))


def rehearse(context: JobContext, seconds: float, clock: Clock = time.perf_counter) -> Rehearsed:
    """Times the steps of one recipe's job.

    Args:
        context: the job; nothing of it is made, and its inputs need not be there.
        seconds: for the steps; a step under way is never cut off, and each recipe takes one at least.
        clock: tells the time.

    Raises:
        TrainingError: teacher and student do not fit.
        UnavailableError, DataError: the corpus or a registered teacher cannot be had.
    """
    recipe = Rehearsal(context)
    if context.job.kind == "pretrain":
        model, adapter = new_model(recipe), adapter_for(recipe.family)
        steps = growing_steps(make_steps(recipe, "train"), model, adapter)
        made = _Taught(model=model, teacher=None, learner=model, steps=steps, objective=Pretraining(adapter))
    else:
        made = _taught(recipe)
    times = _timed_steps(made, recipe, seconds=seconds, clock=clock)
    measured = [statistics.median(taken[1:] or taken) if taken else None for taken in times]
    return Rehearsed(
        name=str(recipe.settings["name"]),
        revision=context.recipe.digest,
        kind=context.job.kind,
        family=recipe.family,
        config=_numbers(made.model),
        teacher_family=str(made.teacher.config.model_type) if made.teacher is not None else "",
        teacher_config=_numbers(made.teacher) if made.teacher is not None else {},
        teacher_revision=context.recipe.teacher_recipe,
        projected=_projected(context.recipe.settings),
        phases=[{key: phase[key] for key in _SHAPE} for phase in context.recipe.settings["phases"]],
        seconds=[None if one is None else one * part for one, part in zip(measured, recipe.parts, strict=True)],
        cut=max(recipe.parts) > 1,
        corpus=recipe.corpus(),
    )


@dataclass(frozen=True, kw_only=True)
class _Taught:
    """What the loop needs."""

    model: nn.Module
    """What is made."""
    teacher: Any
    """Its teacher; None: it has none."""
    learner: nn.Module
    """The model, with the projections of its losses."""
    steps: Steps
    """Step -> micro-batches and totals."""
    objective: Objective
    """The losses."""

    @property
    def also(self) -> tuple[nn.Module, ...]:
        """Modules to place beside the model."""
        return () if self.teacher is None else (self.teacher,)


def _taught(recipe: Rehearsal) -> _Taught:
    context = recipe.context
    if below := context.recipe.teacher_recipe:
        teacher = new_model(recipe.below(below))
        teacher.requires_grad_(False)
        teacher.eval()
    else:
        teacher = load_teacher(context)
    lesson = make_lesson(recipe, teacher, recipe.tokenizer, caching=False)
    return _Taught(
        model=lesson.student,
        teacher=teacher,
        learner=lesson.objective.learner,
        steps=lesson.steps,
        objective=lesson.objective,
    )


class _Timed:
    """A recipe's steps, the first ones of each phase, with the time that each took; ends the loop when it is up.

    Phases share evenly the time that is left; with none left, a phase stays without a time.
    """

    def __init__(self, recipe: RecipeRun, steps: Steps, *, seconds: float, clock: Clock) -> None:
        self._recipe, self._steps, self._seconds, self._clock = recipe, steps, seconds, clock
        self._phases: list[Mapping[str, Any]] = list(recipe.settings["phases"])
        self._firsts = np.cumsum([0, *(phase["steps"] for phase in self._phases)]).tolist()
        self.times: list[list[float]] = [[] for _ in self._phases]
        """Seconds of the steps of each phase, with making their batches."""
        self._phase = 0
        self._began = self._since = clock()
        self._until = self._began + seconds / len(self._phases)

    def __call__(self, step: int) -> tuple[Sequence[Any], Mapping[str, int]]:
        """What the loop is to do next; the step before has ended."""
        if self._recipe.device == "cuda":
            torch.cuda.synchronize()
        now = self._clock()
        if step:
            self.times[self._phase].append(now - self._since)
            done, total = int(now - self._began), int(self._seconds)
            self._recipe.context.report(min(done, total), total, str(self._recipe.settings["name"]))
            if now >= self._until or len(self.times[self._phase]) >= _STEPS:
                self._go_on(now)
        self._since = self._clock()
        within = min(len(self.times[self._phase]), self._phases[self._phase]["steps"] - 1)
        return self._steps(self._firsts[self._phase] + within)

    def _go_on(self, now: float) -> None:
        """To the next phase.

        Raises:
            _EnoughError: there is none, or no time for it.
        """
        self._phase += 1
        left = self._began + self._seconds - now
        if self._phase == len(self._phases) or left <= 0:
            raise _EnoughError
        self._until = now + left / (len(self._phases) - self._phase)


def _timed_steps(made: _Taught, recipe: RecipeRun, *, seconds: float, clock: Clock) -> list[list[float]]:
    """Seconds of the optimizer steps of each phase in the loop that trains; none where there was no time."""
    timed = _Timed(recipe, made.steps, seconds=seconds, clock=clock)
    settings = replace(
        recipe.loop_settings, steps=1 << 30, learning_rate=_RATE, checkpoint_every=float("inf"), about={}
    )
    try:
        train(
            made.learner,
            timed,
            made.objective,
            settings,
            checkpoint=recipe.checkpoint,
            owner="rehearsal",
            report=lambda done, total, note: None,
            also=made.also,
        )
    except _EnoughError:
        return timed.times
    raise AssertionError("the loop is longer than any rehearsal")


def _numbers(model: Any) -> dict[str, Any]:
    """What of a model's config its arithmetic needs."""
    return {key: value for key, value in model.config.to_dict().items() if isinstance(value, int)}


def _projected(settings: Mapping[str, Any]) -> tuple[float, float]:
    """Shares of the tokens whose logits the losses need, of what is made and of its teacher."""
    share = float(settings["masking"]["share"])
    if settings["kind"] == "pretrain":
        return share, 0.0
    weights = {name: as_schedule(weight) for name, weight in settings["losses"].items()}
    held = {name for name, schedule in weights.items() if schedule.first or schedule.last}
    if held & set(EVERYWHERE):
        return 1.0, 1.0
    return (share if held & {"mlm", "masked_ce"} else 0.0), (share if "masked_ce" in held else 0.0)
