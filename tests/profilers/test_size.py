"""Counts of models whose counts are known from the literature."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchbert.lock import ModelLock
from benchbert.profilers.measure import profile
from benchbert.profilers.protocol import Cell
from benchbert.registry import find
from benchbert.types import Workload


def sizes(name: str, **workload: object) -> dict[str, float]:
    spec = find("models", name)
    lock = ModelLock(name=name, family=spec.family, weights="random", config=spec.config)
    cell = Cell(model=lock, workload=replace(Workload(), **workload))
    return {value.metric: value.value or 0.0 for value in profile("size", cell).values}


def test_albert_executes_its_one_layer_twelve_times() -> None:
    sizes_at_128 = find("models", "albert-base-v2").published.gflops
    found = sizes("albert-base-v2", dtype="bfloat16", sequence_length=64)
    layer = 4 * (768 * 768 + 768) + 768 * 3072 + 3072 + 3072 * 768 + 768 + 4 * 768
    assert found["parameters_stored"] == pytest.approx(11.68e6, rel=0.005)
    assert found["parameters_executed"] - found["parameters_stored"] == 11 * layer
    assert found["size_mib"] == pytest.approx(found["parameters_stored"] * 2 / 2**20)
    assert found["gflops_per_sequence"] < sizes_at_128 / 2, "attention grows with the square of the length"
    assert found["embedding_share"] == pytest.approx((30000 + 512 + 2) * 128 / found["parameters_stored"])
