"""What every profiler offers, what it is given and what it hands back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from benchbert.lock import ModelLock
from benchbert.types import Direction, Value, Workload
from benchbert.worker.client import Worker

__all__ = ["Cell", "Measurement", "Metric", "OpenWorker", "Profiler"]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One number that a profiler finds."""

    name: str
    """Name that carries its unit where it has one."""
    unit: str
    """`ms`, `MiB`, `sequences/s`, ...; empty: a count or a share."""
    direction: Direction
    """Which way is better."""

    def value(self, number: float | None, **fields: Any) -> Value:
        """A Value of this metric; `fields` are its other fields."""
        return Value(metric=self.name, value=number, unit=self.unit, direction=self.direction, **fields)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One model on one backend under one workload."""

    model: ModelLock
    """The resolved model."""
    folder: Path | None = None
    """Artefact with its weights; None: where the lock says."""
    head: str = "encoder"
    """`encoder`, `classification`, `regression` or `span`."""
    backend: str = "eager"
    """Registered backend, or `module:object` of one that is not registered."""
    workload: Workload = field(default_factory=Workload)
    """Device, dtype, threads and shapes."""
    processes: int = 1
    """Fresh processes that a timed cell is measured in."""
    time_limit_s: float = 30.0
    """Seconds that one process may spend on warming up and timing; it stops earlier once its median is known to 1 %."""
    stall_limit_s: float = 300.0
    """Seconds, beyond those it was given to measure, after which a worker that does not answer counts as hung."""
    cache: Path | None = None
    """Folder for what backends make once: exports, compiled code; None: it goes when the cell has been measured."""

    @property
    def model_fields(self) -> dict[str, Any]:
        """The model as a worker takes it: JSON."""
        return asdict(self.model)

    @property
    def load_fields(self) -> dict[str, Any]:
        """Arguments of a worker's `load`."""
        return {
            "model": self.model_fields,
            "workload": asdict(self.workload),
            "head": self.head,
            "folder": str(self.folder or ""),
            **({"cache": str(self.cache)} if self.cache else {}),
        }


OpenWorker = Callable[[Cell], Worker]
"""Opens a fresh measuring process for a cell; the caller closes it."""


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What a profiler found."""

    values: tuple[Value, ...]
    """Its numbers."""
    samples: Mapping[str, Any] = field(default_factory=dict)
    """What they were made from: JSON."""
    quiet: bool | None = None
    """Whether the machine was quiet; None: does not apply."""
    steady: bool | None = None
    """Whether a steady state was reached; None: does not apply."""
    notes: Mapping[str, Any] = field(default_factory=dict)
    """What else a reader must know: libraries, threads and cores in effect, how the weights were stored."""


class Profiler(Protocol):
    """Finds numbers of one kind about a cell.

    One that never runs the model says `computes = False`: no backend has to be checked for it.
    """

    @property
    def name(self) -> str:
        """Unique name."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """All that it may find."""

    @property
    def default_processes(self) -> int:
        """Fresh processes of a published cell."""

    def measure(self, cell: Cell, open_worker: OpenWorker) -> Measurement:
        """Measure; the caller holds the device's lock.

        Raises:
            WorkerError: a process died, hung or ran out of memory.
            BenchbertError: the model, backend or device cannot be had.
        """
