"""A profile job: one cell of the grid, measured in fresh processes while this one sleeps."""

from __future__ import annotations

from benchbert.profilers.measure import profile
from benchbert.profilers.protocol import Cell
from benchbert.store.context import JobContext, Outcome
from benchbert.types import Workload

__all__ = ["run"]


def run(context: JobContext) -> Outcome:
    """Measures the cell.

    Raises:
        NumericalError: the backend does not compute what float32 eager computes.
        WorkerError, UnavailableError: the model cannot be loaded or run in a measuring process.
    """
    job, spec = context.job, context.job.spec
    model, folder = context.starting_point()
    cell = Cell(
        model=model,
        folder=folder,
        backend=str(spec["backend"]),
        workload=Workload(
            device=str(spec["device"]),
            dtype=job.dtype,
            threads=job.threads,
            batch_size=int(spec["batch_size"]),
            sequence_length=int(spec["sequence_length"]),
        ),
        processes=int(spec["processes"]),
        time_limit_s=float(spec["time_limit"]),
        cache=context.folder.backend_cache,
    )
    found = profile(str(spec["profiler"]), cell, waiting=lambda text: context.report(0, 1, text))
    return Outcome(
        values=found.values, samples=found.samples, quiet=found.quiet, steady=found.steady, provenance=found.notes
    )
