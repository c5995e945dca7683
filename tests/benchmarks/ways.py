"""Three ways from rows to predictions with the same weights: the reference scripts', the strong Trainer's, and ours.

All three tokenize with the same fast tokenizer and decode with the same code, so that nothing but padding, batching,
precision and the loop differs. The published scripts map datasets in Python besides, which takes longer: the reference
is faster here than there.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate.state import AcceleratorState
from transformers import Trainer, TrainingArguments

from benchbert.tasks.encoding import Encoded, Features
from benchbert.tasks.heads import decode, encode
from benchbert.training import predict

__all__ = ["Predicted", "Workload", "ours", "plain", "reference", "strong", "trainer_arguments", "unwrapped"]

LENGTHS = {"span": 384}
"""Tokens an example by head; the others have 128."""


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A model and what it is to predict."""

    task: Any
    """The task."""
    model: Any
    """The transformers model, float32, on the CPU."""
    tokenizer: Any
    """Its tokenizer."""
    work: Path
    """Folder for what the Trainer writes."""

    @property
    def max_length(self) -> int:
        """Tokens an example."""
        return LENGTHS.get(self.task.head, 128)


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """What one way made of rows."""

    seconds: float
    """From the rows to the predictions."""
    engine_seconds: float
    """Of them, from tokens to outputs."""
    outputs: dict[str, np.ndarray]
    """As `benchbert.tasks.heads.decode` takes them."""
    table: Any
    """Predictions, one row an example."""
    features: Features
    """The tokens."""


class _Sequences(torch.utils.data.Dataset):
    """Sequences in a given order, each as lists, which is what the Trainer's collator takes."""

    def __init__(self, encoded: Encoded, order: np.ndarray) -> None:
        self.encoded, self.order = encoded, order

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, item: int) -> dict[str, list[int]]:
        part = slice(self.encoded.starts[self.order[item]], self.encoded.starts[self.order[item] + 1])
        tokens = self.encoded.tokens[part].tolist()
        return {
            "input_ids": tokens,
            "token_type_ids": self.encoded.token_types[part].tolist(),
            "attention_mask": [1] * len(tokens),
        }


def trainer_arguments(work: Path, **more: Any) -> TrainingArguments:
    """Arguments of a Trainer that only computes: no logs, files, progress bars."""
    # accelerate keeps the precision of the first Trainer for the whole process, whatever the next one says.
    AcceleratorState._reset_state(reset_partial_state=True)
    quiet = {"report_to": "none", "disable_tqdm": True, "save_strategy": "no", "logging_strategy": "no"}
    # The three ways are compared on the CPU.
    return TrainingArguments(output_dir=str(work), use_cpu=True, dataloader_pin_memory=False, **quiet, **more)


def unwrapped(model: Any) -> Any:
    """The model without what accelerate leaves on it: the next way would compute in the precision of the last."""
    for name in ("forward", "_original_forward", "_is_accelerate_prepared"):
        model.__dict__.pop(name, None)
    return model


def reference(load: Workload, rows: Any) -> Predicted:
    """As the example scripts do: float32, every example padded to the greatest length, batch 8."""
    return _by_trainer(load, rows, batch=8, fixed=True, bf16=False, by_length=False)


def strong(load: Workload, rows: Any) -> Predicted:
    """As somebody who knows the Trainer does: bfloat16, sorted by length, padded to the batch, batch 32."""
    return _by_trainer(load, rows, batch=32, fixed=False, bf16=True, by_length=True)


def plain(load: Workload, rows: Any) -> Predicted:
    """Float32 outputs of the Trainer for all rows, what the others are held against; not timed."""
    return _by_trainer(load, rows, batch=32, fixed=False, bf16=False, by_length=True)


def _by_trainer(load: Workload, rows: Any, *, batch: int, fixed: bool, bf16: bool, by_length: bool) -> Predicted:
    began = time.perf_counter()
    features = encode(load.task, rows, load.tokenizer, max_length=load.max_length, train=False)
    lengths = features.encoded.lengths
    order = np.argsort(-lengths, kind="stable") if by_length else np.arange(len(lengths))

    def collate(examples: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
        how = {"padding": "max_length", "max_length": load.max_length} if fixed else {"padding": "longest"}
        return dict(load.tokenizer.pad(examples, return_tensors="pt", **how))

    started = time.perf_counter()
    trainer = Trainer(
        model=load.model,
        args=trainer_arguments(load.work, per_device_eval_batch_size=batch, bf16=bf16),
        data_collator=collate,
    )
    found = trainer.predict(_Sequences(features.encoded, order)).predictions
    unwrapped(load.model)
    spent = time.perf_counter() - started
    outputs = _flat(load, features.encoded, order, found)
    table = decode(load.task, features, rows, outputs)
    seconds = time.perf_counter() - began
    return Predicted(seconds=seconds, engine_seconds=spent, outputs=outputs, table=table, features=features)


def _flat(load: Workload, encoded: Encoded, order: np.ndarray, found: Any) -> dict[str, np.ndarray]:
    """The Trainer's outputs in the order of the rows, without padding."""
    if load.task.head != "span":
        logits = np.empty(found.shape, np.float32)
        logits[order] = found
        return {"logits": logits}
    flat = {}
    for name, padded in zip(("start_logits", "end_logits"), found, strict=True):
        flat[name] = np.empty(len(encoded.tokens), np.float32)
        for row, index in enumerate(order):
            first, last = encoded.starts[index], encoded.starts[index + 1]
            flat[name][first:last] = padded[row, : last - first]
    return flat


def ours(load: Workload, rows: Any) -> Predicted:
    """As `benchbert run` does."""
    began = time.perf_counter()
    features = encode(load.task, rows, load.tokenizer, max_length=load.max_length, train=False)
    started = time.perf_counter()
    outputs = engine_outputs(load.model, features.encoded, load.tokenizer.pad_token_id)
    spent = time.perf_counter() - started
    table = decode(load.task, features, rows, outputs)
    seconds = time.perf_counter() - began
    return Predicted(seconds=seconds, engine_seconds=spent, outputs=outputs, table=table, features=features)


def engine_outputs(model: Any, encoded: Encoded, pad_id: int) -> dict[str, np.ndarray]:
    """Outputs of the engine, with all that it decides on the way."""
    return dict(predict.predict_encoded(model, encoded, pad_id=pad_id, device="cpu").outputs)
