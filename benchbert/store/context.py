"""What a job is given to work with, and what it gives back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchbert.errors import StoreError
from benchbert.lock import DatasetLock, Lock, ModelLock, RecipeLock
from benchbert.store.files import RunFolder
from benchbert.store.unfinished import flat
from benchbert.types import Artefact, Job, Task, Value

__all__ = ["JobContext", "Outcome", "Report"]

Report = Callable[[int, int, str], None]
"""Called with (done, total, note) as a job goes on."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a job found."""

    values: tuple[Value, ...] = ()
    """Numbers."""
    artefacts: tuple[Artefact, ...] = ()
    """Files left in the run folder."""
    samples: Mapping[str, Any] = field(default_factory=dict)
    """Small raw samples, such as a loss curve."""
    quiet: bool | None = None
    """Profiles: whether the machine was quiet."""
    steady: bool | None = None
    """Profiles: whether a steady state was reached."""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """What to add to the provenance."""


@dataclass(frozen=True, kw_only=True)
class JobContext:
    """A job with its surroundings."""

    job: Job
    """What to do."""
    lock: Lock
    """What the suite resolved to."""
    folder: RunFolder
    """Where to put things."""
    report: Report = lambda done, total, note: None
    """Where to say how far it is."""

    @property
    def model(self) -> ModelLock:
        """The model that the job is about."""
        return self.lock.models[str(self.job.spec["model"])]

    @property
    def task(self) -> Task:
        """The task that the job is about."""
        return self.lock.task(str(self.job.spec["task"]))

    @property
    def recipe(self) -> RecipeLock:
        """The recipe that the job carries out."""
        return self.lock.recipes[str(self.job.spec["revision"])]

    @property
    def about(self) -> dict[str, Any]:
        """What decides the outcome of a job that trains, as a flat table."""
        job = self.job
        recipe = self.lock.recipes[str(job.spec["revision"])].settings if job.kind in {"pretrain", "distil"} else {}
        # The recipe itself says more than its digest; a model's revision is all that there is to say of it.
        told = {k: v for k, v in job.spec.items() if not (recipe and k == "revision")} | dict(recipe)
        return (
            {"job": job.slug, "kind": job.kind}
            | flat(told)
            | {f"{role} (job)": i[:12] for role, i in job.inputs.items()}
        )

    def dataset(self, key: str) -> DatasetLock:
        """A dataset of the Lock by `id/config`."""
        return self.lock.datasets[key]

    def starting_point(self) -> tuple[ModelLock, Path | None]:
        """The model to start from and the folder of its weights; a recipe's architecture keeps only its config."""
        folder = self.input_folder("model")
        if folder is None or self.model.weights != "random":
            return self.model, folder
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return replace(self.model, config=config), None

    def input_folder(self, role: str) -> Path | None:
        """Folder of the artefact of an input; None: the job has no such input.

        Raises:
            StoreError: the job that makes it ran, but its artefact is gone.
        """
        if role not in self.job.inputs:
            return None
        place = self.folder.artefact_path(self.job.inputs[role])
        if not place.is_dir():
            raise StoreError(f"{place}: the {role} that this job stands on is gone; run the suite again to make it")
        return place
