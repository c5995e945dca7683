"""The jobs that score a model on a task: fine-tuning a head, predicting with it, and the majority baseline."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace

from benchbert.job_terms import PROTOCOL, model_spec, no_training_device, slug, threads_of, training_resources
from benchbert.lock import Lock, ModelLock
from benchbert.suite import MAJORITY, Profile, Suite
from benchbert.task_distillation import settings_for
from benchbert.types import Job, Resources, Split, Task

__all__ = ["MadeBy", "head_jobs", "majority_job", "task_jobs"]

MadeBy = Callable[[ModelLock, int], Job | None]
"""(model, seed of the suite) -> the job that makes the model for it; None: no recipe does."""


def task_jobs(suite: Suite, lock: Lock, model: ModelLock, task: Task, seed: int, made: MadeBy) -> Iterator[Job]:
    """Fine-tuning and prediction of one model on one task with one seed, and its scores on the backends that are timed.

    Args:
        suite: what the user wants.
        lock: what it resolved to.
        model: one of the compared models.
        task: one of the suite's tasks.
        seed: one of the suite's seeds.
        made: tells the job that makes a model.
    """
    inputs = _model_input(model, made, seed)
    source = _trained_on(lock, task)
    head: Job | None = None
    if suite.finetune is not False:
        for head in head_jobs(suite, lock, model, source, seed, made):
            yield head
    dataset = lock.datasets[task.dataset.key]
    settings = asdict(suite.finetune.settings(model.name, source.name, source.head)) if suite.finetune else {}
    own = Job(
        kind="predict",
        spec=model_spec(model)
        | {
            "task": task.name,
            "dataset_fingerprint": dataset.fingerprint,
            "splits": [split.name for split in _scored(suite, lock, task)],
            "settings": settings,
            "backend": "eager",
            "device": lock.training_device,
            # `checked`: another dtype is taken where the model's own float32 outputs ask for it.
            "precision": "checked" if suite.predict_dtype == "auto" else "forced",
        }
        | _own_metrics(lock, task),
        inputs={"head": head.id} if head else inputs,
        resources=training_resources(lock, threads_of(lock, model), estimate=5.0),
        threads=threads_of(lock, model),
        dtype=lock.prediction_dtype,
        seed=seed,
        task_version=task.version,
        protocol_hash=f"prediction-{PROTOCOL['prediction']}",
        slug=slug("predict", model.name, task.name, f"s{seed}"),
        blocked=no_training_device(lock) or (head.blocked if head else model.error) or dataset.error,
    )
    yield own
    # A control is scored to be shown against its model, and never timed.
    if suite.profile and suite.profile.score and not model.control_of:
        yield from _timed_variants(suite.profile, lock, own)


def _timed_variants(profile: Profile, lock: Lock, own: Job) -> Iterator[Job]:
    """Prediction on every backend and dtype that a profile times, but those of the suite's own prediction.

    Args:
        profile: the suite's grid.
        lock: what the suite resolved to.
        own: the suite's own prediction; it, or the same in float32, is what the others are compared with.
    """
    exact = own
    if own.dtype != "float32":
        # As a suite with predict_dtype = "float32" has it.
        spec = {**own.spec, "precision": "forced"}
        exact = replace(own, spec=spec, dtype="float32", slug=_inserted(own.slug, "float32"))
    wanted = {variant: device for variant, device in profile.variants.items() if variant != ("eager", own.dtype)}
    if wanted and exact is not own:
        yield exact
    for (backend, dtype), device in wanted.items():
        if (backend, dtype) == ("eager", "float32"):
            continue
        without = {name: value for name, value in own.spec.items() if name != "precision"}
        yield replace(
            own,
            # The scale of int8 activations is that of a whole batch, so that its size decides the outcome.
            spec=without | {"backend": backend, "device": device, "batch_size": profile.batch_sizes[0]},
            inputs={**own.inputs, "reference": exact.id},
            resources=replace(own.resources, gpus=int(device != "cpu"), estimate=20.0),
            dtype=dtype,
            slug=_inserted(own.slug, f"{backend}.{dtype}"),
            blocked=own.blocked or ("" if device == "cpu" or lock.gpus else f"this machine has no {device}"),
        )


def _inserted(name: str, part: str) -> str:
    """A readable name with one more part before its seed."""
    stem, _, seed = name.rpartition(".")
    return f"{stem}.{part}.{seed}"


def majority_job(suite: Suite, lock: Lock, task: Task) -> Job:
    """The majority baseline on one task: nothing in it is random, so the suite's first seed stands for all of them."""
    seed = suite.seeds[0]
    dataset = lock.datasets[task.dataset.key]
    trained_on = _trained_on(lock, task)
    training = lock.datasets.get(trained_on.dataset.key)
    # Only a task that has no training split of its own learns its constant from another dataset.
    source = {"training_fingerprint": training.fingerprint if training else ""} if task.head_of else {}
    return Job(
        kind="predict",
        spec=model_spec(lock.models[MAJORITY])
        | {
            "task": task.name,
            "dataset_fingerprint": dataset.fingerprint,
            "splits": [split.name for split in _scored(suite, lock, task)],
            "backend": "constant",
        }
        | source
        | _own_metrics(lock, task),
        resources=Resources(estimate=1 + (trained_on.train.rows if trained_on.train else 0) / 50_000),
        seed=seed,
        task_version=task.version,
        protocol_hash=f"prediction-{PROTOCOL['prediction']}",
        slug=slug("predict", MAJORITY, task.name, f"s{seed}"),
        blocked=dataset.error or (training.error if training else _missing(trained_on)),
    )


