"""The one way to run a profiler: check that the cell can run here, queue for the device, measure in fresh processes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from benchbert.errors import UnavailableError, UsageError
from benchbert.profilers.device_lock import device_lock
from benchbert.profilers.exactness import error_value, is_reference, require_exact
from benchbert.profilers.protocol import Cell, Measurement, OpenWorker, Profiler
from benchbert.registry import find
from benchbert.worker.client import Worker

__all__ = ["profile"]


def profile(
    profiler_name: str,
    cell: Cell,
    *,
    waiting: Callable[[str], None] | None = None,
    open_worker: OpenWorker | None = None,
) -> Measurement:
    """Measure one cell, alone on its device.

    Args:
        profiler_name: registered profiler.
        cell: what to measure.
        waiting: told when another run holds the device and this one waits.
        open_worker: opens a measuring process; None: with this interpreter.

    Raises:
        UnknownNameError: no such profiler or backend.
        UsageError: a cell that cannot be measured by anyone.
        UnavailableError: backend, device, dtype or model cannot be had here.
        NumericalError: the backend's outputs are too far from float32 eager's for it to be timed.
        WorkerTimeoutError, WorkerMemoryError, WorkerError: what became of the measuring process.
    """
    profiler: Profiler = find("profilers", profiler_name)
    _check(cell)
    opened = open_worker or _own_interpreter
    with device_lock(cell.workload.device, waiting) as waited_s, _with_cache(cell) as kept:
        if is_reference(cell) or not getattr(profiler, "computes", True):
            found = profiler.measure(kept, opened)
            return replace(found, notes={**found.notes, "waited_s": waited_s})
        check = require_exact(kept, opened)
        found = profiler.measure(kept, opened)
    return replace(
        found,
        values=(*found.values, error_value(check)),
        notes={**found.notes, "waited_s": waited_s, "numerical_check": dict(check)},
    )


@contextmanager
def _with_cache(cell: Cell) -> Iterator[Cell]:
    """The cell with a folder for what its backend makes; one that nobody named goes at the end."""
    if cell.cache is not None or is_reference(cell):
        yield cell
        return
    with tempfile.TemporaryDirectory(prefix="benchbert-") as folder:
        yield replace(cell, cache=Path(folder))


def _own_interpreter(cell: Cell) -> Worker:
    return Worker(timeout_s=cell.stall_limit_s)


def _check(cell: Cell) -> None:
    workload = cell.workload
    if min(cell.processes, workload.threads, workload.batch_size, workload.sequence_length) < 1:
        raise UsageError(f"processes, threads, batch size and sequence length must be at least 1: {workload}")
    if cell.time_limit_s <= 0:
        raise UsageError(f"time_limit = {cell.time_limit_s} must be above 0 seconds")
    if cell.model.error:
        raise UnavailableError(cell.model.error)
    if ":" in cell.backend:
        if find_spec(cell.backend.partition(":")[0]) is None:
            raise UnavailableError(f"the backend {cell.backend} cannot be imported: install its package here")
        return
    backend = find("backends", cell.backend)
    if reason := backend.available(workload.device):
        raise UnavailableError(f"the backend {cell.backend} cannot run on {workload.device}: {reason}")
    if workload.dtype not in backend.dtypes(workload.device):
        known = ", ".join(backend.dtypes(workload.device))
        raise UnavailableError(f"the backend {cell.backend} runs {known} on {workload.device}, not {workload.dtype}")
