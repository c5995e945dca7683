"""How long one forward pass takes, end to end, and what starting cold costs.

Percentiles appear only where the effective sample allows them (MLPerf LoadGen's minima).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchbert.profilers.protocol import Cell, Measurement, Metric, OpenWorker
from benchbert.profilers.timed import TimedProcess, interval_value, measurement, samples_of, timed_processes
from benchbert.statistics.intervals import over_processes, typical
from benchbert.statistics.steady import effective_sample_size, supported_percentiles
from benchbert.types import Value
from benchbert.worker.client import Worker

__all__ = ["REGISTERED", "LatencyProfiler"]

_LATENCY = Metric(name="latency_ms", unit="ms", direction="lower")
_PERCENTILES = {p: Metric(name=f"latency_p{p}_ms", unit="ms", direction="lower") for p in (90, 95, 99)}
_COLD = {
    "import_s": Metric(name="import_s", unit="s", direction="lower"),
    "load_s": Metric(name="load_s", unit="s", direction="lower"),
    "compile_s": Metric(name="compile_s", unit="s", direction="lower"),
    "first_forward_ms": Metric(name="first_forward_ms", unit="ms", direction="lower"),
}
_DEVICE = Metric(name="device_latency_ms", unit="ms", direction="lower")
_LAUNCH_BOUND = Metric(name="launch_bound_share", unit="", direction="lower")
_DEVICE_ITERATIONS = 50


class LatencyProfiler:
    """Time of a forward pass from batch on the host to logits on the host."""

    name = "latency"
    metrics = (_LATENCY, *_PERCENTILES.values(), *_COLD.values(), _DEVICE, _LAUNCH_BOUND)
    default_processes = 5

    def measure(self, cell: Cell, open_worker: OpenWorker) -> Measurement:
        """Measure in `cell.processes` fresh processes; see `Profiler`."""

        def take(worker: Worker, iterations: int) -> list[float]:
            times: list[float] = worker.call("block", cell.stall_limit_s, iterations=iterations)
            return times

        processes = timed_processes(cell, open_worker, take, _device_times(cell))
        values = [interval_value(_LATENCY, typical([p.blocks for p in processes]), 1e-6)]
        values += _percentiles(processes)
        for key, metric in _COLD.items():
            # Not every backend compiles.
            if key in processes[0].cold:
                values.append(interval_value(metric, over_processes([p.cold[key] for p in processes]), 1.0))
        if cell.workload.device.startswith("cuda"):
            values += _device_values(processes)
        return measurement(tuple(values), processes)


def _percentiles(processes: list[TimedProcess]) -> list[Value]:
    """The percentiles of all samples together that so much independent information allows."""
    effective = sum(effective_sample_size(samples_of(p)) for p in processes)
    pooled = np.concatenate([samples_of(p) for p in processes])
    return [
        _PERCENTILES[percentile].value(
            float(np.percentile(pooled, percentile)) / 1e6,
            n=int(effective),
            ci_kind="none: percentile of all samples, n = effective samples",
        )
        for percentile in supported_percentiles(effective)
    ]


def _device_times(cell: Cell) -> Callable[[Worker], dict[str, Any]] | None:
    """What to ask a worker on CUDA at the end; None on a CPU."""
    if not cell.workload.device.startswith("cuda"):
        return None

    def ask(worker: Worker) -> dict[str, Any]:
        return {"device": worker.call("device_block", cell.stall_limit_s, iterations=_DEVICE_ITERATIONS)}

    return ask


def _device_values(processes: list[TimedProcess]) -> list[Value]:
    """Median time on the device, and the share of an idle-start pass in which the device waits for launches."""
    busy = [p.extra["device"]["busy_ms"] for p in processes]
    stream = [p.extra["device"]["stream_ms"] for p in processes]
    shares = [max(1.0 - float(np.median(b) / np.median(s)), 0.0) for b, s in zip(busy, stream, strict=True)]
    return [
        interval_value(_DEVICE, typical([[[ms] for ms in times] for times in busy]), 1.0),
        _LAUNCH_BOUND.value(float(np.mean(shares)), n=len(shares), ci_kind="none: mean over processes"),
    ]


REGISTERED = (LatencyProfiler(),)
