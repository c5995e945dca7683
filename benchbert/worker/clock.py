"""Timed loops around a session; nothing else happens between two readings of the clock."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable
from statistics import median
from time import perf_counter_ns
from typing import Any

__all__ = ["block", "burst", "device_block", "warm"]

_LONGEST_BLOCK = 200
_QUEUE_AHEAD_MS = 20.0


def block(run: Callable[[], Any], iterations: int) -> list[int]:
    """Nanoseconds of each of so many calls; each call ends when its result is on the host."""
    gc.collect()
    times = [0] * iterations
    for i in range(iterations):
        start = perf_counter_ns()
        run()
        times[i] = perf_counter_ns() - start
    return times


def burst(submit: Callable[[], Any], finish: Callable[[], Any], iterations: int) -> int:
    """Nanoseconds of so many calls with one wait at the end: what a queue of work costs."""
    gc.collect()
    start = perf_counter_ns()
    for _ in range(iterations):
        submit()
    finish()
    return perf_counter_ns() - start


def warm(run: Callable[[], Any], *, block_s: float, limit_s: float) -> dict[str, Any]:
    """Run blocks until their medians have stopped drifting, or the time is up.

    Args:
        run: one iteration.
        block_s: seconds a block should last.
        limit_s: seconds after which no further iteration is started.

    Returns:
        `steady`, `blocks_ns` (median of each block), `iterations` (per block, for the blocks to come),
        `iteration_ns` (last median), `seconds`.
    """
    from benchbert.statistics.steady import is_steady

    start = perf_counter_ns()
    first = block(run, 1)[0]
    iterations = _iterations(first, block_s)
    blocks: list[float] = []
    while not (settled := is_steady(blocks)) and (perf_counter_ns() - start) / 1e9 < limit_s:
        times = block(run, iterations)
        blocks.append(float(median(times)))
        iterations = _iterations(blocks[-1], block_s)
    return {
        "steady": settled,
        "blocks_ns": blocks,
        "iterations": iterations,
        "iteration_ns": blocks[-1] if blocks else float(first),
        "seconds": (perf_counter_ns() - start) / 1e9,
    }


def _iterations(iteration_ns: float, block_s: float) -> int:
    return max(1, min(_LONGEST_BLOCK, math.ceil(block_s * 1e9 / max(iteration_ns, 1.0))))


def device_block(forward: Callable[[], Any], device: str, iterations: int) -> dict[str, list[float]]:
    """Milliseconds on the device of each of so many forward passes, by CUDA events, two ways.

    `stream_ms`: as launched from an idle device: kernels and the gaps in which the device waits for the host.
    `busy_ms`: launched behind a pause on the device that outlasts the launching: kernels alone. Their difference is
    what is bound by launches. Copies are in neither.
    """
    import torch

    with torch.cuda.device(device):
        cycles_per_ms = _cycles_per_ms()
        stream = [_between_events(forward, 0) for _ in range(iterations)]
        pause = int(max(_QUEUE_AHEAD_MS, 2.0 * max(stream)) * cycles_per_ms)
        busy = [_between_events(forward, pause) for _ in range(iterations)]
    return {"stream_ms": stream, "busy_ms": busy}


def _between_events(forward: Callable[[], Any], pause_cycles: int) -> float:
    import torch

    cuda: Any = torch.cuda
    start, end = cuda.Event(enable_timing=True), cuda.Event(enable_timing=True)
    cuda.synchronize()
    if pause_cycles:
        cuda._sleep(pause_cycles)
    start.record()
    forward()
    end.record()
    cuda.synchronize()
    return float(start.elapsed_time(end))


def _cycles_per_ms() -> float:
    """Cycles of `torch.cuda._sleep` in a millisecond, measured: clocks differ between devices and moments."""
    import torch

    cycles = 10_000_000
    cuda: Any = torch.cuda
    start, end = cuda.Event(enable_timing=True), cuda.Event(enable_timing=True)
    cuda.synchronize()
    start.record()
    cuda._sleep(cycles)
    end.record()
    cuda.synchronize()
    return cycles / max(float(start.elapsed_time(end)), 1e-6)
