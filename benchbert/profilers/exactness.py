"""No backend is timed before its outputs have been held against float32 eager's, in a process of their own.

What was found is kept beside the exports, so that the profilers of one cell share one check.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchbert.backends.exports import whole
from benchbert.errors import NumericalError, StoreError
from benchbert.machine import environment, machine
from benchbert.profilers.protocol import Cell, Metric, OpenWorker
from benchbert.store.files import write_json
from benchbert.types import Value, digest
from benchbert.worker.numerical_check import CHECK

__all__ = ["MAX_ERROR", "error_value", "is_reference", "require_exact"]

MAX_ERROR = Metric(name="max_error", unit="", direction="lower")
"""Largest error of an output, as a share of the root mean square of float32 eager's."""


def is_reference(cell: Cell) -> bool:
    """Whether a cell is what others are held against, or a backend that is not registered and stands for itself."""
    return ":" in cell.backend or (cell.backend == "eager" and cell.workload.dtype == "float32")


def require_exact(cell: Cell, open_worker: OpenWorker) -> Mapping[str, Any]:
    """What the check of a cell found, made now or before.

    Args:
        cell: what is to be timed; its cache is set.
        open_worker: opens a process for the check.

    Returns:
        See `benchbert.worker.numerical_check.numerical_check`.

    Raises:
        NumericalError: the outputs are too far from float32 eager's.
        UnavailableError, WorkerError: the backend cannot run the model.
    """
    assert cell.cache is not None, "`profile` sets it"
    path = cell.cache / "checks" / f"{_key(cell)[:32]}.json"
    found = _kept(path, cell.cache)
    if found is None:
        with open_worker(cell) as worker:
            worker.call("configure", cell.stall_limit_s, threads=cell.workload.threads)
            found = worker.call("check", 4 * cell.stall_limit_s, backend=cell.backend, **cell.load_fields)
        write_json(path, found)
    if not found["within"]:
        raise NumericalError(_refusal(cell, found))
    return found


def error_value(found: Mapping[str, Any]) -> Value:
    """The largest error, as a value of the result."""
    return MAX_ERROR.value(
        float(found["max_error"]),
        n=int(found["outputs"]),
        ci_kind="none: largest of a probe",
        convention="share of the root mean square of float32 eager's outputs",
    )


def _refusal(cell: Cell, found: Mapping[str, Any]) -> str:
    bound = found["bound"]
    if found["max_error"] is None:
        told = "it gives outputs that are not finite, or of another shape"
    else:
        told = (
            f"its largest error is {found['max_error']:.3g} of the outputs' root mean square (bound "
            f"{bound['largest']:g}), its typical one {found['typical_error']:.3g} (bound {bound['typical']:g})"
        )
    return (
        f"{cell.backend} in {cell.workload.dtype} is not timed on {cell.model.name}: against float32 eager {told}; "
        "take another dtype or backend for this model"
    )


def _key(cell: Cell) -> str:
    """Digest of all that decides the outcome of a check."""
    return digest(
        {
            "check": CHECK,
            "model": cell.model_fields,
            "folder": _identity(cell.folder),
            "head": cell.head,
            "backend": cell.backend,
            "workload": asdict(cell.workload),
            "machine": machine().id,
            "environment": environment().id,
        }
    )


def _identity(folder: Path | None) -> list[Any]:
    """Names, sizes and times of the files of an artefact: its path is told by the job that made it."""
    if folder is None:
        return []
    return [str(folder), *sorted([p.name, p.stat().st_size, p.stat().st_mtime_ns] for p in folder.iterdir())]


def _kept(path: Path, cache: Path) -> Mapping[str, Any] | None:
    """What an earlier check found; None: there was none, or the export that it looked at is damaged or gone."""
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
        record = found.get("export")
        return found if record is None or whole(cache, record) else None
    except (OSError, ValueError, KeyError, TypeError, StoreError):
        return None
