"""The batches of pre-training and distillation: sequences of a corpus, masked, phase by phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchbert.training.corpus import TokenStream
from benchbert.training.masking import Masked, Masker
from benchbert.training.sentence_pairs import Pairs, SentencePairs

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
    attention_mask: torch.Tensor | None = None
    """0 on padding, of shape (batch, seq); None: there is none."""
    token_type_ids: torch.Tensor | None = None
    """0 in the first segment, 1 in the second, of shape (batch, seq); None: a single segment."""
    sentence_labels: torch.Tensor | None = None
    """Classes of the sentence objective, of shape (batch,); None: not a batch of pairs."""
    number: int = 0
    """Which micro-batch of its step this is, from 0."""

    def without_padding(self, of_tokens: torch.Tensor) -> torch.Tensor:
        """What is of shape (batch, seq, ...), of the real tokens alone: of shape (tokens, ...), in their order."""
        return of_tokens.flatten(0, 1) if self.attention_mask is None else of_tokens[self.attention_mask.bool()]

    @property
    def masked_rows(self) -> torch.Tensor:
        """The tokens to predict, numbered without padding, of shape (masked,)."""
        if self.attention_mask is None:
            return self.positions
        return self.attention_mask.flatten().cumsum(0)[self.positions] - 1


class MaskedSteps:
    """Step -> its micro-batches and totals (`tokens`, `masked`, `pairs`), fixed by the seed and the step alone."""

    def __init__(
        self,
        stream: TokenStream,
        masker: Masker,
        phases: Sequence[Mapping[str, int]],
        *,
        seed: int,
        device: str,
        token_budget: int,
        pairs: Mapping[int, SentencePairs] | None = None,
    ) -> None:
        """Fixes the order.

        Args:
            stream: the corpus.
            masker: draws the masks.
            phases: `steps`, `batch_size`, `sequence_length` of each, in turn.
            seed: of order, pairs and masks.
            device: where batches are put.
            token_budget: padded tokens of one micro-batch.
            pairs: number of a phase -> the segment pairs that it sees; other phases see text as it runs.
        """
        self.stream, self.masker, self.phases, self.pairs = stream, masker, phases, pairs or {}
        self.seed, self.device, self.token_budget = seed, device, token_budget
        self._permutations: dict[tuple[int, int], NDArray[Any]] = {}

    def __len__(self) -> int:
        return sum(phase["steps"] for phase in self.phases)

    def __call__(self, step: int) -> tuple[list[MaskedBatch], dict[str, int]]:
        """The micro-batches of an optimizer step, counted over all phases."""
        number, within = self._phase(step)
        size = self.phases[number]["batch_size"]
        found = self._pairs(number, within, step) if number in self.pairs else None
        ids = found.input_ids if found else self._text(number, within)
        masked = self.masker(ids, np.random.default_rng([self.seed, 0xA5C, step]))
        length = ids.shape[1]
        rows = max(1, self.token_budget // length)
        parts = [(start, min(size, start + rows)) for start in range(0, size, rows)]
        totals = {"tokens": ids.size, "masked": len(masked.positions), "pairs": size if found else 0}
        batches = [self._batch(masked, found, number, *rows) for number, rows in enumerate(parts)]
        return batches, totals

    def growth(self, step: int) -> tuple[int, int] | None:
        """At the first step with longer sequences than any before: tokens of the longest before, and from now on."""
        number, within = self._phase(step)
        lengths = [phase["sequence_length"] for phase in self.phases[: number + 1]]
        before = max(lengths[:-1], default=lengths[-1])
        return (before, lengths[-1]) if within == 0 and lengths[-1] > before else None

    def _batch(self, masked: Masked, pairs: Pairs | None, number: int, start: int, stop: int) -> MaskedBatch:
        """The rows from `start` to `stop` of a step, its micro-batch of that number."""
        length = masked.input_ids.shape[1]
        inside = (masked.positions >= start * length) & (masked.positions < stop * length)

        def placed(rows: NDArray[np.int64]) -> torch.Tensor:
            return torch.from_numpy(rows).to(self.device)

        return MaskedBatch(
            input_ids=placed(masked.input_ids[start:stop]),
            positions=placed(masked.positions[inside] - start * length),
            targets=placed(masked.targets[inside]),
            attention_mask=placed(pairs.attention_mask[start:stop]) if pairs else None,
            token_type_ids=placed(pairs.token_type_ids[start:stop]) if pairs else None,
            sentence_labels=placed(pairs.labels[start:stop]) if pairs else None,
            number=number,
        )

    def _text(self, phase: int, within: int) -> NDArray[np.int64]:
        """Sequences of running text, of shape (batch, seq)."""
        length, size = self.phases[phase]["sequence_length"], self.phases[phase]["batch_size"]
        indices = self._indices(phase, within * size, size, self.stream.sequences(length))
        return self.stream.gather(indices, length)

    def _pairs(self, phase: int, within: int, step: int) -> Pairs:
        size = self.phases[phase]["batch_size"]
        indices = self._indices(phase, within * size, size, len(self.pairs[phase]))
        return self.pairs[phase].gather(indices, np.random.default_rng([self.seed, 0x5E9, step]))

    def _phase(self, step: int) -> tuple[int, int]:
        for number, phase in enumerate(self.phases):
            if step < phase["steps"]:
                return number, step
            step -= phase["steps"]
        raise IndexError(step)

    def _indices(self, phase: int, first: int, count: int, available: int) -> NDArray[Any]:
        """Sequences number `first` to `first + count` of the phase's stream of shuffled passes over the corpus."""
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
