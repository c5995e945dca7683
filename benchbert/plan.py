"""(Suite, Lock) -> Plan: the graph of jobs. Pure: no files, no clock, no machine."""

from __future__ import annotations

import fnmatch
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from benchbert import registry
from benchbert.errors import UsageError
from benchbert.lock import Lock, ModelLock, RecipeLock
from benchbert.suite import Profile, Suite
from benchbert.types import Job, Resources, Task

__all__ = ["Plan", "make_plan", "make_recipe_plan"]

PROTOCOL = {"training": 1, "prediction": 1, "profiling": 1}
"""Raised when the way of doing a kind of job changes its outcome: older results are then re-made, never mixed."""

_SMALL_MODELS = 1
"""Threads of a job on a model that a recipe made: such models are small, and side by side they finish sooner."""


@dataclass(frozen=True)
class Plan:
    """Jobs, each after the jobs that it stands on."""

    jobs: tuple[Job, ...]

    @cached_property
    def by_id(self) -> dict[str, Job]:
        """Job id -> job."""
        return {job.id: job for job in self.jobs}

    @cached_property
    def remaining(self) -> dict[str, float]:
        """Job id -> estimated seconds of the longest path from its start to the end of the plan."""
        longest: dict[str, float] = {}
        after: dict[str, float] = {}
        for job in reversed(self.jobs):
            longest[job.id] = job.resources.estimate + after.get(job.id, 0.0)
            for below in job.inputs.values():
                after[below] = max(after.get(below, 0.0), longest[job.id])
        return longest

    def only(self, pattern: str) -> Plan:
        """The jobs whose slug matches a glob, and all that they stand on.

        Raises:
            UsageError: no slug matches.
        """
        wanted = {job.id for job in self.jobs if fnmatch.fnmatchcase(job.slug, pattern)}
        if not wanted:
            raise UsageError(f"--only {pattern!r} matches no job of this plan; --dry-run lists them")
        for job in reversed(self.jobs):
            if job.id in wanted:
                wanted |= set(job.inputs.values())
        return Plan(tuple(job for job in self.jobs if job.id in wanted))


def make_plan(suite: Suite, lock: Lock) -> Plan:
    """All jobs of a suite, recipes first, then fine-tuning and prediction, then profiles.

    Raises:
        UsageError: the suite has nothing to do.
    """
    needed = {lock.models[name].recipe for name in lock.compared} - {""}
    made = {r.digest: job for r, job in _recipe_jobs(lock, needed)}
    jobs: list[Job] = list(made.values())
    for name, task_name in itertools.product(lock.compared, lock.tasks):
        task = registry.find("tasks", task_name)
        for seed in suite.seeds:
            jobs += _task_jobs(suite, lock, lock.models[name], task, seed, made)
    if suite.profile:
        for name in lock.compared:
            jobs += _profile_jobs(suite.profile, lock, lock.models[name], made)
    unique = {job.id: job for job in jobs}
    if not unique:
        raise UsageError(f"the suite {suite.name!r} has nothing to do: its grid is empty")
    return Plan(tuple(unique.values()))


def make_recipe_plan(lock: Lock, recipe_digest: str) -> Plan:
    """The jobs that make one recipe's model."""
    return Plan(tuple(job for _, job in _recipe_jobs(lock, {recipe_digest})))


# --- recipes --------------------------------------------------------------------------------------------------------


def _recipe_jobs(lock: Lock, needed: set[str]) -> Iterator[tuple[RecipeLock, Job]]:
    """The jobs that make recipes and what they stand on, in order."""
    wanted = set(needed)
    for recipe in reversed(list(lock.recipes.values())):
        if recipe.digest in wanted:
            wanted |= {recipe.teacher_recipe, recipe.tokenizer_recipe} - {""}
    made: dict[str, Job] = {}
    for recipe in lock.recipes.values():
        if recipe.digest in wanted:
            made[recipe.digest] = _recipe_job(lock, recipe, made)
            yield recipe, made[recipe.digest]


def _recipe_job(lock: Lock, recipe: RecipeLock, made: Mapping[str, Job]) -> Job:
    settings = recipe.settings
    dataset = lock.datasets[recipe.corpus]
    inputs = {}
    if recipe.teacher_recipe:
        inputs["teacher"] = made[recipe.teacher_recipe].id
    if recipe.tokenizer_recipe:
        inputs["tokenizer"] = made[recipe.tokenizer_recipe].id
    teacher = lock.models.get(recipe.teacher_model)
    blocked = _no_training_device(lock) or dataset.error or (teacher.error if teacher else "")
    tokens = sum(p["steps"] * p["batch_size"] * p["sequence_length"] for p in settings["phases"])
    return Job(
        kind=settings["kind"],
        spec={
            "model": settings["name"],
            "family": settings["model"]["family"],
            "weights": "recipe",
            "revision": recipe.digest,
            "recipe": settings["name"],
            "corpus": recipe.corpus,
            "dataset_fingerprint": dataset.fingerprint,
            "teacher": recipe.teacher_model,
            "teacher_revision": teacher.revision if teacher else "",
            "device": lock.training_device,
        },
        inputs=inputs,
        resources=_training_resources(lock, _SMALL_MODELS, estimate=tokens / 25_000),
        threads=_SMALL_MODELS,
        dtype=lock.training_dtype if settings["dtype"] == "auto" else settings["dtype"],
        seed=settings["seed"],
        protocol_hash=f"training-{PROTOCOL['training']}",
        slug=f"{settings['kind']}.{_word(settings['name'])}",
        blocked=blocked,
    )


# --- tasks ----------------------------------------------------------------------------------------------------------


