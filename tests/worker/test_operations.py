"""What the measuring process measures, against known times and sizes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchbert.worker import clock
from benchbert.worker.client import Worker
from benchbert.worker.inputs import random_batch

BERT = {
    "model_type": "bert",
    "vocab_size": 3000,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
}
MODEL = {"name": "little", "family": "bert", "weights": "random", "config": BERT}


@pytest.fixture(scope="module")
def real() -> Iterator[tuple[Worker, dict[str, Any], dict[str, Any]]]:
    """A worker with a little real BERT, and what it answered to imports and load."""
    with Worker(timeout_s=120) as worker:
        worker.call("configure", threads=1)
        imported = worker.call("imports", backend="eager", model=MODEL)
        loaded = worker.call("load", model=MODEL, workload={"batch_size": 2, "sequence_length": 16})
        yield worker, imported, loaded


def test_a_real_model_end_to_end(real: tuple[Worker, dict[str, Any], dict[str, Any]]) -> None:
    worker, imported, loaded = real
    assert imported["pools"] == {"intra_op": 1, "inter_op": 1}
    assert {"torch", "transformers"} <= set(imported["libraries"])
    assert loaded["inputs"] == ["input_ids", "attention_mask", "token_type_ids"]
    assert loaded["format"] == "random"
    assert all(ns > 0 for ns in worker.call("block", iterations=5))
    assert worker.call("burst", iterations=20) > 0


def test_it_stays_lean(real: tuple[Worker, dict[str, Any], dict[str, Any]]) -> None:
    """These cost seconds and hundreds of MiB, which would be counted as the model's."""
    mapped = Path(f"/proc/{real[0].pid}/maps").read_text()
    assert "/torch/" in mapped
    assert not [name for name in ("pandas", "pyarrow", "evaluate", "datasets") if f"/{name}/" in mapped]


def test_the_fixed_kernel(real: tuple[Worker, dict[str, Any], dict[str, Any]]) -> None:
    found = real[0].call("calibrate")
    assert found["kernel"].startswith("torch float32")
    assert len(found["ns"]) == 25
    assert found["gflops"] > 0.5


def test_sizes_of_a_real_model(real: tuple[Worker, dict[str, Any], dict[str, Any]]) -> None:
    workload = {"dtype": "bfloat16", "sequence_length": 16}
    found = real[0].call("sizes", model=MODEL, workload=workload)
    tables = (3000 + 64 + 2) * 32
    layer = 4 * (32 * 32 + 32) + (32 * 64 + 64) + (64 * 32 + 32) + 4 * 32
    stored = tables + 2 * 32 + 2 * layer + 32 * 32 + 32
    assert found["parameters_stored"] == found["parameters_executed"] == stored
    assert found["embedding_parameters"] == tables
    assert found["bytes"] == 2 * stored
    per_token = 2 * (4 * 32 * 32 + 2 * 32 * 64) * 2
    assert found["flops"] == 16 * per_token + 2 * 32 * 32 + 2 * 2 * 2 * 16 * 16 * 32


def test_device_times_need_a_device(real: tuple[Worker, dict[str, Any], dict[str, Any]]) -> None:
    from benchbert.errors import UsageError

    with pytest.raises(UsageError, match="CUDA"):
        real[0].call("device_block", iterations=1)


def test_a_burst_waits_once_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is replaced: submitting takes 1 ms, waiting 5 ms."""
    now = 0

    def spend(milliseconds: int) -> None:
        nonlocal now
        now += milliseconds * 1_000_000

    monkeypatch.setattr(clock, "perf_counter_ns", lambda: now)
    assert clock.burst(lambda: spend(1), lambda: spend(5), 20) == 25_000_000
    assert clock.block(lambda: spend(3), 4) == [3_000_000] * 4


def test_warming_stops_when_a_falling_time_has_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is replaced: 60 iterations that fall by 1 % each, then a flat time."""
    now, calls = 0, 0

    def run() -> None:
        nonlocal now, calls
        now += int(1e6 * (1.0 + max(60 - calls, 0) / 100))
        calls += 1

    monkeypatch.setattr(clock, "perf_counter_ns", lambda: now)
    found = clock.warm(run, block_s=0.005, limit_s=10.0)
    assert found["steady"]
    assert calls >= 60
    assert found["iterations"] == 5
    assert found["iteration_ns"] == 1e6


def test_warming_gives_up_at_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0

    def run() -> None:
        nonlocal now
        now += int(1e6 + now / 50)

    monkeypatch.setattr(clock, "perf_counter_ns", lambda: now)
    found = clock.warm(run, block_s=0.05, limit_s=0.5)
    assert not found["steady"]
    assert found["seconds"] < 1.0


def test_random_ids_have_no_special_tokens_and_never_change() -> None:
    batch = random_batch(["input_ids", "attention_mask"], vocabulary=30522, batch_size=4, sequence_length=128)
    again = random_batch(["input_ids"], vocabulary=30522, batch_size=4, sequence_length=128)
    assert set(batch) == {"input_ids", "attention_mask"}
    assert batch["input_ids"].shape == (4, 128)
    assert batch["input_ids"].min() >= 1000
    assert batch["input_ids"].max() < 30522
    assert np.array_equal(batch["input_ids"], again["input_ids"])
    assert batch["attention_mask"].all()


def test_random_ids_of_a_tiny_vocabulary() -> None:
    ids = random_batch(["input_ids"], vocabulary=40, batch_size=8, sequence_length=64)["input_ids"]
    assert (ids.min(), ids.max()) == (5, 39)


def test_an_input_that_nobody_makes() -> None:
    with pytest.raises(ValueError, match="pixel_values"):
        random_batch(["pixel_values"], vocabulary=40, batch_size=1, sequence_length=2)
