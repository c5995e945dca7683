"""Prediction: the outputs of the fastest way that is exact enough, one row an example stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from benchbert.errors import UnavailableError
from benchbert.models.load import LoadedModel, load_model, load_tokenizer
from benchbert.store.context import JobContext, Outcome, Report
from benchbert.tasks.encoding import Encoded, Features
from benchbert.tasks.heads import decode
from benchbert.tasks.labels import logit_order
from benchbert.training import majority
from benchbert.training.engine import Engine, Precision
from benchbert.training.finetune import window_stride
from benchbert.training.input_length import input_settings, require_positions
from benchbert.training.precision import Outputs
from benchbert.training.reference_change import with_changes
from benchbert.training.scored_split import outcome_of, score_split
from benchbert.training.session_engine import SessionEngine
from benchbert.training.token_cache import cached_features
from benchbert.types import Task

if TYPE_CHECKING:
    import datasets
    import pyarrow

__all__ = ["Prediction", "predict_encoded", "run"]


def run(context: JobContext) -> Outcome:
    """Predicts and scores the splits that the job names, and stores the predictions as parquet.

    Raises:
        UnavailableError, DataError, LabelError: model, data or labels are not what the task says.
    """
    if context.model.weights == "constant":
        return majority.run(context)
    task = context.task
    folder = context.input_folder("head") or context.input_folder("model")
    tokenizer = load_tokenizer(context.model, folder)
    # Without the suite's labels: what the config itself says of its outputs must be seen, to be held against them.
    source = replace(context.model, labels=())
    loaded = load_model(source, head=task.head, labels=_labels(context, task), folder=folder)
    _require_head(context, loaded)
    device, dtype = _device_and_dtype(context)
    model = loaded.model.to(device).eval()
    order = _order(context, task, model)
    # One engine for all splits, made when the first one has been encoded: its examples are the probe.
    engines: list[Engine | SessionEngine] = []
    reference = "reference" in context.job.inputs
    decided: dict[str, int] = {}

    def predict(name: str, rows: datasets.Dataset) -> pyarrow.Table:
        features = _features(context, task, name, rows, model, tokenizer)
        if not engines:
            pad_id = tokenizer.pad_token_id
            if reference:
                labels = _labels(context, task)
                engines.append(SessionEngine.prepare(context, task, features.encoded, labels=labels, pad_id=pad_id))
            else:
                engines.append(Engine.prepare(model, features.encoded, pad_id=pad_id, device=device, dtype=dtype))
        outputs, decided[name] = engines[0].predict(features.encoded, context.report)
        if order is not None:
            outputs["logits"] = outputs["logits"][:, order]
        return decode(task, features, rows, outputs)

    names: list[str] = context.job.spec["splits"]
    splits = [score_split(context, task, name, partial(predict, name)) for name in names]
    if reference:
        splits = [with_changes(context, task, split) for split in splits]
    computed = engines[0].record if engines else {}
    return outcome_of(splits, {"weight_format": loaded.format, "computed": {**computed, "decided_in_float32": decided}})


def _device_and_dtype(context: JobContext) -> tuple[str, Precision]:
    """Where and in what the job computes; `auto` leaves the dtype to the engine's check."""
    checked = context.job.spec.get("precision", "checked") == "checked"
    forced: Precision = "bfloat16" if context.job.dtype == "bfloat16" else "float32"
    return str(context.job.spec["device"]), "auto" if checked and forced == "bfloat16" else forced


def _features(
    context: JobContext, task: Task, name: str, rows: datasets.Dataset, model: Any, tokenizer: Any
) -> Features:
    """The tokens of a split."""
    settings = input_settings(task, model, context.job.spec["settings"])
    features = cached_features(
        context.folder.token_cache,
        task=task,
        dataset=context.dataset(task.dataset.key),
        split=name,
        rows=rows,
        tokenizer=tokenizer,
        max_length=settings["max_length"],
        stride=window_stride(settings),
        train=False,
    )
    require_positions(context.model.name, task, model, features.encoded)
    return features


def _require_head(context: JobContext, loaded: LoadedModel) -> None:
    """A head that was drawn at random has nothing to say; only a model that is random altogether may show that.

    Raises:
        UnavailableError: the checkpoint has no head for the task.
    """
    if loaded.fresh and "head" not in context.job.inputs:
        raise UnavailableError(
            f"{context.model.name} has no head for {context.job.spec['task']}: its weights lack {loaded.fresh[0]};"
            " score a fine-tuned checkpoint, or take `finetune = false` out of the suite"
        )


def _labels(context: JobContext, task: Task) -> tuple[str, ...]:
    """Labels to build a new head with; a model that brings its head keeps the names of its config."""
    return task.labels if context.job.inputs.get("head") or context.model.weights == "random" else ()


def _order(context: JobContext, task: Task, model: Any) -> list[int] | None:
    """For each label of the task, the column of the model's logits; None: the task has no classes."""
    if not task.labels:
        return None
    # Labels that the suite declares are those of a head that the model brings, not of one that was fine-tuned here.
    declared = () if "head" in context.job.inputs else context.model.labels
    return logit_order(model.config.id2label, task.labels, declared)


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What a model says of examples."""

    outputs: Outputs
    """See `benchbert.training.engine.forward`."""
    provenance: Mapping[str, Any]
    """How they were computed: see `Engine.record`, and `decided_in_float32`, the number of close calls."""


def predict_encoded(
    model: Any,
    encoded: Encoded,
    *,
    pad_id: int,
    device: str = "cpu",
    dtype: Precision = "auto",
    report: Report = lambda done, total, note: None,
) -> Prediction:
    """Outputs of a model for examples, the fastest way that its float32 outputs confirm.

    Args:
        model: of transformers, in float32 and eval mode, on its device; it is left as it is.
        encoded: the examples.
        pad_id: id of the padding token.
        device: `cpu` or `cuda`.
        dtype: `float32`, `bfloat16`, or `auto`: bfloat16 where the hardware multiplies in it and it is exact enough.
        report: told of the progress.
    """
    engine = Engine.prepare(model, encoded, pad_id=pad_id, device=device, dtype=dtype)
    outputs, decided = engine.predict(encoded, report)
    return Prediction(outputs=outputs, provenance={**engine.record, "decided_in_float32": decided})
