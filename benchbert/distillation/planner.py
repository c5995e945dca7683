"""What fits a budget in minutes: steps, tokens and epochs of a recipe and what it stands on, here and for other sizes.

Pure arithmetic on what a rehearsal timed. The recipe's own sizes are extrapolated from a few optimizer steps; other
sizes from those, as if this machine did as many operations a second on them (smaller models reach fewer, larger more).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchbert.errors import UsageError
from benchbert.models.adapter import adapter_for

__all__ = ["BudgetPlan", "PlannedRecipe", "PlannedSize", "Rehearsed", "Text", "plan_budget"]

_SHARE = 0.95
"""Of the minutes that steps may fill; the rest is for reading the corpus, held-out losses and saving."""

_RATIOS = (0.5, 1.0, 2.0)
"""Depths and widths of the other sizes, as multiples of the recipe's."""

_WIDTHS = ("hidden_size", "intermediate_size", "embedding_size", "intra_bottleneck_size", "dim", "hidden_dim")
_LAYERS = ("num_hidden_layers", "n_layers")


@dataclass(frozen=True, kw_only=True)
class Text:
    """How long a corpus is."""

    tokens: int
    """Of its training split, from the documents that were read; 0: not known, because it is streamed."""
    documents: int
    """Of its training split; 0: not known."""
    read: int
    """Documents that were read to say so."""


@dataclass(frozen=True, kw_only=True)
class Rehearsed:
    """What the steps of one recipe take on this machine."""

    name: str
    """Name of the model that it makes."""
    revision: str
    """Digest of the recipe."""
    kind: str
    """`pretrain` or `distil`."""
    family: str
    """Family of what is made."""
    config: Mapping[str, Any]
    """Numbers of its config."""
    teacher_family: str = ""
    """Family of its teacher; empty: it has none."""
    teacher_config: Mapping[str, Any]
    """Numbers of the teacher's config."""
    teacher_revision: str = ""
    """Digest of the teacher's recipe; empty: it has none, or is there already."""
    projected: tuple[float, float]
    """Shares of the tokens that go through the vocabulary projection of what is made, and of its teacher."""
    phases: Sequence[Mapping[str, int]]
    """`steps`, `batch_size` and `sequence_length` of each phase, as the recipe says them."""
    seconds: Sequence[float | None]
    """Of a whole optimizer step of each phase; None: there was no time to measure it."""
    cut: bool
    """Whether steps were timed by their first micro-batch."""
    corpus: Text
    """Of the recipe."""

    @property
    def step_seconds(self) -> list[float]:
        """Of each phase; where it was not measured, by its tokens from those that were."""
        known = [(s, _tokens(p)) for s, p in zip(self.seconds, self.phases, strict=True) if s is not None]
        rate = sum(s for s, _ in known) / sum(tokens for _, tokens in known)
        return [rate * _tokens(p) if s is None else s for s, p in zip(self.seconds, self.phases, strict=True)]


@dataclass(frozen=True, kw_only=True)
class PlannedRecipe:
    """One recipe within the budget."""

    name: str
    """Name of the model that it makes."""
    kind: str
    """`pretrain` or `distil`."""
    size: str
    """Layers and width."""
    tokens_per_second: float
    """On this machine, over all phases."""
    steps: tuple[int, ...]
    """Optimizer steps of each phase that fit."""
    tokens: int
    """Of all phases."""
    epochs: float | None
    """Tokens over those of the corpus's training split; None: nobody knows how long that is."""
    minutes: float
    """That its steps take."""


@dataclass(frozen=True, kw_only=True)
class PlannedSize:
    """One size of student and teacher within the budget."""

    student: str
    """Layers and width of what the recipe makes."""
    teacher: str
    """Of its teacher; empty: it has none."""
    teacher_tokens: int
    """That the teacher is pre-trained on; 0: it is there already."""
    tokens: int
    """That the student sees."""
    epochs: float | None
    """Of the corpus; None: nobody knows how long it is."""
    extrapolated: bool
    """Whether from another size; else from this one's own steps."""


@dataclass(frozen=True, kw_only=True)
class BudgetPlan:
    """What fits."""

    minutes: float
    """The budget."""
    factor: float
    """How many times as long as written the phases of all recipes are to be."""
    recipes: tuple[PlannedRecipe, ...]
    """What is made, in its order."""
    sizes: tuple[PlannedSize, ...]
    """The recipe's own size, and others."""
    notes: tuple[str, ...]
    """What is extrapolated from what."""


def plan_budget(rehearsed: Sequence[Rehearsed], minutes: float) -> BudgetPlan:
    """Shares the minutes among recipes as their own steps do.

    Args:
        rehearsed: of all recipes that are made, what is wanted last.
        minutes: wall clock for all of them, one after another.

    Raises:
        UsageError: a single step of every phase takes longer.
    """
    own = sum(_seconds(one) for one in rehearsed)
    factor = 60 * minutes * _SHARE / own
    least = sum(sum(one.step_seconds) for one in rehearsed)
    if least > 60 * minutes:
        raise UsageError(
            f"{minutes:g} minutes do not hold one optimizer step of every phase, which takes {least / 60:.2g} minutes "
            "on this machine: give more minutes, or take smaller batches or models"
        )
    return BudgetPlan(
        minutes=minutes,
        factor=factor,
        recipes=tuple(_planned(one, factor) for one in rehearsed),
        sizes=tuple(_sizes(rehearsed, 60 * minutes * _SHARE)),
        notes=tuple(_notes(rehearsed)),
    )


