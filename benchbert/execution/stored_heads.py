"""Which stored heads of a run folder are one model's with one seed, and whether they are whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchbert import registry
from benchbert.errors import StoreError, UsageError
from benchbert.lock import Lock
from benchbert.store.files import RunFolder, digest_of, read_results
from benchbert.types import Job, Result, Task, digest

__all__ = ["StoredHeads", "find_heads"]


@dataclass(frozen=True, kw_only=True)
class StoredHeads:
    """One model with one seed."""

    model: str
    """Name of the model."""
    seed: int
    """Seed of its fine-tuning."""
    jobs: Mapping[str, Job]
    """Task -> the stored predict job that stands on its head; tasks without one are not there."""
    problems: tuple[str, ...]
    """One line for each task without a usable head."""


def find_heads(
    folder: RunFolder, lock: Lock, tasks: Sequence[str], *, model: str = "", seed: int | None = None
) -> StoredHeads:
    """The heads of a model for some tasks.

    Args:
        folder: a run folder.
        lock: its lock.
        tasks: names of the tasks that heads are wanted for.
        model: name of the model; empty: the only one.
        seed: its seed; None: the only one.

    Raises:
        StoreError: the folder holds no results.
        UsageError: no result is of these tasks, or model and seed do not name one of the choices (lists them).
    """
    found = read_results(folder.path)
    # What a timed backend scored stands on the same heads as the suite's own prediction.
    of_tasks = [
        r
        for r in found.results
        if r.job.kind == "predict" and r.job.spec["task"] in tasks and "reference" not in r.job.inputs
    ]
    # The majority baseline is not among the compared models: it has no head.
    candidates = [r for r in of_tasks if r.job.spec["model"] in lock.compared]
    if not candidates:
        scored = sorted({str(r.job.spec["task"]) for r in found.results if r.job.kind == "predict"})
        raise UsageError(
            f"{folder.path} has no model's results on GLUE (its tasks: {', '.join(scored) or 'none'}): run a suite "
            'with tasks = ["glue/*"]; generated tasks (builtin/...) cannot be submitted'
        )
    name, number = _choose(lock, candidates, model, seed)
    chosen = [r for r in candidates if (r.job.spec["model"], r.job.seed) == (name, number)]
    jobs: dict[str, Job] = {}
    problems = []
    for task in tasks:
        job, problem = _stored_job([r for r in chosen if r.job.spec["task"] == task], task)
        problem = problem or _head_problem(folder, found.results, job)
        if job is not None and not problem:
            jobs[task] = job
        else:
            problems.append(f"{task}: {problem}")
    return StoredHeads(model=name, seed=number, jobs=jobs, problems=(*problems, *(found.problems if problems else ())))


def _choose(lock: Lock, candidates: Iterable[Result], model: str, seed: int | None) -> tuple[str, int]:
    """The one (model, seed) that is meant.

    Raises:
        UsageError: none or several are; lists them.
    """
    there = {(str(r.job.spec["model"]), r.job.seed) for r in candidates}
    fitting = [pair for pair in there if model in ("", pair[0]) and seed in (None, pair[1])]
    if len(fitting) == 1:
        return fitting[0]
    lines = []
    for name in lock.compared:
        if seeds := sorted(number for other, number in there if other == name):
            lines.append(f"{name} (seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))})")
    asked = " ".join(([f"--model {model}"] if model else []) + ([f"--seed {seed}"] if seed is not None else []))
    problem = f"several results fit {asked}".rstrip() if fitting else f"no result fits {asked}"
    raise UsageError(f"{problem}: choose one model and seed with --model and --seed; there are {'; '.join(lines)}")


def _stored_job(results: Sequence[Result], task: str) -> tuple[Job | None, str]:
    """The predict job of a task, or why there is none; the same job of several machines counts once."""
    good = {_head_and_settings(r.job): r.job for r in results if r.status == "ok"}
    if len(good) > 1:
        kept = ", ".join(job.short_id for job in good.values())
        return None, f"the results of several settings or data sets lie side by side (jobs {kept}): keep those of one"
    if not good:
        return None, next((r.error for r in results), "the suite did not score it: add it to the suite's tasks")
    (job,) = good.values()
    now: Task = registry.find("tasks", task)
    if job.task_version != now.version:
        return None, (
            f"its results are of version {job.task_version} of the task, this benchbert has version {now.version}: "
            "run the suite again"
        )
    return job, ""


def _head_and_settings(job: Job) -> str:
    """What tells stored predictions apart beyond their precision: one head in two precisions is one head."""
    return digest({"inputs": dict(job.inputs), "spec": {k: v for k, v in job.spec.items() if k != "precision"}})


def _head_problem(folder: RunFolder, results: Iterable[Result], job: Job | None) -> str:
    """Why the artefacts that a job stands on cannot be used; empty: they can, or it stands on none."""
    if job is None:
        return ""
    for role, maker in job.inputs.items():
        place = folder.artefact_path(maker)
        if not place.is_dir():
            return f"its {role} {place} is gone: run the suite again to make it"
        recorded = {a.sha256 for r in results if r.job.id == maker and r.status == "ok" for a in r.artefacts}
        try:
            whole = not recorded or digest_of(place) in recorded
        except OSError as error:
            raise StoreError(f"{place}: cannot be read ({error.strerror or error})") from error
        if not whole:
            return f"its {role} {place} is not what its result says it was: run the suite again to make it anew"
    return ""