def _task_jobs(
    suite: Suite, lock: Lock, model: ModelLock, task: Task, seed: int, made: Mapping[str, Job]
) -> Iterator[Job]:
    """Fine-tuning and prediction of one model on one task with one seed."""
    inputs = {"model": made[model.recipe].id} if model.recipe else {}
    trained_on: Task = registry.find("tasks", task.head_of) if task.head_of else task
    head: Job | None = None
    if suite.finetune is not False:
        head = _finetune_job(suite, lock, model, trained_on, seed, inputs)
        yield head
    dataset = lock.datasets[task.dataset.key]
    yield Job(
        kind="predict",
        spec=_model_spec(model)
        | {
            "task": task.name,
            "dataset_fingerprint": dataset.fingerprint,
            "splits": [s.name for s in (task.evaluation or task.test)],
            "settings": asdict(suite.finetune.settings(model.name, trained_on.name)) if suite.finetune else {},
            "backend": "eager",
            "device": lock.training_device,
        },
        inputs={"head": head.id} if head else inputs,
        resources=_training_resources(lock, _threads(lock, model), estimate=5.0),
        threads=_threads(lock, model),
        seed=seed,
        task_version=task.version,
        protocol_hash=f"prediction-{PROTOCOL['prediction']}",
        slug=_slug("predict", model.name, task.name, f"s{seed}"),
        blocked=_no_training_device(lock) or (head.blocked if head else model.error) or dataset.error,
    )


def _finetune_job(suite: Suite, lock: Lock, model: ModelLock, task: Task, seed: int, inputs: Mapping[str, str]) -> Job:
    assert suite.finetune is not False, "called for suites that fine-tune"
    settings = suite.finetune.settings(model.name, task.name)
    dataset = lock.datasets.get(task.dataset.key)
    rows = task.train.rows if task.train else 0
    missing = (
        f"the suite scores a task that needs {task.name}, whose dataset it does not name: add {task.name!r} to tasks"
    )
    return Job(
        kind="finetune",
        spec=_model_spec(model)
        | {
            "task": task.name,
            "dataset_fingerprint": dataset.fingerprint if dataset else "",
            "settings": asdict(settings),
            "device": lock.training_device,
        },
        inputs=inputs,
        resources=_training_resources(lock, _threads(lock, model), estimate=1 + rows * settings.epochs / 400),
        threads=_threads(lock, model),
        dtype=lock.training_dtype,
        seed=seed,
        task_version=task.version,
        protocol_hash=f"training-{PROTOCOL['training']}",
        slug=_slug("finetune", model.name, task.name, f"s{seed}"),
        blocked=_no_training_device(lock) or model.error or (dataset.error if dataset else missing),
    )


# --- profiles -------------------------------------------------------------------------------------------------------


def _profile_jobs(profile: Profile, lock: Lock, model: ModelLock, made: Mapping[str, Job]) -> Iterator[Job]:
    """The grid of one model; a profiler that no setting changes gets one cell of those that only differ by it."""
    inputs = {"model": made[model.recipe].id} if model.recipe else {}
    grid = itertools.product(
        profile.profilers,
        profile.backends,
        profile.devices,
        profile.dtypes,
        profile.batch_sizes,
        profile.sequence_lengths,
        profile.threads,
    )
    for profiler, backend, device, dtype, batch_size, sequence_length, threads in grid:
        yield Job(
            kind="profile",
            spec=_model_spec(model)
            | {
                "profiler": profiler,
                "backend": backend,
                "device": device,
                "batch_size": batch_size,
                "sequence_length": sequence_length,
                "processes": profile.processes,
                "time_limit": profile.time_limit,
            },
            inputs=inputs,
            resources=Resources(
                cpus=threads, gpus=int(device != "cpu"), exclusive=True, estimate=15.0 * profile.processes
            ),
            threads=threads,
            dtype=dtype,
            protocol_hash=f"profiling-{PROTOCOL['profiling']}",
            slug=_slug(
                profiler, model.name, backend, device, dtype, f"b{batch_size}", f"l{sequence_length}", f"t{threads}"
            ),
            blocked=model.error or _not_on_this_machine(lock, device, threads),
        )


def _not_on_this_machine(lock: Lock, device: str, threads: int) -> str:
    """Why a cell cannot be measured here; empty: it can."""
    index = int(device.removeprefix("cuda").removeprefix(":") or 0) if device != "cpu" else -1
    if index >= lock.gpus:
        return (
            f"the suite asks for {device}, and this machine has {lock.gpus or 'no'} CUDA device{'s' * (lock.gpus > 1)}"
        )
    if threads > lock.cores:
        return f"the suite asks for {threads} threads, and this process may use {lock.cores} cores"
    return ""


# --- shared ---------------------------------------------------------------------------------------------------------


def _model_spec(model: ModelLock) -> dict[str, Any]:
    return {"model": model.name, "family": model.family, "weights": model.weights, "revision": model.revision}


def _no_training_device(lock: Lock) -> str:
    """Why nothing can be trained here; empty: it can."""
    if lock.training_device == "cpu" or lock.gpus:
        return ""
    return "the suite asks to train on cuda, and this machine has no CUDA device; take finetune.device out of the suite"


def _threads(lock: Lock, model: ModelLock) -> int:
    """Models that recipes make are small: one thread each, side by side. Others get the machine."""
    return _SMALL_MODELS if model.recipe else lock.cores


def _training_resources(lock: Lock, threads: int, *, estimate: float) -> Resources:
    return Resources(cpus=threads, gpus=int(lock.training_device != "cpu"), estimate=estimate)


def _slug(*parts: str) -> str:
    return ".".join(_word(part) for part in parts)


def _word(text: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in text)
