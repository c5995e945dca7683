"""Fine-tuning of one model on one task in three ways: the same rows, steps, batch size, rate and first weights."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate.state import AcceleratorState
from transformers import AutoModelForSequenceClassification, Trainer, set_seed

from benchbert.execution.execute import execute
from benchbert.plan import make_plan
from benchbert.resolve import resolve
from benchbert.store.files import RunFolder
from benchbert.suite import suite_from
from benchbert.tasks.heads import encode

from .ways import engine_outputs, trainer_arguments, unwrapped

__all__ = ["WAYS", "Tuning"]

WAYS = ("reference", "strong", "ours")
"""Float32 with every example padded to one length; bfloat16, padded to the batch, grouped by length; benchbert's."""

_WARMUP, _DECAY = 0.1, 0.01


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """What is fine-tuned, on what, for how long."""

    task: Any
    """A task of one text or of pairs, with classes."""
    tokenizer: Any
    """The model's."""
    work: Path
    """Folder of this tuning; see `write`."""
    train: Any
    """Rows to learn from, a `datasets.Dataset`."""
    dev: Any
    """Rows that the score is of."""
    steps: int
    """Optimizer steps."""
    batch_size: int
    """Examples a step."""
    rate: float
    """Peak of the learning rate."""
    max_length: int
    """Tokens an example at most; the reference pads to it."""

    def write(self, model: Any) -> None:
        """Puts first weights and rows into the folder; the rows as files, since they may be a part of a public task."""
        model.save_pretrained(self.work / "start")
        self.tokenizer.save_pretrained(self.work / "start")
        for name, rows in (("train", self.train), ("dev", self.dev)):
            columns = [rows[text][:] for text in self.task.text]
            labels = [self.task.labels[label] for label in rows[self.task.label][:]]
            lines = [
                json.dumps(dict(zip(self._texts, texts, strict=True)) | {"label": label}) + "\n"
                for *texts, label in zip(*columns, labels, strict=True)
            ]
            (self.work / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")

    @property
    def _texts(self) -> list[str]:
        return [f"text{number}" for number in range(len(self.task.text))]

    def run(self, way: str, seed: int) -> tuple[float, Any]:
        """(seconds of the training loop, the model); loading, tokenizing and saving are left out of the seconds."""
        # accelerate keeps the precision of the first one for the whole process.
        AcceleratorState._reset_state(reset_partial_state=True)
        return self._ours(seed) if way == "ours" else self._by_trainer(seed, fixed=way == "reference")

    def score(self, model: Any) -> float:
        """Share of the evaluation rows that are classified right."""
        encoded = encode(self.task, self.dev, self.tokenizer, max_length=self.max_length, train=False).encoded
        guesses = engine_outputs(model, encoded, self.tokenizer.pad_token_id)["logits"].argmax(1)
        return float((guesses == np.asarray(self.dev[self.task.label][:])).mean())

    def _ours(self, seed: int) -> tuple[float, Any]:
        own = {"name": "mine", "train": "train.jsonl", "validation": "dev.jsonl", "text": self._texts}
        suite = suite_from(
            {
                "name": "engine",
                "models": [{"name": "m", "folder": "start"}],
                "tasks": [{**own, "labels": list(self.task.labels)}],
                "seeds": [seed],
                "majority": False,
                "finetune": {
                    "epochs": self.steps * self.batch_size / len(self.train),
                    "batch_size": self.batch_size,
                    "learning_rate": self.rate,
                    "warmup": _WARMUP,
                    "weight_decay": _DECAY,
                    "max_length": self.max_length,
                    "device": "cpu",
                },
            },
            folder=self.work,
        )
        lock = resolve(suite, folder=self.work)
        job = next(job for job in make_plan(suite, lock).jobs if job.kind == "finetune")
        folder = RunFolder(self.work / f"ours{seed}-{self.steps}")
        result = execute(
            replace(job, threads=torch.get_num_threads()), lock, folder, "benchmark", lambda done, total, note: None
        )
        assert result.status == "ok", result.traceback or result.error
        took = next(value.value for value in result.values if value.metric == "training_s")
        assert took is not None
        head = folder.path / next(artefact.path for artefact in result.artefacts if artefact.role == "head")
        return took, AutoModelForSequenceClassification.from_pretrained(head).eval()

    def _by_trainer(self, seed: int, *, fixed: bool) -> tuple[float, Any]:
        set_seed(seed)
        model = AutoModelForSequenceClassification.from_pretrained(self.work / "start")
        args = trainer_arguments(
            self.work / "trainer",
            max_steps=self.steps,
            per_device_train_batch_size=self.batch_size,
            learning_rate=self.rate,
            warmup_steps=round(_WARMUP * self.steps),
            weight_decay=_DECAY,
            bf16=not fixed,
            train_sampling_strategy="random" if fixed else "group_by_length",
            remove_unused_columns=False,
            seed=seed,
        )
        collate = self._collator(fixed=fixed)
        trainer = Trainer(model=model, args=args, data_collator=collate, train_dataset=self._examples())
        began = time.perf_counter()
        trainer.train()
        return time.perf_counter() - began, unwrapped(model).eval()

    def _examples(self) -> list[dict[str, Any]]:
        encoded = encode(self.task, self.train, self.tokenizer, max_length=self.max_length, train=True).encoded
        return [
            {
                "input_ids": encoded.tokens[first:last].tolist(),
                "token_type_ids": encoded.token_types[first:last].tolist(),
                "attention_mask": [1] * int(last - first),
                "labels": int(label),
                "length": int(last - first),
            }
            for first, last, label in zip(
                encoded.starts[:-1], encoded.starts[1:], encoded.labels["labels"], strict=True
            )
        ]

    def _collator(self, *, fixed: bool) -> Any:
        how = {"padding": "max_length", "max_length": self.max_length} if fixed else {"padding": "longest"}
        names = ("input_ids", "token_type_ids", "attention_mask")

        def collate(chosen: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
            inputs = [{name: one[name] for name in names} for one in chosen]
            padded = dict(self.tokenizer.pad(inputs, return_tensors="pt", **how))
            return padded | {"labels": torch.tensor([one["labels"] for one in chosen])}

        return collate
