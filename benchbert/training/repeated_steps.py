"""Several passes over the same masked batches, each in another order: what a teacher's cache can be replayed to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchbert.training.masked_steps import MaskedBatch, MaskedSteps

__all__ = ["Place", "RepeatedSteps"]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a batch's sequences stand among all that are repeated."""

    phase: int
    """Number of the phase."""
    first: int
    """Number of the first sequence in the phase, from 0; the others follow."""


class RepeatedSteps:
    """Step -> its micro-batches and totals, as `MaskedSteps`; in each phase the steps of the first pass come back.

    The first pass is in order, so that what is made along it is written in order; the others are shuffled by the seed.
    A batch stays together: its masks were drawn over the whole of it.
    """

    def __init__(self, steps: MaskedSteps, passes: int) -> None:
        """Fixes what is repeated.

        Args:
            steps: the batches of all passes, of which the first `1 / passes` of each phase is used.
            passes: how often; divides the steps of each phase.
        """
        self.passes, self.seed = passes, steps.seed
        self.slices: list[Mapping[str, int]] = [{**phase, "steps": phase["steps"] // passes} for phase in steps.phases]
        self._shuffled: dict[tuple[int, int], NDArray[np.int64]] = {}
        self.once = MaskedSteps(
            steps.stream,
            steps.masker,
            self.slices,
            seed=steps.seed,
            device=steps.device,
            token_budget=steps.token_budget,
        )

    def __len__(self) -> int:
        return self.passes * len(self.once)

    def __call__(self, step: int) -> tuple[list[MaskedBatch], dict[str, int]]:
        """The micro-batches of an optimizer step, counted over all phases and passes."""
        _, before, within = self._found(step)
        return self.once(before + within)

    def sequences(self, phase: int) -> int:
        """How many different sequences a phase has."""
        return self.slices[phase]["steps"] * self.slices[phase]["batch_size"]

    def place(self, step: int, part: int) -> Place:
        """Where the sequences of a micro-batch stand.

        Args:
            step: as for a call.
            part: number of the micro-batch in the step.
        """
        phase, _, within = self._found(step)
        shape = self.slices[phase]
        rows = max(1, self.once.token_budget // shape["sequence_length"])
        return Place(phase=phase, first=within * shape["batch_size"] + part * rows)

    def one(self, phase: int, sequence: int) -> MaskedBatch:
        """A sequence by its place, as a micro-batch of its own without targets."""
        before = sum(shape["steps"] for shape in self.slices[:phase])
        within, row = divmod(sequence, self.slices[phase]["batch_size"])
        batches, _ = self.once(before + within)
        for batch in batches:
            if row < len(batch.input_ids):
                nothing = batch.positions[:0]
                return MaskedBatch(input_ids=batch.input_ids[row : row + 1], positions=nothing, targets=nothing)
            row -= len(batch.input_ids)
        raise IndexError(sequence)

    def _found(self, step: int) -> tuple[int, int, int]:
        """(phase, steps of the first pass in the phases before it, step of the first pass within it)."""
        before = 0
        for number, shape in enumerate(self.slices):
            once = shape["steps"]
            if step < once * self.passes:
                turn, within = divmod(step, once)
                return number, before, self._order(number, turn, within)
            step -= once * self.passes
            before += once
        raise IndexError(step)

    def _order(self, phase: int, turn: int, within: int) -> int:
        if not turn:
            return within
        if (phase, turn) not in self._shuffled:
            generator = np.random.default_rng([self.seed, 0x9A5, phase, turn])
            self._shuffled = {(phase, turn): generator.permutation(self.slices[phase]["steps"])}
        return int(self._shuffled[phase, turn][within])
