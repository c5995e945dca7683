"""How much is measured: the settings of every mode, and which mode this run is in."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["MODES", "Cell", "Mode", "chosen_mode", "output_folder"]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One task with one shape of model."""

    task: str
    """Registered task whose real rows are predicted."""
    model: str
    """Registered model whose architecture is filled with random weights."""
    rows: int
    """Examples that the strong way and ours predict in a round, spread evenly over the lengths; 0: all."""
    reference_rows: int
    """Examples of the reference way; all are padded to one length and cost it the same, so its time is scaled up."""
    bar: float
    """Times the reference that is to be reached; 0: none is set for this shape."""


@dataclass(frozen=True, kw_only=True)
class Mode:
    """How much is measured."""

    name: str
    """`quick`, `default` or `full`."""
    cells: tuple[Cell, ...]
    """What is predicted."""
    rounds: int
    """Rounds of (reference, strong, ours)."""
    tuning_steps: int = 200
    """Optimizer steps of a model before its predictions are compared."""
    gemm: tuple[int, ...] = (1024, 2048)
    """Sides of the square products that the machine's peak is looked for with."""
    shape: dict[str, int] = field(default_factory=dict)
    """Settings that replace those of the architectures; empty: the real shapes."""
    finetune_steps: int
    """Optimizer steps of a fine-tuning."""
    finetune_rows: int
    """Rows of the training split that it sees."""
    finetune_batch: int = 32
    """Examples an optimizer step, in all three ways."""
    finetune_rounds: int
    """Rounds of (reference, strong, ours), each with a seed of its own."""
    reference_steps: int
    """Optimizer steps of the reference, whose time is scaled up: it is slow, and all of its steps cost the same."""
    score_steps: int = 250
    """Optimizer steps of the fine-tunings whose scores are compared."""
    score_seeds: tuple[int, ...] = (1, 2, 3, 4, 5)
    """Their seeds."""
    score_length: int = 64
    """Tokens that the reference pads to there; the embedded texts are short."""
    score_splits: tuple[str, ...] = ("validation", "hidden_test")
    """Splits that are scored, together."""
    score_recipe: dict[str, Any] = field(default_factory=dict)
    """Keys of the recipe that are replaced; empty: as it is."""


_SMALL, _BASE = "minilm-l6-h384", "bert-base-uncased"

MODES = {
    "quick": Mode(
        name="quick",
        cells=tuple(
            Cell(task=task, model=_SMALL, rows=12, reference_rows=6, bar=bar)
            for task, bar in (("glue/sst2", 12), ("glue/cola", 30), ("glue/rte", 5), ("squad", 5))
        ),
        rounds=2,
        tuning_steps=20,
        gemm=(128,),
        shape={"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
        finetune_steps=3,
        finetune_rows=24,
        finetune_batch=8,
        finetune_rounds=2,
        reference_steps=2,
        score_steps=3,
        score_seeds=(1, 2),
        score_length=32,
        score_splits=("validation",),
        score_recipe={"sentences": "", "phases": [{"steps": 3, "batch_size": 4, "sequence_length": 16}]},
    ),
    "default": Mode(
        name="default",
        cells=(
            Cell(task="glue/sst2", model=_SMALL, rows=0, reference_rows=64, bar=12),
            Cell(task="glue/cola", model=_SMALL, rows=0, reference_rows=64, bar=30),
            Cell(task="glue/rte", model=_BASE, rows=0, reference_rows=8, bar=5),
            Cell(task="squad", model=_BASE, rows=96, reference_rows=4, bar=5),
        ),
        rounds=3,
        finetune_steps=12,
        finetune_rows=2_000,
        finetune_rounds=3,
        reference_steps=4,
    ),
    "full": Mode(
        name="full",
        cells=tuple(
            Cell(
                task=task,
                model=model,
                rows=0 if task != "squad" else 200,
                reference_rows=rows,
                bar=bar if model == (_SMALL if task in {"glue/sst2", "glue/cola"} else _BASE) else 0,
            )
            for task, rows, bar in (("glue/sst2", 96, 12), ("glue/cola", 96, 30), ("glue/rte", 32, 5), ("squad", 16, 5))
            for model in (_SMALL, _BASE)
        ),
        rounds=7,
        gemm=(1024, 2048, 4096),
        finetune_steps=300,
        finetune_rows=9_600,
        finetune_rounds=5,
        reference_steps=12,
        score_seeds=tuple(range(1, 16)),
    ),
}
"""Seconds, about ten minutes on two cores, hours."""


def chosen_mode() -> Mode:
    """The mode that BENCHBERT_BENCHMARK_MODE names, `default` where it names none."""
    name = os.environ.get("BENCHBERT_BENCHMARK_MODE", "default")
    if name not in MODES:
        raise ValueError(f"BENCHBERT_BENCHMARK_MODE is {name!r}: use {', '.join(MODES)}")
    return MODES[name]


def output_folder(machine_id: str) -> Path:
    """Where the table goes: the folder in BENCHBERT_BENCHMARK_OUT, else results/engine/<machine> of the checkout."""
    said = os.environ.get("BENCHBERT_BENCHMARK_OUT")
    return Path(said) if said else Path(__file__).parents[2] / "results" / "engine" / machine_id
