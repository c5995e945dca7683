"""Which predictions a results folder holds: of which model, with which seed, on which ground."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchbert import registry
from benchbert.errors import StoreError, UnknownNameError, UsageError
from benchbert.statistics.seeds import variant_label
from benchbert.store.files import ReadResults, read_results
from benchbert.store.settings import settings_digest
from benchbert.types import Result, Value

__all__ = ["Ground", "StoredModel", "StoredPredictions", "model_named", "models_of", "refuse_gone", "stored_models"]


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What must agree before two predictions can be held against each other."""

    task: str
    """Name of the task."""
    split: str
    """Split that was predicted."""
    task_version: int
    """Version of the task's code."""
    dataset_fingerprint: str
    """Digest of the data."""
    protocol: str
    """Version of the way of predicting."""

    @property
    def label(self) -> str:
        """Task and, where it says more than `validation`, the split."""
        return self.task if self.split == "validation" else f"{self.task} {self.split}"


@dataclass(frozen=True, kw_only=True)
class StoredPredictions:
    """One checkpoint's predictions on one split."""

    ground: Ground
    """What was predicted."""
    seed: int
    """Seed of the checkpoint."""
    path: Path
    """The parquet file."""
    sha256: str
    """Its digest when it was written."""
    values: tuple[Value, ...]
    """The scores stored with it, the main metric first."""
    labels: tuple[str, ...]
    """Names of the task's classes; empty: it has none, or they are not known here."""
    started_at: str
    """When the job began; of two with the same seed the later counts."""


@dataclass(frozen=True, kw_only=True)
class StoredModel:
    """One variant of a model: weights, precision and backend are the same in all its checkpoints."""

    label: str
    """Its name, as the leaderboard shows it."""
    variant: tuple[str, ...]
    """Model, revision, dtype, backend."""
    weights: str
    """Where its weights came from; `constant`: it gives one answer a task."""
    predictions: tuple[StoredPredictions, ...]
    """Its labelled predictions, by ground, then by seed."""

    def grounds(self, task: str | None = None) -> list[Ground]:
        """The grounds that it was scored on, in the order of the results; of one task only where one is named."""
        return list(dict.fromkeys(p.ground for p in self.predictions if task in {None, p.ground.task}))

    def on(self, ground: Ground) -> list[StoredPredictions]:
        """Its checkpoints on one ground, by seed; several seeds with the very same file are one checkpoint."""
        unique = {stored.sha256: stored for stored in reversed(self.predictions) if stored.ground == ground}
        return sorted(unique.values(), key=lambda stored: stored.seed)


def stored_models(folder: Path) -> list[StoredModel]:
    """The models of a results folder that have labelled predictions, in the order of their first job.

    Raises:
        StoreError: there is no such folder, or no result in it.
    """
    return models_of(read_results(folder))


def models_of(read: ReadResults) -> list[StoredModel]:
    """The same of results that have been read.

    Raises:
        StoreError: predictions are said to be outside of their run folder.
    """
    pairs = sorted(zip(read.results, read.files, strict=True), key=lambda pair: pair[0].started_at)
    found: dict[tuple[str, ...], dict[tuple[Ground, int], StoredPredictions]] = {}
    weights: dict[tuple[str, ...], str] = {}
    ways: dict[tuple[tuple[str, ...], Ground], list[tuple[str, StoredPredictions]]] = {}
    names = _Names()
    for result, file in pairs:
        if result.job.kind != "predict" or result.status != "ok":
            continue
        spec = result.job.spec
        # Revision as the leaderboard has it, so that the same variants have the same labels.
        revision = spec.get("revision") or result.provenance.get("model_revision") or ""
        variant = (str(spec["model"]), str(revision), result.job.dtype, str(spec.get("backend") or ""))
        weights[variant] = str(spec.get("weights") or "")
        settings = settings_digest(spec.get("settings"))
        for stored in _of_result(result, file, names):
            ways.setdefault((variant, stored.ground), []).append((settings, stored))
    for (owner, ground), all_ways in ways.items():
        # Seeds are seeds of one way of fine-tuning, and the last one counts, as on the leaderboard.
        last = all_ways[-1][0]
        own = found.setdefault(owner, {})
        own.update({(ground, stored.seed): stored for settings, stored in all_ways if settings == last})
    return [
        StoredModel(
            label=variant_label(variant, [other for other in found if other[0] == variant[0]]),
            variant=variant,
            weights=weights[variant],
            predictions=tuple(sorted(stored.values(), key=lambda p: p.started_at)),
        )
        for variant, stored in found.items()
    ]


