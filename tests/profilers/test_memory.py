"""The memory ladder against memory of known size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from benchbert.profilers.measure import profile
from benchbert.profilers.protocol import Cell


def rungs(cell: Cell) -> dict[str, float]:
    found = profile("memory", cell)
    assert all(value.unit == "MiB" for value in found.values)
    return {value.metric: value.value or 0.0 for value in found.values}


def test_a_transient_in_the_forward_pass_is_seen(synthetic: Callable[..., Cell]) -> None:
    found = rungs(synthetic(transient_mib=200))
    assert found["memory_first_forward_mib"] - found["memory_weights_mib"] == pytest.approx(200, rel=0.02)
    assert found["memory_peak_mib"] - found["memory_weights_mib"] == pytest.approx(200, rel=0.02)
    assert found["memory_interpreter_mib"] < found["memory_imports_mib"] + 1
    assert found["memory_weights_mib"] < 200


def test_without_one_the_ladder_stays_flat(synthetic: Callable[..., Cell]) -> None:
    found = rungs(synthetic())
    assert found["memory_peak_mib"] - found["memory_weights_mib"] < 5
    assert found["memory_interpreter_mib"] < 60, "the interpreter and the standard library alone"


@pytest.mark.slow
def test_the_weights_of_a_real_model_are_found(little_bert: Cell) -> None:
    """60,000 x 1,024 float32 embeddings are 234.4 MiB; the random draw needs no second copy that stays."""
    wide = {**little_bert.model.config, "vocab_size": 60_000, "hidden_size": 1024, "num_hidden_layers": 1}
    cell = replace(little_bert, model=replace(little_bert.model, config=wide))
    size = {value.metric: value.value or 0.0 for value in profile("size", cell).values}["size_mib"]
    found = rungs(cell)
    # Building the first model starts parts of torch that cost some MiB of their own.
    assert found["memory_weights_mib"] - found["memory_imports_mib"] == pytest.approx(size, rel=0.02, abs=24)
    ladder = ("interpreter", "imports", "weights", "first_forward", "peak")
    readings = [found[f"memory_{rung}_mib"] for rung in ladder]
    assert readings == sorted(readings)