def _planned(one: Rehearsed, factor: float) -> PlannedRecipe:
    steps = _steps(one, factor)
    tokens = sum(count * _tokens(phase) for count, phase in zip(steps, one.phases, strict=True))
    seconds = sum(count * each for count, each in zip(steps, one.step_seconds, strict=True))
    return PlannedRecipe(
        name=one.name,
        kind=one.kind,
        size=_label(one.config),
        tokens_per_second=round(tokens / seconds, 1),
        steps=steps,
        tokens=tokens,
        epochs=_epochs(tokens, one.corpus),
        minutes=round(seconds / 60, 2),
    )


def _sizes(rehearsed: Sequence[Rehearsed], seconds: float) -> list[PlannedSize]:
    """The recipe's own size first, then the others by depth and width."""
    last = rehearsed[-1]
    ratios = [(depth, width) for depth in _RATIOS for width in _RATIOS]
    found = []
    for depth, width in sorted(ratios, key=lambda pair: pair != (1.0, 1.0)):
        configs = [_resized(one.config, depth, width) for one in rehearsed]
        if any(config is None for config in configs):
            continue
        resized = {one.revision: config for one, config in zip(rehearsed, configs, strict=True) if config}
        total = sum(_seconds(one) * _work(one, resized) / _work(one, {}) for one in rehearsed)
        tokens = {one.revision: round(seconds / total * _all_tokens(one)) for one in rehearsed}
        teacher = resized.get(last.teacher_revision, last.teacher_config)
        found.append(
            PlannedSize(
                student=_label(resized[last.revision]),
                teacher=_label(teacher) if teacher else "",
                teacher_tokens=tokens.get(last.teacher_revision, 0),
                tokens=tokens[last.revision],
                epochs=_epochs(tokens[last.revision], last.corpus),
                extrapolated=(depth, width) != (1.0, 1.0),
            )
        )
    return found


def _notes(rehearsed: Sequence[Rehearsed]) -> list[str]:
    notes = [
        f"Minutes are those of training alone, extrapolated from a few steps of each recipe; steps fill {_SHARE:.0%} "
        "of them, and the rest is for reading the corpus, held-out losses and saving.",
        "Other sizes are not measured: they stand as if this machine did as many operations a second on them.",
    ]
    if cut := [one.name for one in rehearsed if one.cut]:
        notes.append(f"Steps of {', '.join(cut)} were timed by their first micro-batch.")
    if short := [one.name for one in rehearsed if None in one.seconds]:
        notes.append(f"There was no time to measure every phase of {', '.join(short)}: the others stand for them.")
    for one in rehearsed[-1:]:
        if not one.corpus.documents:
            notes.append("The corpus is streamed: nobody knows how many epochs of it the tokens are.")
        elif one.corpus.read < one.corpus.documents:
            read = f"{one.corpus.read:,} of {one.corpus.documents:,} documents"
            notes.append(f"The corpus has about {one.corpus.tokens:,} tokens, as {read} tell.")
    return notes


def _work(one: Rehearsed, resized: Mapping[str, Mapping[str, Any]]) -> float:
    """Operations of a recipe: forward and backward pass of what is made, 3 times a forward pass, and its teacher's."""
    config = resized.get(one.revision, one.config)
    teacher = resized.get(one.teacher_revision, one.teacher_config)
    work = 0.0
    for phase in one.phases:
        length = phase["sequence_length"]
        of_one = 3 * _forward(one.family, config, length, one.projected[0])
        if one.teacher_family:
            of_one += _forward(one.teacher_family, teacher, length, one.projected[1])
        work += phase["steps"] * phase["batch_size"] * of_one
    return work


def _forward(family: str, config: Mapping[str, Any], length: int, projected: float) -> float:
    """Operations of one sequence through encoder and vocabulary projection."""
    width = float(config.get("embedding_size", config.get("hidden_size", config.get("dim", 0))))
    return adapter_for(family).flops(config, length) + 2.0 * projected * length * width * int(config["vocab_size"])


def _resized(config: Mapping[str, Any], depth: float, width: float) -> dict[str, Any] | None:
    """The config of another size; None: its layers would be no whole number."""
    found = dict(config)
    for keys, ratio in ((_LAYERS, depth), (_WIDTHS, width)):
        for key in keys:
            if key in found:
                found[key] = found[key] * ratio
                if found[key] != int(found[key]) or found[key] < 1:
                    return None
                found[key] = int(found[key])
    return found


def _label(config: Mapping[str, Any]) -> str:
    layers = next(config[key] for key in _LAYERS if key in config)
    return f"{layers} layers / {config.get('hidden_size', config.get('dim'))}"


def _steps(one: Rehearsed, factor: float) -> tuple[int, ...]:
    """As `benchbert.recipe_budget.scaled` has them."""
    return tuple(max(1, round(factor * phase["steps"])) for phase in one.phases)


def _epochs(tokens: int, corpus: Text) -> float | None:
    return round(tokens / corpus.tokens, 3) if corpus.tokens else None


def _tokens(phase: Mapping[str, int]) -> int:
    return phase["batch_size"] * phase["sequence_length"]


def _all_tokens(one: Rehearsed) -> int:
    return sum(phase["steps"] * _tokens(phase) for phase in one.phases)


def _seconds(one: Rehearsed) -> float:
    return sum(phase["steps"] * each for phase, each in zip(one.phases, one.step_seconds, strict=True))
