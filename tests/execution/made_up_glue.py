"""GLUE in a few made-up rows laid out by hub id, and a tiny model to fine-tune on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from pyarrow import parquet
from transformers import AutoConfig, AutoModelForSequenceClassification

from benchbert import registry
from benchbert.training.wordpiece import train_wordpiece
from benchbert.types import Task

ROWS = {"train": 8, "validation": 6, "test": 5}
WORDS = ["an", "old", "dog", "walks", "to", "a", "river", "and", "the", "cat", "sleeps", "in", "its", "house"]


def texts(generator: np.random.Generator, rows: int) -> list[str]:
    return [" ".join(generator.choice(WORDS, generator.integers(3, 9))) for _ in range(rows)]


def split_table(task: Task, split: str, seed: int, rows: int = 0) -> pa.Table:
    """A split of so many rows, 0: a few."""
    generator = np.random.default_rng(seed)
    rows = rows or ROWS[split.partition("_")[0]]
    few = {name: texts(generator, min(rows, 100)) for name in task.text}
    columns: dict[str, Any] = {
        name: [made[i % 100] + (f" {i}" if i > 99 else "") for i in range(rows)] for name, made in few.items()
    }
    if split.startswith("test"):
        labels = [-1] * rows
    else:
        labels = generator.integers(0, max(len(task.labels), 5), rows) % (len(task.labels) or 6)
    columns["label"] = pa.array(labels, pa.float32() if task.head == "regression" else pa.int64())
    # As in MRPC, the ids have gaps: the server counts rows.
    columns["idx"] = np.arange(rows) * 3 + 1
    return pa.table(columns)


def make_mirror(folder: Path, *, official: bool = False) -> Path:
    """GLUE's repository, its test splits with a few rows or as many as the official ones."""
    place = folder / "nyu-mll" / "glue"
    card = ["---", "configs:"]
    for number, name in enumerate(n for n in registry.entries("tasks") if n.startswith("glue/")):
        task: Task = registry.find("tasks", name)
        config = task.dataset.config
        (place / config).mkdir(parents=True)
        card += [f"- config_name: {config}", "  data_files:"]
        for part, split in enumerate(task.splits):
            rows = split.rows if official and split in task.test else 0
            table = split_table(task, split.name, 10 * number + part, rows)
            parquet.write_table(table, place / config / f"{split.name}-0.parquet")
            card.append(f"  - {{split: {split.name}, path: {config}/{split.name}-*}}")
    (place / "README.md").write_text("\n".join([*card, "---", ""]))
    return folder


def make_model(folder: Path) -> None:
    """A tiny BERT whose one output already says scores far outside of 0..5; other heads are drawn anew."""
    tokenizer = train_wordpiece([" ".join(WORDS)], vocabulary=80)
    tokenizer.save_pretrained(folder)
    config = AutoConfig.for_model(
        "bert",
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        vocab_size=len(tokenizer),
        max_position_embeddings=64,
        num_labels=1,
        initializer_range=0.5,
    )
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_config(config)
    pairs = [texts(np.random.default_rng(seed), 50) for seed in (1, 2)]
    sample = tokenizer(*pairs, padding=True, return_tensors="pt")
    with torch.no_grad():
        spread, mean = torch.std_mean(model.eval()(**sample).logits)
        model.classifier.weight.mul_(6 / spread)
        model.classifier.bias.sub_(mean).mul_(6 / spread).add_(2.5)
    model.save_pretrained(folder)
