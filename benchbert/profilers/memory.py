"""The memory ladder of one fresh process: interpreter, imports, weights, first forward pass, steady peak.

The first three rungs are resident memory when the step is done; the last two are the kernel's high-water mark since the
weights were loaded, so that a transient counts. Nothing is timed here.
"""

from __future__ import annotations

from typing import Any

from benchbert.profilers.protocol import Cell, Measurement, Metric, OpenWorker
from benchbert.profilers.timed import interval_value
from benchbert.statistics.intervals import over_processes
from benchbert.worker.client import Worker

__all__ = ["REGISTERED", "MemoryProfiler"]


def _mib(name: str) -> Metric:
    return Metric(name=name, unit="MiB", direction="lower")


_HOST = {
    _mib("memory_interpreter_mib"): ("interpreter", "rss"),
    _mib("memory_imports_mib"): ("imports", "rss"),
    _mib("memory_weights_mib"): ("weights", "rss"),
    _mib("memory_load_peak_mib"): ("weights", "peak_rss"),
    _mib("memory_first_forward_mib"): ("first_forward", "peak_rss"),
    _mib("memory_peak_mib"): ("peak", "peak_rss"),
}
"""Metric -> rung and reading."""
_DEVICE = {
    _mib("device_memory_weights_mib"): ("weights", "allocated"),
    _mib("device_memory_peak_allocated_mib"): ("peak", "peak_allocated"),
    _mib("device_memory_peak_reserved_mib"): ("peak", "peak_reserved"),
    _mib("device_memory_driver_mib"): ("peak", "driver"),
}
_STEADY_ITERATIONS = 10


class MemoryProfiler:
    """Host memory by the kernel, device memory by torch's allocator and the driver."""

    name = "memory"
    metrics = (*_HOST, *_DEVICE)
    default_processes = 1

    def measure(self, cell: Cell, open_worker: OpenWorker) -> Measurement:
        """Climb the ladder in `cell.processes` fresh processes; see `Profiler`."""
        ladders: list[dict[str, dict[str, Any]]] = []
        notes: dict[str, Any] = {}
        for _ in range(cell.processes):
            with open_worker(cell) as worker:
                ladder, notes = _climb(worker, cell)
                ladders.append(ladder)
        wanted = {**_HOST, **_DEVICE} if cell.workload.device.startswith("cuda") else _HOST
        values = []
        for metric, (rung, reading) in wanted.items():
            # A reading that the driver does not give, or that is zero, has no value rather than a wrong one.
            found = [float(number) for ladder in ladders if (number := ladder[rung].get(reading))]
            if len(found) == len(ladders):
                values.append(interval_value(metric, over_processes(found), 1.0))
        return Measurement(values=tuple(values), samples={"processes": ladders}, notes=notes)


def _climb(worker: Worker, cell: Cell) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Readings by rung, and notes."""
    stall = cell.stall_limit_s
    rungs = {"interpreter": worker.call("memory", stall)}
    isolation = worker.call("configure", stall, threads=cell.workload.threads)
    imported = worker.call("imports", stall, backend=cell.backend, model=cell.model_fields)
    rungs["imports"] = worker.call("memory", stall, reset=True)
    loaded = worker.call("load", stall, **cell.load_fields)
    rungs["weights"] = worker.call("memory", stall, reset=True)
    worker.call("block", stall, iterations=1)
    rungs["first_forward"] = worker.call("memory", stall)
    worker.call("block", stall + cell.time_limit_s, iterations=_STEADY_ITERATIONS)
    rungs["peak"] = worker.call("memory", stall)
    since = "the weights were loaded" if rungs["weights"]["reset"] else "the process started: the mark cannot be reset"
    notes = {"isolation": isolation, **imported, **loaded, "high_water_since": since}
    return rungs, {name: note for name, note in notes.items() if name not in {"seconds", "compile_seconds"}}


REGISTERED = (MemoryProfiler(),)