def model_named(models: Sequence[StoredModel], name: str) -> StoredModel:
    """The model of that label, or of that name where it has one variant only.

    Raises:
        UnknownNameError: there is none.
        UsageError: it has several variants (names them).
    """
    exact = [model for model in models if model.label == name]
    if exact:
        return exact[0]
    variants = [model.label for model in models if model.variant[0] == name]
    if variants:
        raise UsageError(
            f"{name!r} was scored in {len(variants)} variants: name one of {', '.join(map(repr, variants))}"
        )
    raise UnknownNameError("compared models", name, [model.label for model in models])


def refuse_gone(models: Sequence[StoredModel], grounds: Sequence[Ground], folder: Path) -> None:
    """Where predictions are not kept, as in a published folder, there is something else to read.

    Raises:
        StoreError: files of predictions that are not there.
    """
    paths = [stored.path for model in models for ground in grounds for stored in model.on(ground)]
    gone = [path for path in paths if not path.is_file()]
    if gone:
        raise StoreError(
            f"{gone[0]}: the predictions are gone ({len(gone)} of {len(paths)} files), and without them "
            f"examples cannot be compared. Where {folder} keeps comparisons that were made before, as published "
            "folders do, `benchbert table` and `benchbert report` still show its ranks, and the differences to "
            "controls and baselines; else run the suite again"
        )


class _Names:
    """Names of the classes of tasks: registered ones, else of the user's own tasks from the lock of their run."""

    def __init__(self) -> None:
        self._locks: dict[Path, Mapping[str, Any]] = {}

    def of(self, task: str, run: Path) -> tuple[str, ...]:
        known = registry.entries("tasks").get(task)
        if known is not None:
            return tuple(known.labels)
        if run not in self._locks:
            self._locks[run] = _own_tasks(run / "lock.json")
        own = self._locks[run].get(task)
        labels = own.get("labels") if isinstance(own, Mapping) else None
        return tuple(map(str, labels)) if isinstance(labels, list) else ()


def _own_tasks(path: Path) -> Mapping[str, Any]:
    """Name -> task over the user's own files; empty where there is no lock that says so: few comparisons need it."""
    try:
        lock = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    tasks = lock.get("own_tasks") if isinstance(lock, dict) else None
    return tasks if isinstance(tasks, dict) else {}


def _of_result(result: Result, file: Path, names: _Names) -> Iterator[StoredPredictions]:
    """The labelled splits of one predict job."""
    provenance, spec = result.provenance, result.job.spec
    for artefact in result.artefacts:
        if artefact.role != "predictions":
            continue
        split = Path(artefact.path).name.removeprefix(f"{result.job.short_id}.").removesuffix(".parquet")
        values = tuple(value for value in result.values if value.split == split)
        if not values:
            continue
        path = file.parent.parent / artefact.path
        if not path.resolve().is_relative_to(file.parent.parent.resolve()):
            raise StoreError(f"{file}: the path {artefact.path!r} leaves the run folder; delete it, and run again")
        yield StoredPredictions(
            ground=Ground(
                task=str(spec.get("task") or ""),
                split=split,
                task_version=result.job.task_version,
                dataset_fingerprint=str(provenance.get("dataset_fingerprint") or spec.get("dataset_fingerprint") or ""),
                protocol=result.job.protocol_hash,
            ),
            seed=result.job.seed,
            path=path,
            sha256=artefact.sha256,
            values=values,
            labels=names.of(str(spec.get("task") or ""), file.parent.parent),
            started_at=result.started_at,
        )
