"""What `profile` refuses, and how failures of the measuring process come out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from benchbert.errors import (
    UnavailableError,
    UnknownNameError,
    UsageError,
    WorkerError,
    WorkerMemoryError,
    WorkerTimeoutError,
)
from benchbert.profilers.measure import profile
from benchbert.profilers.protocol import Cell, Measurement, Profiler
from benchbert.registry import entries
from benchbert.worker.client import Worker

PROFILERS = sorted(entries("profilers"))


@pytest.mark.parametrize("name", PROFILERS)
def test_every_profiler_says_what_it_finds(name: str, measured: Callable[[str], Measurement]) -> None:
    profiler: Profiler = entries("profilers")[name]
    assert profiler.default_processes >= 1
    known = {metric.name: metric for metric in profiler.metrics}
    assert len(known) == len(profiler.metrics)
    found = measured(name)
    assert found.values
    for value in found.values:
        metric = known[value.metric]
        assert (value.unit, value.direction) == (metric.unit, metric.direction)
        assert value.value is not None
        assert value.value >= 0
        assert value.ci_kind
        assert (value.ci_low is None) == (value.ci_high is None) == (value.ci_level is None)
    assert "waited_s" in found.notes


@pytest.mark.parametrize("name", ["latency", "throughput", "memory"])
def test_out_of_memory_comes_through(name: str, synthetic: Callable[..., Cell]) -> None:
    with pytest.raises(WorkerMemoryError):
        profile(name, synthetic(act="torch_memory"))


def test_a_hung_model_is_killed(synthetic: Callable[..., Cell]) -> None:
    with pytest.raises(WorkerTimeoutError, match="no answer"):
        profile("latency", synthetic(act="hang", stall_limit_s=1.0))


def test_a_crashed_model_is_an_error_and_the_next_cell_runs(synthetic: Callable[..., Cell]) -> None:
    with pytest.raises(WorkerError, match="signal 11"):
        profile("latency", synthetic(act="crash"))
    assert profile("latency", synthetic(spin_ms=1.0, time_limit_s=0.3)).values


def test_what_cannot_be_measured_is_said_before_a_process_starts(little_bert: Cell) -> None:
    opened: list[Cell] = []

    def open_worker(cell: Cell) -> Worker:
        opened.append(cell)
        return Worker()

    def attempt(cell: Cell, name: str = "latency") -> None:
        profile(name, cell, open_worker=open_worker)

    with pytest.raises(UnknownNameError, match="latency"):
        attempt(little_bert, "latencies")
    with pytest.raises(UnknownNameError, match="eager"):
        attempt(replace(little_bert, backend="eagre"))
    with pytest.raises(UnavailableError, match="nowhere:BACKEND"):
        attempt(replace(little_bert, backend="nowhere:BACKEND"))
    with pytest.raises(UnavailableError, match="not float16"):
        attempt(replace(little_bert, workload=replace(little_bert.workload, dtype="float16")))
    with pytest.raises(UnavailableError, match="no network"):
        attempt(replace(little_bert, model=replace(little_bert.model, error="there is no network")))
    with pytest.raises(UsageError, match="at least 1"):
        attempt(replace(little_bert, processes=0))
    with pytest.raises(UsageError, match="time_limit"):
        attempt(replace(little_bert, time_limit_s=0))
    assert opened == []
