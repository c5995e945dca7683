"""Cells of synthetic backends, whose times and memory are known."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from benchbert.lock import ModelLock
from benchbert.profilers.measure import profile
from benchbert.profilers.protocol import Cell, Measurement
from benchbert.types import Workload

SYNTHETIC = Path(__file__).parent.parent / "worker"


@pytest.fixture
def synthetic(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Cell]:
    """Makes a cell whose session does what its keywords say (see synthetic_backend)."""
    monkeypatch.setenv("PYTHONPATH", str(SYNTHETIC))
    monkeypatch.syspath_prepend(str(SYNTHETIC))

    def make(
        *,
        batch_size: int = 1,
        sequence_length: int = 8,
        processes: int = 1,
        time_limit_s: float = 1.5,
        stall_limit_s: float = 60.0,
        **config: Any,
    ) -> Cell:
        return Cell(
            model=ModelLock(name="synthetic", family="", weights="random", config=config),
            backend="synthetic_backend:BACKEND",
            workload=Workload(batch_size=batch_size, sequence_length=sequence_length),
            processes=processes,
            time_limit_s=time_limit_s,
            stall_limit_s=stall_limit_s,
        )

    return make


@pytest.fixture(scope="session")
def little_bert() -> Cell:
    """A real BERT of two small layers, on the eager backend."""
    config = {
        "model_type": "bert",
        "vocab_size": 3000,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": 64,
    }
    return Cell(
        model=ModelLock(name="little", family="bert", weights="random", config=config),
        workload=Workload(batch_size=2, sequence_length=16),
        time_limit_s=1.0,
    )


@pytest.fixture(scope="session")
def measured(little_bert: Cell) -> Callable[[str], Measurement]:
    """Measures the little BERT with a profiler, once in all tests."""
    return cache(lambda profiler: profile(profiler, little_bert))
