"""Prediction: batches of a budget of tokens sorted by length, the order restored, one row an example stored."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchbert.errors import UnavailableError
from benchbert.models.load import LoadedModel, load_model, load_tokenizer
from benchbert.store.context import JobContext, Outcome, Report
from benchbert.tasks.encoding import Encoded
from benchbert.tasks.heads import decode, encode
from benchbert.tasks.labels import logit_order
from benchbert.training import majority
from benchbert.training.batching import make_batch, token_budget_batches
from benchbert.training.finetune import model_inputs, window_stride
from benchbert.training.input_length import input_settings, require_positions
from benchbert.training.recipe_run import TOKEN_BUDGET
from benchbert.training.scored_split import outcome_of, score_split
from benchbert.types import Task

if TYPE_CHECKING:
    import datasets
    import pyarrow

__all__ = ["forward", "run"]


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
    model = loaded.model.to(str(context.job.spec["device"])).eval()
    order = _order(context, task, model)

    def predict(rows: datasets.Dataset) -> pyarrow.Table:
        return _predictions(context, task, rows, model, tokenizer, order)

    names: list[str] = context.job.spec["splits"]
    return outcome_of((score_split(context, task, name, predict) for name in names), {"weight_format": loaded.format})


def _predictions(
    context: JobContext, task: Task, rows: datasets.Dataset, model: nn.Module, tokenizer: Any, order: list[int] | None
) -> pyarrow.Table:
    """One row an example of a split."""
    settings = input_settings(task, model, context.job.spec["settings"])
    features = encode(
        task, rows, tokenizer, max_length=settings["max_length"], stride=window_stride(settings), train=False
    )
    require_positions(context.model.name, task, model, features.encoded)
    outputs = forward(model, features.encoded, tokenizer.pad_token_id, str(context.job.spec["device"]), context.report)
    if order is not None:
        outputs["logits"] = outputs["logits"][:, order]
    return decode(task, features, rows, outputs)


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


@torch.inference_mode()
def forward(
    model: nn.Module, encoded: Encoded, pad_id: int, device: str, report: Report = lambda done, total, note: None
) -> dict[str, NDArray[np.float32]]:
    """The model's outputs for all examples, in their order.

    Returns:
        `logits` of shape (examples, outputs), or (tokens, outputs) of a token head; or, for a span head, `start_logits`
        and `end_logits` of shape (tokens,); what is of the tokens is aligned with `encoded.tokens`.
    """
    names = model_inputs(model)
    longest_first = np.argsort(-encoded.lengths, kind="stable")
    batches = token_budget_batches(encoded.lengths, longest_first, TOKEN_BUDGET[device.partition(":")[0]])
    outputs: dict[str, NDArray[np.float32]] = {}
    done = 0
    for indices in batches:
        batch = make_batch(encoded, indices, pad_id, device, names)
        found = model(**batch.inputs)
        if "logits" in found and found.logits.ndim == 3:
            logits = found.logits.float().cpu().numpy()
            shape = (len(encoded.tokens), logits.shape[2])
            _scatter(outputs.setdefault("logits", np.empty(shape, np.float32)), logits, encoded, indices)
        elif "logits" in found:
            logits = found.logits.float().cpu().numpy()
            outputs.setdefault("logits", np.empty((len(encoded), logits.shape[1]), np.float32))[indices] = logits
        else:
            for name in ("start_logits", "end_logits"):
                flat = outputs.setdefault(name, np.empty(len(encoded.tokens), np.float32))
                _scatter(flat, found[name].float().cpu().numpy(), encoded, indices)
        done += len(indices)
        report(done, len(encoded), "")
    return outputs


def _scatter(flat: NDArray[np.float32], padded: NDArray[np.float32], encoded: Encoded, indices: NDArray[Any]) -> None:
    """Writes rows of shape (batch, longest, ...) to their examples' places in a flat array of shape (tokens, ...)."""
    for row, index in enumerate(indices):
        start, stop = encoded.starts[index], encoded.starts[index + 1]
        flat[start:stop] = padded[row, : stop - start]
