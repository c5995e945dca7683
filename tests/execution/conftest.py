"""A whole suite in seconds: a tiny teacher, its student, one task of two heads, one profile."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

TEACHER = """
name = "tiny-bert"
kind = "pretrain"
vocabulary = 400
sentences = "nsp"
phases = [
  {steps = 6, batch_size = 8, sequence_length = 16},
  {steps = 2, batch_size = 4, sequence_length = 32, pairs = true},
]
[model]
family = "bert"
[model.config]
hidden_size = 16
num_hidden_layers = 2
num_attention_heads = 2
intermediate_size = 32
max_position_embeddings = 128
"""

STUDENT = """
name = "tiny-distilbert"
kind = "distil"
teacher = "teacher.toml"
phases = [{steps = 4, batch_size = 8, sequence_length = 16}]
[model]
family = "distilbert"
"""

SUITE = """
name = "tiny"
models = [{name = "teacher", recipe = "teacher.toml"}, {name = "student", recipe = "student.toml"}]
tasks = ["builtin/glue/stsb", "builtin/squad"]
[finetune]
epochs = 0.05
batch_size = 8
max_length = 64
dtype = "float32"
[profile]
profilers = ["size", "latency"]
sequence_lengths = [16]
time_limit = 0.5
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A suite file with its recipes beside it."""
    (tmp_path / "teacher.toml").write_text(TEACHER)
    (tmp_path / "student.toml").write_text(STUDENT)
    path = tmp_path / "tiny.toml"
    path.write_text(SUITE)
    return path


def scores(folder: Path) -> dict[str, list[float | None]]:
    """Slug -> values of all jobs whose outcome does not depend on the clock."""
    found = {}
    for path in sorted((folder / "results").glob("*.json")):
        result = json.loads(path.read_text())
        if result["job"]["kind"] == "predict":
            found[result["job"]["slug"]] = [v["value"] for v in result["values"]]
    return found
