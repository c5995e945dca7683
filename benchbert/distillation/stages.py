"""Which losses hold in which step, with which weights and temperature, and what of the student is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from benchbert.models.adapter import FamilyAdapter
from benchbert.recipe_losses import as_schedule

__all__ = ["Stage", "Stages"]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What holds in one optimizer step."""

    weights: Mapping[str, float]
    """Weight of each loss, 0: not used."""
    temperature: float
    """T of the softened distributions."""
    layers: tuple[int, ...]
    """Student layers that are trained and compared; empty: the whole student."""


class Stages:
    """Step -> its `Stage`, from a recipe's settings alone, so that a resumed run goes on as it would have gone."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Reads `losses`, `temperature` and `phases`.

        Args:
            settings: fields of a recipe of the kind `distil`.
        """
        self._weights = {name: as_schedule(weight) for name, weight in settings["losses"].items()}
        self._temperature = as_schedule(settings["temperature"])
        self._phases: list[Mapping[str, Any]] = list(settings["phases"])
        self._steps = sum(phase["steps"] for phase in self._phases)
        self._trained: int | None = None

    @property
    def names(self) -> list[str]:
        """Losses that hold at some time."""
        return [name for name, weight in self._weights.items() if weight.first or weight.last]

    def at(self, step: int) -> Stage:
        """What holds in a step, counted over all phases."""
        phase = self._phases[self._number(step)]
        among = phase.get("losses") or self._weights
        weights = {n: w.at(step, self._steps) if n in among else 0.0 for n, w in self._weights.items()}
        temperature = self._temperature.at(step, self._steps)
        return Stage(weights=weights, temperature=temperature, layers=tuple(phase.get("layers", ())))

    def freeze(self, student: nn.Module, adapter: FamilyAdapter, step: int) -> None:
        """Leaves trainable what the phase of a step trains, and nothing else of the student."""
        number = self._number(step)
        if number == self._trained:
            return
        self._trained = number
        layers = self.at(step).layers
        student.requires_grad_(not layers)
        for i in layers:
            adapter.layers(student)[i].requires_grad_(True)

    def _number(self, step: int) -> int:
        for number, phase in enumerate(self._phases):
            if step < phase["steps"]:
                return number
            step -= phase["steps"]
        raise IndexError(step)
