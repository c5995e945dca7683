"""Fine-tuning with the same examples, steps and batch size: the Trainer in its two ways, and ours."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate.state import AcceleratorState
from transformers import Trainer, set_seed

from benchbert import registry
from benchbert.execution.execute import execute
from benchbert.plan import make_plan
from benchbert.resolve import resolve
from benchbert.store.files import RunFolder
from benchbert.suite import suite_from
from benchbert.tasks.heads import encode

from .models import model_for
from .modes import Mode
from .real_rows import rows_of, spread
from .rounds import ratio
from .ways import engine_outputs, trainer_arguments, unwrapped

__all__ = ["measure_finetuning"]

_TASK, _MODEL = "glue/sst2", "minilm-l6-h384"
_RATE, _WARMUP, _DECAY = 1e-4, 0.1, 0.01


def measure_finetuning(mode: Mode, mirror: Path, tokenizer: Any, work: Path) -> dict[str, Any]:
    """Seconds of the training loop and scores on the evaluation split, by way and seed, ready for JSON.

    Loading, tokenizing and saving are left out of all three times. Every way starts from the same random weights and
    draws its own batches from the same rows.
    """
    task = registry.find("tasks", _TASK)
    train = spread(rows_of(task, task.train.name, mirror), task, mode.finetune_rows)
    dev = rows_of(task, task.evaluation[0].name, mirror)
    _write(work, task, tokenizer, mode, train, dev)
    seconds: dict[str, list[float]] = {"reference": [], "strong": [], "ours": []}
    scores: dict[str, list[float]] = {"reference": [], "strong": [], "ours": []}
    for seed in range(1, mode.seeds + 1):
        for name, way in (("reference", _reference), ("strong", _strong), ("ours", _ours)):
            # accelerate keeps the precision of the first one for the whole process.
            AcceleratorState._reset_state(reset_partial_state=True)
            took, model = way(work, mode, train, tokenizer, seed)
            seconds[name].append(took)
            scores[name].append(_score(model, task, dev, tokenizer))
    return {
        "task": _TASK,
        "model": _MODEL,
        "steps": mode.finetune_steps,
        "batch_size": mode.finetune_batch,
        "seeds": mode.seeds,
        "seconds": seconds,
        "scores": scores,
        "against_reference": asdict(ratio(seconds["reference"], seconds["ours"])),
        "against_strong": asdict(ratio(seconds["strong"], seconds["ours"])),
        "points_above_reference": 100 * float(np.mean(scores["ours"]) - np.mean(scores["reference"])),
    }


def _write(work: Path, task: Any, tokenizer: Any, mode: Mode, train: Any, dev: Any) -> None:
    """The starting weights, and the rows as files of a task of one's own, since they are a part of the public one."""
    model_for(_MODEL, task, len(tokenizer), mode.shape).save_pretrained(work / "start")
    tokenizer.save_pretrained(work / "start")
    for name, rows in (("train", train), ("dev", dev)):
        lines = zip(rows[task.text[0]][:], rows[task.label][:], strict=True)
        text = "".join(json.dumps({"text": text, "label": task.labels[label]}) + "\n" for text, label in lines)
        (work / f"{name}.jsonl").write_text(text, encoding="utf-8")


def _ours(work: Path, mode: Mode, train: Any, tokenizer: Any, seed: int) -> tuple[float, Any]:
    from transformers import AutoModelForSequenceClassification

    task = registry.find("tasks", _TASK)
    own = {"name": "mine", "train": "train.jsonl", "validation": "dev.jsonl", "text": ["text"]}
    finetune = {
        "epochs": mode.finetune_steps * mode.finetune_batch / len(train),
        "batch_size": mode.finetune_batch,
        "learning_rate": _RATE,
        "warmup": _WARMUP,
        "weight_decay": _DECAY,
        "device": "cpu",
    }
    suite = suite_from(
        {
            "name": "engine",
            "models": [{"name": "m", "folder": "start"}],
            "tasks": [{**own, "labels": list(task.labels)}],
            "seeds": [seed],
            "majority": False,
            "finetune": finetune,
        },
        folder=work,
    )
    lock = resolve(suite, folder=work)
    job = next(job for job in make_plan(suite, lock).jobs if job.kind == "finetune")
    folder = RunFolder(work / f"ours{seed}")
    result = execute(job, lock, folder, "benchmark", lambda done, total, note: None)
    assert result.status == "ok", result.traceback or result.error
    took = next(value.value for value in result.values if value.metric == "training_s")
    assert took is not None
    head = folder.path / next(artefact.path for artefact in result.artefacts if artefact.role == "head")
    return took, AutoModelForSequenceClassification.from_pretrained(head).eval()


def _reference(work: Path, mode: Mode, train: Any, tokenizer: Any, seed: int) -> tuple[float, Any]:
    return _by_trainer(work, mode, train, tokenizer, seed, fixed=True)


def _strong(work: Path, mode: Mode, train: Any, tokenizer: Any, seed: int) -> tuple[float, Any]:
    return _by_trainer(work, mode, train, tokenizer, seed, fixed=False)


def _by_trainer(work: Path, mode: Mode, train: Any, tokenizer: Any, seed: int, *, fixed: bool) -> tuple[float, Any]:
    """Float32 with every example padded to 128 tokens; or bfloat16, padded to the batch, grouped by length."""
    from transformers import AutoModelForSequenceClassification

    task = registry.find("tasks", _TASK)
    encoded = encode(task, train, tokenizer, max_length=128, train=True).encoded
    examples = [
        {
            "input_ids": encoded.tokens[first:last].tolist(),
            "attention_mask": [1] * int(last - first),
            "labels": int(label),
            "length": int(last - first),
        }
        for first, last, label in zip(encoded.starts[:-1], encoded.starts[1:], encoded.labels["labels"], strict=True)
    ]

    def collate(chosen: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        inputs = [{key: one[key] for key in ("input_ids", "attention_mask")} for one in chosen]
        how = {"padding": "max_length", "max_length": 128} if fixed else {"padding": "longest"}
        padded = dict(tokenizer.pad(inputs, return_tensors="pt", **how))
        return padded | {"labels": torch.tensor([one["labels"] for one in chosen])}

    set_seed(seed)
    model = AutoModelForSequenceClassification.from_pretrained(work / "start")
    args = trainer_arguments(
        work / "trainer",
        max_steps=mode.finetune_steps,
        per_device_train_batch_size=mode.finetune_batch,
        learning_rate=_RATE,
        warmup_steps=round(_WARMUP * mode.finetune_steps),
        weight_decay=_DECAY,
        bf16=not fixed,
        train_sampling_strategy="random" if fixed else "group_by_length",
        remove_unused_columns=False,
        seed=seed,
    )
    trainer = Trainer(model=model, args=args, data_collator=collate, train_dataset=examples)
    began = time.perf_counter()
    trainer.train()
    return time.perf_counter() - began, unwrapped(model).eval()


def _score(model: Any, task: Any, dev: Any, tokenizer: Any) -> float:
    """Accuracy on the evaluation split."""
    encoded = encode(task, dev, tokenizer, max_length=128, train=False).encoded
    guesses = engine_outputs(model, encoded, tokenizer.pad_token_id)["logits"].argmax(1)
    return float((guesses == np.asarray(dev[task.label][:])).mean())
