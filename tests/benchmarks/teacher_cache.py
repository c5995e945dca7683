"""Whole runs of three passes over the same masked batches: the teacher at each step, or once and then from its cache.

The cache is made, filled and read within the time that is measured; its hidden states are kept as well.
"""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchbert.distillation.cached_teacher import CachedTeacher
from benchbert.distillation.distill import TripleLoss
from benchbert.distillation.kept_rows import KeptRows, Shape, prepare_files
from benchbert.distillation.objective import Distillation
from benchbert.distillation.teacher import LiveTeacher, Teacher
from benchbert.machine import machine
from benchbert.recipe_teacher_cache import TeacherCache
from benchbert.training.masked_steps import MaskedSteps
from benchbert.training.repeated_steps import RepeatedSteps

from . import distilled_pair
from .distilled_pair import TEMPERATURE, Models, make_models
from .distilled_ways import Ours
from .rounds import interleaved, ratio

__all__ = ["BAR", "measure_teacher_cache"]

BAR = 1.3
"""Times the speed without a cache that three passes are to reach."""

_KEPT = TeacherCache()


def measure_teacher_cache(shape: distilled_pair.Shape, folder: Path) -> dict[str, Any]:
    """All numbers of one shape, ready for JSON.

    Args:
        shape: models and batch; a pass has twice its `steps`.
        folder: where the cache goes.
    """
    dtype = torch.bfloat16 if machine().fast_bfloat16 else torch.float32
    live, cached = (_Passes(make_models(shape), dtype, 2 * shape.steps) for _ in range(2))
    place = folder / "teacher-cache"
    ways = {"live": live.seconds_live, "cached": partial(cached.seconds_cached, place)}
    found = interleaved(ways, shape.rounds)
    seconds = {"live": found["live"], "cached": [whole for whole, _ in found["cached"]]}
    tokens = cached.kept.sequences * cached.kept.length
    shutil.rmtree(place)
    return {
        "shape": asdict(shape),
        "dtype": str(dtype).removeprefix("torch."),
        "kept": asdict(_KEPT),
        "steps": len(cached.steps),
        "different_tokens": tokens,
        "cache_gb": cached.kept.bytes / 1e9,
        "bytes_a_token": cached.kept.row.itemsize / cached.kept.length,
        "seconds": seconds,
        "filling_s": [filling for _, filling in found["cached"]],
        "against_live": asdict(ratio(seconds["live"], seconds["cached"])),
        "bar": BAR,
        "load_average": os.getloadavg()[0],
    }


class _Passes(Ours):
    """Our steps, in so many passes."""

    steps: RepeatedSteps

    def __init__(self, models: Models, dtype: torch.dtype, steps: int) -> None:
        super().__init__(models, dtype)
        once, shape = self.steps, models.shape
        phases = [{**once.phases[0], "steps": _KEPT.passes * steps}]
        whole = MaskedSteps(
            once.stream,
            once.masker,
            phases,
            seed=once.seed,
            device=once.device,
            token_budget=once.token_budget,
        )
        self.steps = RepeatedSteps(whole, _KEPT.passes)
        self.live = LiveTeacher(models.teacher, models.adapters[1])
        self.kept = Shape(
            sequences=self.steps.sequences(0),
            length=shape.length,
            vocabulary=shape.vocabulary,
            top_k=_KEPT.top_k,
            hidden=shape.hidden,
            dtype=_KEPT.dtype,
        )

    def seconds_live(self) -> float:
        """Of all passes, the teacher at each step."""
        began = time.perf_counter()
        return self._all(self.live) - began

    def seconds_cached(self, place: Path) -> tuple[float, float]:
        """Of all passes, from a cache that is not there yet; and those of them in which the teacher ran."""
        if place.exists():
            shutil.rmtree(place)
        began = time.perf_counter()
        prepare_files(place, {"phase1": self.kept}, {})
        rows = KeptRows(place, "phase1", self.kept)
        ended = self._all(CachedTeacher(self.live, self.steps, [rows], temperature=TEMPERATURE, owner=0))
        return ended - began, rows.seconds()

    def _all(self, teacher: Teacher) -> float:
        """Trains; the moment of the last step's end."""
        before = self.objective
        losses = partial(TripleLoss, teacher, self.models.adapters[0])
        self.objective = Distillation(before.models, before.adapters, before.stages, before.pair, losses)
        marks: list[float] = []
        # Its first step is counted here as all others are.
        self.run(len(self.steps) - 1, lambda step: marks.append(time.perf_counter()))
        return marks[-1]
