"""Fine-tuning a model on a task: all its weights; the last step counts, nothing is chosen on the evaluation split."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import nn

from benchbert.models.load import load_model, load_tokenizer
from benchbert.store.context import JobContext, Outcome
from benchbert.store.files import saving
from benchbert.store.unfinished import CHECKPOINT
from benchbert.tasks.data import check_rows, load_split, validate
from benchbert.tasks.encoding import Encoded
from benchbert.training.attention import attention_for
from benchbert.training.batching import Batch, Steps, make_batch, model_inputs, token_budget_batches
from benchbert.training.input_length import require_positions
from benchbert.training.loop import Curve, LoopSettings, Objective, train
from benchbert.training.packed_model import PackedModel, trained_model
from benchbert.training.recipe_run import TOKEN_BUDGET
from benchbert.training.task_losses import TASK_LOSSES
from benchbert.training.token_cache import cached_features
from benchbert.types import Artefact, Task, Value

__all__ = ["keep_head", "run", "window_stride"]


def run(context: JobContext) -> Outcome:
    """Fine-tunes and leaves the model as an artefact with the role `head`.

    Raises:
        UnavailableError, DataError: model or data cannot be had or are not what the task says.
        TrainingError: the loss is not a number.
    """
    task = context.task
    assert task.train is not None, "tasks without a training split take another task's head"
    settings = context.job.spec["settings"]
    rows = load_split(context.dataset(task.dataset.key), task.train.name)
    validate(task, rows, task.train.name)
    made_by = context.input_folder("model")
    tokenizer = load_tokenizer(context.model, made_by)
    features = cached_features(
        context.folder.token_cache,
        task=task,
        dataset=context.dataset(task.dataset.key),
        split=task.train.name,
        rows=rows,
        tokenizer=tokenizer,
        max_length=settings["max_length"],
        stride=window_stride(settings),
        train=True,
    )
    model, weights = context.starting_point()
    loaded = load_model(
        model,
        head=task.head,
        labels=task.labels,
        folder=weights,
        seed=context.job.seed,
        attention=attention_for(str(context.job.spec["device"])),
    )
    require_positions(context.model.name, task, loaded.model, features.encoded)
    curve = _train(context, loaded.model, features.encoded, tokenizer.pad_token_id, task)
    complete = check_rows(task, task.train.name, len(rows))
    return Outcome(
        values=(
            Value(metric="training_s", value=round(curve.seconds, 3), unit="s", direction="lower", complete=complete),
            Value(metric="training_loss", value=curve.terms["loss"][-1], unit="nats", complete=complete),
        ),
        artefacts=(keep_head(context, loaded.model, tokenizer),),
        samples={"curve": {"steps": curve.steps, "terms": curve.terms}},
        provenance={"weight_format": loaded.format, "training_rows": len(rows), "notes": curve.notes},
    )


def _train(context: JobContext, model: nn.Module, encoded: Encoded, pad_id: int, task: Task) -> Curve:
    settings, job = context.job.spec["settings"], context.job
    device = str(job.spec["device"])
    steps = Steps(encoded.lengths, batch_size=settings["batch_size"], epochs=settings["epochs"], seed=job.seed)
    names = model_inputs(model)
    tagged = encoded.tagged if encoded.token_labels is not None else None
    way = trained_model(model, device)
    padding = not isinstance(way, PackedModel)

    def batches(step: int) -> tuple[list[Batch], dict[str, int]]:
        order = steps[step]
        order = order[np.argsort(encoded.lengths[order], kind="stable")]
        parts = token_budget_batches(encoded.lengths, order, TOKEN_BUDGET[device], padding=padding)
        totals = {"examples": len(order)} | ({"words": int(tagged[order].sum())} if tagged is not None else {})
        return [make_batch(encoded, part, pad_id, device, names) for part in parts], totals

    return train(
        model,
        batches,
        _objective(task.head, way),
        LoopSettings(
            steps=len(steps),
            learning_rate=settings["learning_rate"],
            warmup=settings["warmup"],
            weight_decay=settings["weight_decay"],
            clip=settings["clip"],
            dtype=job.dtype,
            device=device,
            seed=job.seed,
            about=context.about,
        ),
        checkpoint=context.folder.work_path(job.id) / CHECKPOINT,
        owner=job.id,
        report=context.report,
    )


def _objective(head: str, way: Any) -> Objective:
    """The loss on the labels, the only term, of the outputs of a way of running the model."""
    loss = TASK_LOSSES[head]
    return lambda model, batch, totals: {"task": loss(way(**batch.inputs), batch, totals)}


def keep_head(context: JobContext, model: Any, tokenizer: Any) -> Artefact:
    """Saves a fine-tuned model where the jobs that stand on it look, in one step, and clears the work folder."""
    work = context.folder.work_path(context.job.id)
    place = work / "head"
    if place.exists():
        shutil.rmtree(place)
    with saving(place):
        model.save_pretrained(place)
        tokenizer.save_pretrained(place)
    artefact = context.folder.keep(context.job.id, "head", place)
    shutil.rmtree(work)
    return artefact


def window_stride(settings: Mapping[str, Any]) -> int:
    """Tokens that neighbouring windows share: the suite's, or half a window where that would be more."""
    return min(int(settings["stride"]), int(settings["max_length"]) // 2)
