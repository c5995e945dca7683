"""The losses of a recipe: their weights, and how weights and temperature change over the steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

__all__ = ["LATER_LOSSES", "LAYER_LOSSES", "LOGIT_LOSSES", "Losses", "Schedule", "as_schedule", "loss_problems"]

_STRICT: dict[str, Any] = {"extra": "forbid"}


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A number that changes over the optimizer steps of a recipe, counted over all its phases."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    first: float
    """Value at its first step."""
    last: float | None = None
    """Value at its last step, reached on a line; none: it stays at `first`."""
    after: float = 0.0
    """Share of the steps before it; a weight is 0 there."""
    until: float = 1.0
    """Share of the steps at which it ends; a weight is 0 from there on."""

    def __str__(self) -> str:
        line = f"{self.first:g}" if self.last is None else f"{self.first:g} to {self.last:g} on a line"
        return line + ("" if (self.after, self.until) == (0.0, 1.0) else f" from {self.after:.0%} to {self.until:.0%}")

    def window(self, steps: int) -> tuple[int, int]:
        """First step that it holds in, and the step after its last."""
        return round(self.after * steps), round(self.until * steps)

    def at(self, step: int, steps: int) -> float:
        """Value in a step, from 0, of `steps`."""
        begin, end = self.window(steps)
        if not begin <= step < end:
            return 0.0
        if self.last is None:
            return self.first
        return self.first + (self.last - self.first) * (step - begin) / max(1, end - begin - 1)


@dataclass(frozen=True, kw_only=True)
class Losses:
    """Weights of the distillation losses, each a number or a schedule; 0: not used (formulas: distillation/losses)."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    ce: float | Schedule = 5.0
    """DistilBERT: T^2 * KL(teacher || student) over the vocabulary, mean over tokens."""
    mlm: float | Schedule = 2.0
    """Masked-LM cross-entropy, mean over masked tokens."""
    cos: float | Schedule = 1.0
    """DistilBERT: 1 - cosine of the last hidden states, mean over tokens."""
    mse: float | Schedule = 0.0
    """Squared error of the logits, summed over the vocabulary, mean over tokens."""
    masked_ce: float | Schedule = 0.0
    """As `ce`, mean over the masked tokens alone."""
    prediction: float | Schedule = 0.0
    """TinyBERT: cross-entropy with the teacher's probabilities at T = 1, mean over tokens."""
    attention: float | Schedule = 0.0
    """TinyBERT: squared error of attention scores before the softmax, summed over the mapped layers."""
    hidden: float | Schedule = 0.0
    """TinyBERT: squared error of projected hidden states, summed over the embeddings and the mapped layers."""
    feature_map: float | Schedule = 0.0
    """MobileBERT: error of normalised hidden states and of their means and variances, summed over the mapped layers."""
    attention_kl: float | Schedule = 0.0
    """MobileBERT: KL of attention head by head, summed over the mapped layers."""
    minilm: float | Schedule = 0.0
    """MiniLM: KL of the last layer's attention plus KL of its value relations."""
    minilmv2: float | Schedule = 0.0
    """MiniLM v2: KL of the last layer's query, key and value relations, a third each."""
    pkd: float | Schedule = 0.0
    """PKD: squared distance of class-token states on the unit sphere, summed over the mapped layers but the last."""


LOGIT_LOSSES = ("ce", "mlm", "cos", "mse", "masked_ce", "prediction")
"""Losses on logits or last hidden states."""

LAYER_LOSSES = ("attention", "hidden", "feature_map", "attention_kl", "minilm", "minilmv2", "pkd")
"""Losses on states inside the models."""

LATER_LOSSES = frozenset({"masked_ce", "prediction", *LAYER_LOSSES})
"""Losses younger than the first stored results: at 0 they are left out of a recipe's settings, and so of its digest."""

_NAMES = tuple(field.name for field in fields(Losses))


def as_schedule(setting: float | Schedule | Mapping[str, Any]) -> Schedule:
    """A weight or temperature as a schedule, from a recipe or from its settings as JSON."""
    if isinstance(setting, Schedule):
        return setting
    return Schedule(**setting) if isinstance(setting, Mapping) else Schedule(first=float(setting))


def loss_problems(
    losses: Losses, temperature: float | Schedule, phases: Sequence[tuple[int, Sequence[str]]]
) -> Iterator[str]:
    """What is wrong with a recipe's weights and temperature.

    Args:
        losses: the weights.
        temperature: T.
        phases: (steps, names of the losses that hold in it, none: all) of each phase.
    """
    weights = {name: as_schedule(getattr(losses, name)) for name in _NAMES}
    for name, schedule in weights.items():
        yield from (f"losses.{name}: {problem}" for problem in _schedule_problems(schedule))
        if min(schedule.first, schedule.last or 0.0) < 0:
            yield f"losses.{name}: a weight is negative"
    heat = as_schedule(temperature)
    if min(heat.first, heat.first if heat.last is None else heat.last) <= 0:
        yield "temperature: should be above 0"
    if (heat.after, heat.until) != (0.0, 1.0):
        yield "temperature: holds over all steps; leave out after and until"
    used = {name: schedule for name, schedule in weights.items() if schedule.first or schedule.last}
    if not used:
        yield "losses: all weights are 0; nothing would be learnt"
        return
    yield from _phase_problems(used, phases)


def _schedule_problems(schedule: Schedule) -> Iterator[str]:
    if not 0 <= schedule.after < schedule.until <= 1:
        yield f"after = {schedule.after:g} and until = {schedule.until:g} should be shares of the steps, in this order"


def _phase_problems(used: Mapping[str, Schedule], phases: Sequence[tuple[int, Sequence[str]]]) -> Iterator[str]:
    sound = True
    for i, (_, names) in enumerate(phases):
        for name in names:
            if name not in _NAMES:
                yield f"phases[{i}].losses: should be some of {', '.join(_NAMES)}, has {name!r}"
            elif name not in used:
                yield f"phases[{i}].losses: {name!r} has no weight in `losses`"
            sound = sound and name in used
    if not sound:
        return
    if phases and all(names for _, names in phases):
        never = [name for name in used if not any(name in names for _, names in phases)]
        if never:
            yield f"losses.{never[0]}: no phase names it, so it would never be trained"
    if (empty := _empty_step(used, phases)) is not None:
        yield f"losses: all weights are 0 at step {empty + 1}; nothing would be learnt there"


def _empty_step(used: Mapping[str, Schedule], phases: Sequence[tuple[int, Sequence[str]]]) -> int | None:
    """A step without any loss. Weights are lines, so that only the ends of windows and of phases need a look."""
    steps = sum(count for count, _ in phases)
    start = 0
    for count, names in phases:
        inside = {name: schedule for name, schedule in used.items() if not names or name in names}
        ends = {start, start + count - 1}
        for schedule in inside.values():
            begin, end = schedule.window(steps)
            ends |= {begin - 1, begin, end - 1, end}
        for step in sorted(ends):
            if start <= step < start + count and not any(s.at(step, steps) for s in inside.values()):
                return step
        start += count
    return None