def head_jobs(suite: Suite, lock: Lock, model: ModelLock, task: Task, seed: int, made: MadeBy) -> Iterator[Job]:
    """The fine-tuning of a model on a task, the last one, after that of its task teacher, if it has one."""
    inputs = _model_input(model, made, seed)
    if not model.task_teacher:
        yield _finetune_job(suite, lock, model, task, seed, inputs)
        return
    teacher = lock.models[model.task_teacher]
    above: Job | None = None
    for above in head_jobs(suite, lock, teacher, task, seed, made):
        yield above
    assert above is not None, "a teacher is fine-tuned"
    how = settings_for(model.task_distillation, task.head)
    augmented = how.get("augment")
    below = {"masked_lm": _model_input(teacher, made, seed)["model"]} if augmented and teacher.recipe else {}
    plain = _finetune_job(suite, lock, model, task, seed, inputs | {"task_teacher": above.id} | below)
    cost = 2 * (1 + (augmented["copies"] if augmented else 0))
    yield replace(
        plain,
        spec={**plain.spec, "task_teacher": teacher.name, "task_distillation": how},
        resources=replace(plain.resources, estimate=cost * plain.resources.estimate),
        blocked=plain.blocked or above.blocked or (_cannot_augment(model, teacher) if augmented else ""),
    )


def _cannot_augment(model: ModelLock, teacher: ModelLock) -> str:
    """Why more sentences cannot be made for a model; empty: they can."""
    if teacher.weights != "random":
        return ""
    return (
        f"task_distillation.augment of {model.name!r}: its teacher {teacher.name!r} has random weights, and words are "
        "replaced by its masked-LM head; name a pre-trained task_teacher, or take augment out"
    )


def _model_input(model: ModelLock, made: MadeBy, seed: int) -> dict[str, str]:
    maker = made(model, seed)
    return {"model": maker.id} if maker else {}


def _finetune_job(suite: Suite, lock: Lock, model: ModelLock, task: Task, seed: int, inputs: Mapping[str, str]) -> Job:
    assert suite.finetune is not False, "called for suites that fine-tune"
    settings = suite.finetune.settings(model.name, task.name, task.head)
    dataset = lock.datasets.get(task.dataset.key)
    rows = task.train.rows if task.train else 0
    return Job(
        kind="finetune",
        spec=model_spec(model)
        | {
            "task": task.name,
            "dataset_fingerprint": dataset.fingerprint if dataset else "",
            "settings": asdict(settings),
            "device": lock.training_device,
        },
        inputs=inputs,
        resources=training_resources(lock, threads_of(lock, model), estimate=1 + rows * settings.epochs / 400),
        threads=threads_of(lock, model),
        dtype=lock.training_dtype,
        seed=seed,
        task_version=task.version,
        protocol_hash=f"training-{PROTOCOL['training']}",
        slug=slug("finetune", model.name, task.name, f"s{seed}"),
        blocked=no_training_device(lock) or model.error or (dataset.error if dataset else _missing(task)),
    )


def _trained_on(lock: Lock, task: Task) -> Task:
    """The task whose training split is learned from: itself, or MNLI for the diagnostics."""
    return lock.task(task.head_of) if task.head_of else task


def _scored(suite: Suite, lock: Lock, task: Task) -> tuple[Split, ...]:
    """The splits to predict: held-back ones where the suite asks for them, else labelled ones, else unlabelled ones.

    A test file of the user's is named to be predicted, so it always is.
    """
    if suite.scored_on == "test":
        return task.held_back
    return (*task.evaluation, *task.test) if task.name in lock.own_tasks else task.evaluation or task.test


def _own_metrics(lock: Lock, task: Task) -> dict[str, list[str]]:
    """Metrics that the user chose: no version of a task stands for them."""
    return {"metrics": list(task.metrics)} if task.name in lock.own_tasks else {}


def _missing(task: Task) -> str:
    return f"the suite scores a task that needs {task.name}, whose dataset it does not name: add {task.name!r} to tasks"
