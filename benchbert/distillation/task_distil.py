"""The job that fine-tunes a student with the help of a teacher that was fine-tuned on the same task.

DistilBERT's second step (Sanh et al. 2019, arXiv 1910.01108, section 3), TinyBERT's task stages (Jiao et al. 2020,
arXiv 1909.10351, section 3.2) and PKD (Sun et al. 2019, arXiv 1908.09355) are settings of it. A stage is trained as a
run of its own, with a fresh optimizer: its losses have gradients of another size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from benchbert.distillation.augmented_split import augmented_split
from benchbert.distillation.layer_losses import Pair
from benchbert.distillation.servable import mapped_layers, served_pair
from benchbert.distillation.stage_end import StageEnd, joined
from benchbert.distillation.task_data import Pupil, TaughtSteps, differing_row, require_same_tokens
from benchbert.distillation.task_objective import TaskDistillationLoss
from benchbert.errors import BenchbertError, TrainingError
from benchbert.lock import ModelLock
from benchbert.models.adapter import FamilyAdapter, adapter_for
from benchbert.models.load import LoadedModel, load_model, load_tokenizer
from benchbert.store.context import JobContext, Outcome
from benchbert.store.unfinished import CHECKPOINT
from benchbert.task_distillation import TASK_LAYER_LOSSES
from benchbert.tasks.data import check_rows, load_split, validate
from benchbert.training.attention import attention_for
from benchbert.training.batching import Steps
from benchbert.training.finetune import keep_head, window_stride
from benchbert.training.input_length import require_positions
from benchbert.training.loop import Curve, LoopSettings, train
from benchbert.training.recipe_run import TOKEN_BUDGET
from benchbert.training.token_cache import cached_features
from benchbert.types import Value

__all__ = ["layer_pair", "run"]

_STAGE_SEEDS = 7_919
"""Between the seeds of two stages, which see the examples in other orders."""


def run(context: JobContext) -> Outcome:
    """Fine-tunes a student beside its teacher and leaves it as an artefact with the role `head`.

    Raises:
        UnavailableError, DataError: a model or data cannot be had or are not what the task says.
        TrainingError: student and teacher cannot be compared as asked, or the loss is not a number.
    """
    task = context.task
    assert task.train is not None, "tasks without a training split take another task's head"
    rows = load_split(context.dataset(task.dataset.key), task.train.name)
    validate(task, rows, task.train.name)
    complete = check_rows(task, task.train.name, len(rows))
    teacher = _teacher_lock(context)
    tokenizer = load_tokenizer(context.model, context.input_folder("model"))
    of_teacher = load_tokenizer(teacher)
    marked = task.train.name
    if augment := _how(context).get("augment"):
        rows, marked = augmented_split(context, rows, augment)
    model, weights = context.starting_point()
    student = _loaded(context, model, weights)
    above = _loaded(context, teacher, None)
    above.model.requires_grad_(False)
    sides = []
    for loaded, reader in ((student, tokenizer), (above, of_teacher)):
        features = _features(context, rows, reader, marked)
        require_positions(context.model.name, task, loaded.model, features.encoded)
        sides.append(Pupil(model=loaded.model, encoded=features.encoded, pad_id=reader.pad_token_id))
    curve = _train(context, (sides[0], sides[1]))
    return Outcome(
        values=(
            Value(metric="training_s", value=round(curve.seconds, 3), unit="s", direction="lower", complete=complete),
            Value(metric="training_loss", value=curve.terms["loss"][-1], unit="nats", complete=complete),
        ),
        artefacts=(keep_head(context, student.model, tokenizer),),
        samples={"curve": {"steps": curve.steps, "terms": curve.terms}},
        provenance={"weight_format": student.format, "training_rows": len(rows), "notes": curve.notes},
    )


def layer_pair(
    how: Mapping[str, Any],
    models: tuple[nn.Module, nn.Module],
    adapters: tuple[FamilyAdapter, FamilyAdapter],
    names: tuple[str, str],
) -> Pair | None:
    """What the losses between layers compare; None: the settings have none of them.

    Args:
        how: `TaskDistillation.settings`.
        models: student and teacher.
        adapters: theirs.
        names: theirs, for messages.

    Raises:
        TrainingError: layers or heads do not fit.
    """
    losses = {name: weight for name, weight in how["losses"].items() if name in TASK_LAYER_LOSSES}
    if not losses:
        return None
    heads = [a.attention(a.layers(m)[0]).heads for a, m in zip(adapters, models, strict=True)]
    if "attention" in losses and heads[0] != heads[1]:
        raise TrainingError(
            f"task_distillation.attention compares head with head, and {names[0]} has {heads[0]} of them, its teacher "
            f"{names[1]} {heads[1]}: set attention = 0 in its task_distillation, or take another task_teacher"
        )
    settings = {
        "losses": losses,
        "layer_map": how["layer_map"],
        "mode": how.get("mode", "paper"),
        "phases": (),
        "relation_layer": -1,
        "relation_heads": 0,
    }
    try:
        return served_pair(settings, models, adapters, mapped_layers(settings, models, adapters))
    except TrainingError as error:
        raise TrainingError(f"task_distillation of {names[0]} with {names[1]} as its teacher: {error}") from None


@dataclass(frozen=True, kw_only=True)
class _Stage:
    """One stage of the training, with its place among all of them."""

    number: int
    """From 0."""
    last: bool
    """Whether it is the last."""
    losses: tuple[str, ...]
    """Names of its losses."""
    epochs: float
    """Passes over the examples."""
    learning_rate: float
    """Peak of its schedule."""

    def checkpoint(self, work: Path) -> Path:
        """Where it saves itself: the last one where every job does, another in a folder of its own."""
        return (work if self.last else work / f"stage-{self.number + 1}") / CHECKPOINT


def _train(context: JobContext, sides: tuple[Pupil, Pupil]) -> Curve:
    """All stages in turn; the student is trained in place. Stages that ended before a kill are taken from disk."""
    how, student, teacher = _how(context), *sides
    names = (context.model.name, str(context.job.spec["task_teacher"]))
    row = differing_row(student.encoded, teacher.encoded)
    require_same_tokens(context.task.head, list(how["losses"]), row, names)
    models = (student.model, teacher.model)
    adapters = (_adapter(models[0]), _adapter(models[1]))
    pair = layer_pair(how, models, adapters, names)
    work = context.folder.work_path(context.job.id)
    curve = Curve()
    for stage in _stages(context):
        end = StageEnd(work / f"stage-{stage.number + 1}")
        known = end.read(student.model)
        if known is None:
            objective = TaskDistillationLoss(
                models,
                adapters,
                pair if any(name in TASK_LAYER_LOSSES for name in stage.losses) else None,
                head=context.task.head,
                weights={name: how["losses"][name] for name in stage.losses},
                temperature=how.get("temperature", 1.0),
            )
            known = _train_stage(context, stage, sides, objective)
            if not stage.last:
                end.write(student.model, known)
        curve = joined(curve, known)
    return curve


def _train_stage(
    context: JobContext, stage: _Stage, sides: tuple[Pupil, Pupil], objective: TaskDistillationLoss
) -> Curve:
    settings, job = context.job.spec["settings"], context.job
    device, seed = str(job.spec["device"]), job.seed + _STAGE_SEEDS * stage.number
    steps = Steps(sides[0].encoded.lengths, batch_size=settings["batch_size"], epochs=stage.epochs, seed=seed)
    return train(
        objective.learner,
        TaughtSteps(*sides, steps, device=device, budget=TOKEN_BUDGET[device]),
        objective,
        LoopSettings(
            steps=len(steps),
            learning_rate=stage.learning_rate,
            warmup=settings["warmup"],
            weight_decay=settings["weight_decay"],
            clip=settings["clip"],
            dtype=job.dtype,
            device=device,
            seed=seed,
            about=context.about,
        ),
        checkpoint=stage.checkpoint(context.folder.work_path(job.id)),
        owner=job.id,
        report=context.report,
        also=(sides[1].model,),
    )


def _stages(context: JobContext) -> list[_Stage]:
    settings, stages = context.job.spec["settings"], _how(context)["stages"]
    return [
        _Stage(
            number=number,
            last=number + 1 == len(stages),
            losses=tuple(stage["losses"]),
            epochs=settings["epochs"] * stage["share"],
            learning_rate=stage.get("learning_rate", settings["learning_rate"]),
        )
        for number, stage in enumerate(stages)
    ]


def _how(context: JobContext) -> Mapping[str, Any]:
    """`TaskDistillation.settings` of the job."""
    found: Mapping[str, Any] = context.job.spec["task_distillation"]
    return found


def _teacher_lock(context: JobContext) -> ModelLock:
    """The teacher with its head, as the job that fine-tuned it left it."""
    name = str(context.job.spec["task_teacher"])
    return ModelLock(name=name, family="", weights="folder", folder=str(context.input_folder("task_teacher")))


def _loaded(context: JobContext, model: ModelLock, folder: Path | None) -> LoadedModel:
    task = context.task
    return load_model(
        model,
        head=task.head,
        labels=task.labels,
        folder=folder,
        seed=context.job.seed,
        attention=attention_for(str(context.job.spec["device"])),
    )


def _features(context: JobContext, rows: Any, tokenizer: Any, marked: str) -> Any:
    settings = context.job.spec["settings"]
    return cached_features(
        context.folder.token_cache,
        task=context.task,
        dataset=context.dataset(context.task.dataset.key),
        split=marked,
        rows=rows,
        tokenizer=tokenizer,
        max_length=settings["max_length"],
        stride=window_stride(settings),
        train=True,
    )


def _adapter(model: Any) -> FamilyAdapter:
    try:
        return adapter_for(model.config.model_type)
    except BenchbertError as error:
        raise TrainingError(f"states inside {type(model).__name__} cannot be compared: {error}") from None
