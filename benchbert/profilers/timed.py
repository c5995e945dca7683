"""One process of a timed cell: cold start, calibration, warm-up, blocks until the median is known, calibration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from time import monotonic
from typing import Any

from benchbert.profilers.protocol import Cell, Measurement, Metric, OpenWorker
from benchbert.profilers.quiet import CpuWatch, QuietReading, judge, merged
from benchbert.statistics.intervals import Interval, over_blocks
from benchbert.types import Value
from benchbert.worker.client import Worker

__all__ = ["Take", "TimedProcess", "interval_value", "measurement", "prepare", "samples_of", "timed_processes"]

Take = Callable[[Worker, int], list[float]]
"""Asks a worker for so many iterations and gives nanoseconds per iteration: one number, or one for each."""

PRECISION = 0.01
"""Relative half-width of the median's interval at which timing stops."""
FEWEST_BLOCKS, MOST_BLOCKS = 16, 64
"""Blocks before the precision is looked at, and at most."""
FEWEST_BLOCKS_AT_LIMIT = 3
"""Blocks that are taken even when the time is up: a very slow model still gets a median."""
_BLOCK_S = 0.125
_WARM_SHARE = 1.0 / 3.0


@dataclass(frozen=True, kw_only=True)
class TimedProcess:
    """All that one process gave."""

    blocks: list[list[float]]
    """Nanoseconds, in the order in which they were taken."""
    cold: dict[str, float]
    """`start_s` (process), `import_s`, `load_s`, `first_forward_ms`, and `compile_s` where the backend compiles."""
    warm: dict[str, Any]
    """The worker's answer to `warm`."""
    calibration: dict[str, Any]
    """The worker's answers to `calibrate`, `before` and `after`."""
    quiet: QuietReading
    """Verdict on the machine meanwhile."""
    extra: dict[str, Any] = field(default_factory=dict)
    """What a profiler asked of the worker at the end."""
    notes: dict[str, Any] = field(default_factory=dict)
    """Cores, threads, libraries, format of the weights."""


def prepare(worker: Worker, cell: Cell) -> tuple[dict[str, float], dict[str, Any]]:
    """Bring a fresh worker to its first forward pass.

    Returns:
        The cold start (`TimedProcess.cold`) and the notes.
    """
    stall = cell.stall_limit_s
    start = monotonic()
    hello = worker.call("hello", stall)
    start_s = monotonic() - start
    isolation = worker.call("configure", stall, threads=cell.workload.threads)
    imported = worker.call("imports", stall, backend=cell.backend, model=cell.model_fields)
    loaded = worker.call("load", stall, **cell.load_fields)
    first = worker.call("block", stall, iterations=1)[0]
    cold = {
        "start_s": start_s,
        "import_s": imported.pop("seconds"),
        "load_s": loaded.pop("seconds"),
        "first_forward_ms": first / 1e6,
    }
    if "compile_seconds" in loaded:
        cold["compile_s"] = loaded.pop("compile_seconds")
    return cold, {"python": hello["python"], "isolation": isolation, **imported, **loaded}


def timed_processes(
    cell: Cell, open_worker: OpenWorker, take: Take, last: Callable[[Worker], dict[str, Any]] | None = None
) -> list[TimedProcess]:
    """As many fresh processes as the cell asks for, one after another.

    Args:
        cell: what to measure.
        open_worker: opens a process.
        take: one block.
        last: asked of each worker after its blocks and before the second calibration.
    """
    processes = []
    for number in range(cell.processes):
        with open_worker(cell) as worker:
            found = _timed_process(worker, cell, take, last)
            if number == 0:
                # What was timed says which kernels it runs, once nothing is timed any more.
                found.notes["kernels"] = worker.call("kernels", cell.stall_limit_s)
            processes.append(found)
    return processes


def _timed_process(
    worker: Worker, cell: Cell, take: Take, last: Callable[[Worker], dict[str, Any]] | None
) -> TimedProcess:
    cold, notes = prepare(worker, cell)
    before = worker.call("calibrate", cell.stall_limit_s)
    limit = cell.time_limit_s * _WARM_SHARE
    block_s = min(_BLOCK_S, cell.time_limit_s / (3 * FEWEST_BLOCKS))
    warm = worker.call("warm", cell.stall_limit_s + limit, block_s=block_s, limit_s=limit)
    watch = CpuWatch.over(worker.pid)
    blocks = _blocks(worker, take, warm["iterations"], cell.time_limit_s - limit)
    load = watch.stop()
    extra = last(worker) if last is not None else {}
    after = worker.call("calibrate", cell.stall_limit_s)
    return TimedProcess(
        blocks=blocks,
        cold=cold,
        warm=warm,
        calibration={"before": before, "after": after},
        quiet=judge(before["ns"], after["ns"], load),
        extra=extra,
        notes=notes,
    )


def _blocks(worker: Worker, take: Take, iterations: int, limit_s: float) -> list[list[float]]:
    """Blocks until the median of their medians is known to `PRECISION`, or the time is up."""
    deadline = monotonic() + limit_s
    blocks: list[list[float]] = []
    while len(blocks) < MOST_BLOCKS:
        if monotonic() >= deadline and len(blocks) >= FEWEST_BLOCKS_AT_LIMIT:
            break
        if len(blocks) >= FEWEST_BLOCKS and len(blocks) % 4 == 0:
            medians = [[median(block)] for block in blocks]
            if over_blocks(medians).relative_half_width <= PRECISION:
                break
        blocks.append(take(worker, iterations))
    return blocks


def interval_value(metric: Metric, interval: Interval, scale: float) -> Value:
    """An interval of times as a Value, times `scale`."""
    return metric.value(
        interval.estimate * scale,
        n=interval.n,
        ci_low=None if interval.low is None else interval.low * scale,
        ci_high=None if interval.high is None else interval.high * scale,
        ci_kind=interval.kind,
        ci_level=interval.level,
    )


def measurement(values: tuple[Value, ...], processes: list[TimedProcess]) -> Measurement:
    """Values with the samples, flags and notes of their processes."""
    from benchbert.machine import machine

    return Measurement(
        values=values,
        samples={
            "processes": [
                {
                    "blocks_ns": p.blocks,
                    "cold": p.cold,
                    "warm": p.warm,
                    "calibration": p.calibration,
                    "quiet": p.quiet.as_json(),
                    **p.extra,
                }
                for p in processes
            ]
        },
        quiet=merged(p.quiet.quiet for p in processes),
        steady=all(p.warm["steady"] for p in processes),
        notes={**processes[0].notes, "replicates": len(processes), "quota": machine().quota},
    )


def samples_of(process: TimedProcess) -> list[float]:
    """All samples of a process in order, nanoseconds."""
    return [time for block in process.blocks for time in block]
