"""The batches of pre-training and distillation: sequences of a corpus, masked, phase by phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchbert.training.corpus import TokenStream
from benchbert.training.masking import Masker

__all__ = ["MaskedBatch", "MaskedSteps"]


@dataclass(frozen=True, kw_only=True)
class MaskedBatch:
    """A micro-batch of masked sequences, all of one length, on its device."""

    input_ids: torch.Tensor
    """What the models see, of shape (batch, seq)."""
    positions: torch.Tensor
    """Flat positions of the tokens to predict, of shape (masked,)."""
    targets: torch.Tensor
    """The tokens that stood there, of shape (masked,)."""


class MaskedSteps:
    """Step -> its micro-batches and totals (`tokens`, `masked`), fixed by the seed and the step alone."""

    def __init__(
        self,
        stream: TokenStream,
        masker: Masker,
        phases: Sequence[Mapping[str, int]],
        *,
        seed: int,
        device: str,
        token_budget: int,
    ) -> None:
        self.stream, self.masker, self.phases = stream, masker, phases
        self.seed, self.device, self.token_budget = seed, device, token_budget
        self._permutations: dict[tuple[int, int], NDArray[Any]] = {}

    def __len__(self) -> int:
        return sum(phase["steps"] for phase in self.phases)

    def __call__(self, step: int) -> tuple[list[MaskedBatch], dict[str, int]]:
        """The micro-batches of an optimizer step, counted over all phases."""
        number, within = self._phase(step)
        phase = self.phases[number]
        length, batch_size = phase["sequence_length"], phase["batch_size"]
        ids = self.stream.gather(self._indices(number, within * batch_size, batch_size, length), length)
        masked = self.masker(ids, np.random.default_rng([self.seed, 0xA5C, step]))
        rows = max(1, self.token_budget // length)
        batches = []
        for start in range(0, batch_size, rows):
            stop = min(batch_size, start + rows)
            inside = (masked.positions >= start * length) & (masked.positions < stop * length)
            batches.append(
                MaskedBatch(
                    input_ids=torch.from_numpy(masked.input_ids[start:stop]).to(self.device),
                    positions=torch.from_numpy(masked.positions[inside] - start * length).to(self.device),
                    targets=torch.from_numpy(masked.targets[inside]).to(self.device),
                )
            )
        return batches, {"tokens": ids.size, "masked": len(masked.positions)}

    def _phase(self, step: int) -> tuple[int, int]:
        for number, phase in enumerate(self.phases):
            if step < phase["steps"]:
                return number, step
            step -= phase["steps"]
        raise IndexError(step)

    def _indices(self, phase: int, first: int, count: int, length: int) -> NDArray[Any]:
        """Sequences number `first` to `first + count` of the phase's stream of shuffled passes over the corpus."""
        available = self.stream.sequences(length)
        found = []
        while count:
            turn, offset = divmod(first, available)
            part = self._permutation(phase, turn, available)[offset : offset + count]
            found.append(part)
            first, count = first + len(part), count - len(part)
        return np.concatenate(found)

    def _permutation(self, phase: int, turn: int, available: int) -> NDArray[Any]:
        if (phase, turn) not in self._permutations:
            self._permutations = {
                (phase, turn): np.random.default_rng([self.seed, 0x0DE, phase, turn]).permutation(available)
            }
        return self._permutations[phase, turn]
