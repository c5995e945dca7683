"""A model folder of a few thousand weights, and writers of the formats that users have."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch
from pyarrow import parquet
from transformers import AutoConfig, AutoModel

from benchbert.training.wordpiece import train_wordpiece

Rows = list[dict[str, Any]]


def save(path: Path, rows: Rows) -> str:
    """Writes rows in the format of the path's ending; lists in CSV with a separator, answers as JSON."""
    if path.suffix == ".parquet":
        parquet.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    else:
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(rows[0]), delimiter="\t" if path.suffix == ".tsv" else ",")
            writer.writeheader()
            writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return path.name


def _cell(value: Any) -> Any:
    if isinstance(value, Mapping):
        return json.dumps(value)
    return " ".join(value) if isinstance(value, list) else value


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, here and in the processes that a run starts."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT without a head, with its tokenizer."""
    folder = tmp_path_factory.mktemp("model")
    tokenizer = train_wordpiece(["an old dog walks to a river and is good or bad"] * 3, vocabulary=60)
    tokenizer.save_pretrained(folder)
    config = AutoConfig.for_model(
        "bert",
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        vocab_size=len(tokenizer),
        max_position_embeddings=64,
        # Outputs that differ from row to row after a handful of steps.
        initializer_range=0.3,
    )
    torch.manual_seed(0)
    AutoModel.from_config(config).save_pretrained(folder)
    return folder


@pytest.fixture
def suite(tmp_path: Path, model: Path) -> Callable[..., dict[str, Any]]:
    """A suite of the tiny model on one task over files in the test's folder."""

    def make(**task: Any) -> dict[str, Any]:
        return {
            "name": "own",
            "models": [{"name": "m", "folder": str(model)}],
            "tasks": [{"name": "mine", **task}],
            "finetune": {"epochs": 1, "batch_size": 4, "max_length": 32, "stride": 8, "dtype": "float32"},
        }

    return make
