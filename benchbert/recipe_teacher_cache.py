"""What a recipe keeps of its teacher on disk, so that several passes and several students cost one teacher pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from benchbert.recipe_losses import LAYER_LOSSES, Losses, Schedule, as_schedule

__all__ = ["TeacherCache", "cache_problems"]

_BINNED = ("ce", "masked_ce")
"""Losses that are computed from the kept logits."""


@dataclass(frozen=True, kw_only=True)
class TeacherCache:
    """Each phase trains `passes` times on the sequences of `steps / passes` steps, masked once and for all.

    A cache can only replay what was masked in the same way. Without one every pass over a text draws new masks
    (Liu et al. 2019, arXiv 1907.11692, section 4.1: "dynamic masking"); with one the batches of the first pass come
    back, tokens, masks and all, in another order each time (BERT's data were masked ten times beforehand, and each mask
    was seen four times). The student sees `1 / passes` as many different masked sequences: the cache is part of the
    settings.

    Files are shared by all students of one teacher, corpus, masking, phases, temperature, seed and device in a run
    folder: whoever comes second runs no teacher.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    passes: int = 3
    """How often each phase goes over its sequences; divides its steps."""
    top_k: int = 32
    """Logits that are kept of each token, the largest ones, with the mass of all others as one number; 0: none."""
    hidden: bool = True
    """Whether the last hidden states are kept, for `cos`."""
    dtype: Literal["float16", "float32"] = "float16"
    """Of what is kept; float16 holds numbers up to 65,504, with 11 bits of each."""


def cache_problems(
    cache: TeacherCache, losses: Losses, temperature: float | Schedule, phases: Sequence[int]
) -> Iterator[str]:
    """What is wrong with a recipe's cache.

    Args:
        cache: what it keeps.
        losses: the recipe's weights.
        temperature: T.
        phases: steps of each phase.
    """
    if cache.passes < 1:
        yield "teacher_cache.passes: should be at least 1"
        return
    if cache.top_k < 0:
        yield "teacher_cache.top_k: should be at least 1, or 0 for no logits"
    if not cache.top_k and not cache.hidden:
        yield "teacher_cache: keeps neither logits nor hidden states; give top_k, or hidden = true"
    for i, steps in enumerate(phases):
        if steps % cache.passes:
            near = max(1, round(steps / cache.passes)) * cache.passes
            yield f"phases[{i}].steps: should be a multiple of teacher_cache.passes ({cache.passes}), such as {near}"
    heat = as_schedule(temperature)
    if heat.last not in {None, heat.first}:
        yield "temperature: changes over the steps, and the cache keeps a teacher at one T; give one number"
    used = [name for name, weight in vars(losses).items() if _holds(as_schedule(weight))]
    for name in used:
        if name in _BINNED and not cache.top_k:
            yield f"losses.{name}: needs the teacher's logits; give teacher_cache.top_k"
        if name == "cos" and not cache.hidden:
            yield "losses.cos: needs the teacher's hidden states; set teacher_cache.hidden = true"
        if name == "mse":
            yield "losses.mse: needs all logits of the teacher; take it or teacher_cache out"
        if name == "prediction":
            yield (
                "losses.prediction: is a cross-entropy with all of the teacher's probabilities; take teacher_cache "
                "out, or use ce with temperature = 1, whose gradient is the same"
            )
        if name in LAYER_LOSSES:
            yield f"losses.{name}: looks inside the teacher, and the cache keeps its last layer; take one of them out"


def _holds(weight: Schedule) -> bool:
    return bool(weight.first or weight.last)
