"""A teacher whose words are kept on disk: it runs where they are not there yet, and is read where they are.

A student learns from what is kept, rounded, also in the pass that fills the files: a run that was killed and resumed
sees the same numbers as one that was not, and so does the next student.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchbert.distillation.kept_rows import KeptRows
from benchbert.distillation.losses import KeptShares, binned
from benchbert.distillation.losses.precision import wide
from benchbert.distillation.teacher import Rows, Teacher, TeacherStates
from benchbert.errors import StoreError, TrainingError
from benchbert.training.masked_steps import MaskedBatch
from benchbert.training.repeated_steps import RepeatedSteps

__all__ = ["CachedTeacher"]

_CHUNK = 2_048
"""Positions whose logits are held at once."""


class CachedTeacher:
    """Says of a batch what is kept of it."""

    def __init__(
        self, live: Teacher, steps: RepeatedSteps, phases: Sequence[KeptRows], *, temperature: float, owner: int
    ) -> None:
        """Opens nothing: see `KeptRows`.

        Args:
            live: runs where nothing is kept yet.
            steps: knows where a batch's sequences stand.
            phases: files of each phase.
            temperature: T of the probabilities.
            owner: who pays for what is filled, a number.
        """
        self.live, self.steps, self.phases = live, steps, phases
        self.temperature, self.owner = temperature, owner

    def __call__(self, batch: MaskedBatch, step: int, part: int) -> TeacherStates:
        """What is kept of a micro-batch without padding; see `Teacher`.

        Hidden states are of width 0 where they are not kept.

        Raises:
            TrainingError: the teacher's numbers do not fit the dtype of the cache.
            StoreError: what it says cannot be written.
        """
        assert batch.attention_mask is None, "recipes of the kind distil have no padding"
        place, count = self.steps.place(step, part), len(batch.input_ids)
        rows = self.phases[place.phase]
        found = rows.read(place.first, count)
        if found is None:
            with rows.lock(part):
                # Another process may have been faster.
                found = rows.read(place.first, count)
                if found is None:
                    found = self._filled(rows, place.first, self.live, batch, (step, part))
        return self._placed(found, batch.input_ids.device)

    def _filled(
        self, rows: KeptRows, first: int, live: Teacher, batch: MaskedBatch, at: tuple[int, int]
    ) -> NDArray[np.void]:
        began = time.perf_counter()
        made = np.zeros(len(batch.input_ids), dtype=rows.shape.row)
        with torch.no_grad():
            told = live(batch, *at)
            if rows.shape.hidden:
                made["hidden"] = self._rounded(told.hidden, made["hidden"].dtype).reshape(made["hidden"].shape)
            if rows.shape.top_k:
                self._keep_largest(rows, first, told, made)
        rows.write(first, made, seconds=time.perf_counter() - began, owner=self.owner)
        found = rows.read(first, len(made))
        if found is None:
            raise StoreError(f"{rows.folder}: what was just written is not what is there: check that disk")
        return found

    def _keep_largest(self, rows: KeptRows, first: int, told: TeacherStates, made: NDArray[np.void]) -> None:
        shape, positions = rows.shape, len(made) * rows.shape.length
        found = []
        for start in range(0, positions, _CHUNK):
            logits = told.logits(slice(start, min(positions, start + _CHUNK)))
            assert isinstance(logits, Tensor), "a teacher that runs has all its logits"
            found.append(binned(logits, self.temperature, shape.top_k))
        self._keep_sample(rows, first, told, len(made))
        ids, log_probs = torch.cat([kept.ids_Pk for kept in found]), torch.cat([kept.log_PC for kept in found])
        made["ids"] = ids.cpu().numpy().reshape(made["ids"].shape)
        made["log_probs"] = self._rounded(log_probs[:, :-1], made["log_probs"].dtype).reshape(made["log_probs"].shape)
        made["tail"] = log_probs[:, -1].cpu().numpy().reshape(made["tail"].shape)

    def _keep_sample(self, rows: KeptRows, first: int, told: TeacherStates, count: int) -> None:
        """All probabilities at some positions, where the micro-batch has such."""
        shape = rows.shape
        inside = (shape.sampled >= first) & (shape.sampled < first + count)
        if not inside.any():
            return
        places = ((shape.sampled[inside] - first)[:, None] * shape.length + shape.positions).flatten()
        logits = told.logits(torch.from_numpy(places).to(told.hidden.device))
        assert isinstance(logits, Tensor)
        log_probs = self._rounded(torch.log_softmax(wide(logits) / self.temperature, dim=-1), np.dtype(np.float32))
        for number, said in zip(np.flatnonzero(inside).tolist(), np.split(log_probs, inside.sum()), strict=True):
            rows.write_sample(number, said)

    @staticmethod
    def _rounded(numbers: Tensor, kind: np.dtype[np.floating]) -> NDArray[np.floating]:
        """In the dtype of the cache.

        Raises:
            TrainingError: a number is not finite, or too large for that dtype.
        """
        with np.errstate(over="ignore"):
            found = numbers.float().cpu().numpy().astype(kind)
        if not np.isfinite(found).all():
            raise TrainingError(
                f"the teacher says numbers that {kind.name} cannot hold (the largest is "
                f'{float(numbers.float().abs().max()):g}): set teacher_cache.dtype = "float32"'
            )
        return found

    @staticmethod
    def _placed(rows: NDArray[np.void], device: torch.device) -> TeacherStates:
        """Records as tensors, position by position."""
        names = rows.dtype.names or ()

        def flat(name: str, kind: type[np.generic]) -> Tensor:
            field = torch.from_numpy(rows[name].astype(kind)).flatten(0, 1)
            # From pinned memory, so that the host does not wait for the device.
            return field.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else field

        kept: KeptShares | None = None
        if "ids" in names:
            log_PC = torch.cat([flat("log_probs", np.float32), flat("tail", np.float32)[:, None]], dim=1)
            kept = KeptShares(ids_Pk=flat("ids", np.int64), log_PC=log_PC)

        def logits(chosen: Rows) -> KeptShares:
            assert kept is not None, "losses that need what is not kept are refused when the recipe is read"
            return kept[chosen]

        positions = rows.shape[0] * rows.dtype[0].shape[0]
        hidden = flat("hidden", np.float32) if "hidden" in names else torch.empty(positions, 0, device=device)
        return TeacherStates(hidden=hidden, logits=logits)
