"""How long a recipe trains: its phases, said in optimizer steps or in tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

__all__ = ["Budget", "budget_problems", "in_steps", "scaled"]

_STRICT: dict[str, Any] = {"extra": "forbid"}


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How long to train, and on what shapes."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    steps: int = 0
    """Optimizer steps; of a recipe that was read never 0."""
    tokens: int = 0
    """In place of `steps`: tokens to see, padding of paired sequences included, rounded up to whole steps; of a recipe
    that was read 0, for only the steps decide what is made."""
    batch_size: int
    """Sequences an optimizer step."""
    sequence_length: int
    """Tokens a sequence, special tokens included."""
    pairs: bool = False
    """Whether sequences are two segments, for the objective of `sentences`; else they are text as it runs."""
    losses: tuple[str, ...] = ()
    """For `distil`: names of the losses that hold in this phase; empty: all that have a weight."""
    layers: tuple[int, ...] = ()
    """For `distil`: student layers, from 0, that this phase trains and that its layer losses compare, everything else
    frozen (MobileBERT's progressive transfer, with the lower layers' rate at 0); empty: the whole student."""

    @property
    def step_tokens(self) -> int:
        """Tokens of one step; paired sequences are shorter where their sentences do not fill the length."""
        return self.batch_size * self.sequence_length


def in_steps(phases: Sequence[Budget]) -> tuple[Budget, ...]:
    """The phases, those in tokens turned into steps."""
    return tuple(replace(p, steps=-(-p.tokens // p.step_tokens), tokens=0) if p.tokens else p for p in phases)


def scaled(phases: Sequence[Budget], factor: float) -> tuple[Budget, ...]:
    """The phases, each that many times as long, in whole steps, at least one."""
    return tuple(replace(phase, steps=max(1, round(factor * phase.steps))) for phase in phases)


def budget_problems(phases: Sequence[Budget]) -> Iterator[str]:
    """What is wrong with the phases as they were written."""
    if not phases:
        yield "phases: name at least one"
    for i, phase in enumerate(phases):
        for key, least in (("batch_size", 1), ("sequence_length", 8)):
            if getattr(phase, key) < least:
                yield f"phases[{i}].{key}: should be at least {least}"
        if phase.steps and phase.tokens:
            yield f"phases[{i}]: give steps or tokens, not both"
        elif phase.tokens < 0:
            yield f"phases[{i}].tokens: should be at least 1"
        elif phase.steps < 1 and not phase.tokens:
            yield f"phases[{i}].steps: should be at least 1 (or give tokens in its place)"
