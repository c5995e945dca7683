"""(Suite, Lock) -> Plan: the graph of jobs. Pure: no files, no clock, no machine."""

from __future__ import annotations

import fnmatch
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from benchbert.errors import UsageError
from benchbert.job_terms import (
    PROTOCOL,
    SMALL_MODELS,
    model_spec,
    no_training_device,
    slug,
    training_resources,
)
from benchbert.lock import Lock, ModelLock, RecipeLock
from benchbert.suite import Profile, Suite
from benchbert.task_jobs import majority_job, task_jobs
from benchbert.types import Job, Resources

__all__ = ["Plan", "make_plan", "make_recipe_plan"]


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
    """All jobs of a suite, recipes first, then fine-tuning and prediction, the baseline, then profiles.

    Raises:
        UsageError: the suite has nothing to do.
    """
    models = [lock.models[name] for name in lock.compared]
    made = _made_models(suite, lock, [*models, *_task_teachers(lock, models)])
    jobs: list[Job] = list(made.jobs)
    tasks = [lock.task(name) for name in lock.tasks]
    for model, task in itertools.product(models, tasks):
        for seed in suite.seeds:
            jobs += task_jobs(suite, lock, model, task, seed, made.of)
    if suite.majority:
        jobs += [majority_job(suite, lock, task) for task in tasks]
    if suite.profile:
        # A control has its model's shape or its student's: what it costs is known, what it scores is what it is for.
        for model in (model for model in models if not model.control_of):
            # Weights of whichever seed: a cost is of the shape.
            jobs += _profile_jobs(suite.profile, lock, model, made.of(model, suite.seeds[0] if suite.seeds else 0))
    unique = {job.id: job for job in jobs}
    if not unique:
        raise UsageError(f"the suite {suite.name!r} has nothing to do: its grid is empty")
    return Plan(tuple(unique.values()))


def make_recipe_plan(lock: Lock, recipe_digest: str) -> Plan:
    """The jobs that make one recipe's model."""
    return Plan(tuple(job for _, job in _recipe_jobs(lock, {recipe_digest})))


def _task_teachers(lock: Lock, models: Sequence[ModelLock]) -> list[ModelLock]:
    """The task teachers of models, each once; one that the suite does not compare has none of its own."""
    names = dict.fromkeys(model.task_teacher for model in models if model.task_teacher)
    return [lock.models[name] for name in names]


# --- recipes --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Made:
    """The jobs that carry out recipes."""

    once: Mapping[str, Job]
    """Recipe digest -> the job with the recipe's own seed; teachers and tokenizers are made by these."""
    by_seed: Mapping[tuple[str, int], Job]
    """Recipe digest and seed of the suite -> the job with that seed."""
    jobs: tuple[Job, ...]
    """All of them, each after what it stands on."""

    def of(self, model: ModelLock, seed: int) -> Job | None:
        """The job that makes a model for one of the suite's seeds; None: no recipe does."""
        if not model.recipe:
            return None
        return self.by_seed[model.recipe, seed] if model.recipe_seeds == "suite" else self.once[model.recipe]


def _made_models(suite: Suite, lock: Lock, models: Sequence[ModelLock]) -> _Made:
    """The jobs of the recipes that models need: one for each, or one for each seed of the suite."""
    each = {model.recipe for model in models if model.recipe and model.recipe_seeds == "suite"}
    needed = {model.recipe for model in models if model.recipe_seeds == "recipe"} - {""}
    for recipe in (lock.recipes[key] for key in each):
        needed |= {recipe.teacher_recipe, recipe.tokenizer_recipe} - {""}
    once = {recipe.digest: job for recipe, job in _recipe_jobs(lock, needed)}
    by_seed = {
        (recipe.digest, seed): _recipe_job(lock, recipe, once, seed)
        for recipe in lock.recipes.values()
        if recipe.digest in each
        for seed in suite.seeds or (0,)
    }
    return _Made(once, by_seed, (*once.values(), *by_seed.values()))


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


def _recipe_job(lock: Lock, recipe: RecipeLock, made: Mapping[str, Job], seed: int | None = None) -> Job:
    """The job of one recipe; `seed` takes the place of its own, and then stands in the readable name too."""
    settings = recipe.settings
    dataset = lock.datasets[recipe.corpus]
    inputs = {}
    if recipe.teacher_recipe:
        inputs["teacher"] = made[recipe.teacher_recipe].id
    if recipe.tokenizer_recipe:
        inputs["tokenizer"] = made[recipe.tokenizer_recipe].id
    teacher = lock.models.get(recipe.teacher_model)
    blocked = no_training_device(lock) or dataset.error or (teacher.error if teacher else "")
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
        resources=training_resources(lock, SMALL_MODELS, estimate=recipe.tokens / 25_000),
        threads=SMALL_MODELS,
        dtype=lock.training_dtype if settings["dtype"] == "auto" else settings["dtype"],
        seed=settings["seed"] if seed is None else seed,
        protocol_hash=f"training-{PROTOCOL['training']}",
        slug=slug(settings["kind"], settings["name"], *([] if seed is None else [f"s{seed}"])),
        blocked=blocked,
    )


# --- profiles -------------------------------------------------------------------------------------------------------


def _profile_jobs(profile: Profile, lock: Lock, model: ModelLock, made: Job | None) -> Iterator[Job]:
    """The grid of one model; a profiler that no setting changes gets one cell of those that only differ by it.

    A dtype that a backend lacks is left out where another one of the suite has it: such a cell is nobody's mistake.
    """
    inputs = {"model": made.id} if made else {}
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
        able = profile.backends_with(dtype, device)
        if able and backend not in able:
            continue
        yield Job(
            kind="profile",
            spec=model_spec(model)
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
            slug=slug(
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
