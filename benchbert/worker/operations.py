"""What the measuring process can be asked to do, and the state that lives between two requests."""

from __future__ import annotations

import gc
import importlib
import os
import platform
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from benchbert.errors import UsageError
from benchbert.lock import ModelLock
from benchbert.types import Workload
from benchbert.worker.channel import Request

__all__ = ["PROTOCOL_VERSION", "Bench"]

PROTOCOL_VERSION = 1
"""Raised when a request or a reply changes its meaning."""


class Bench:
    """One backend with one model under one workload, measured on request."""

    def __init__(self) -> None:
        self._threads = 0
        self._backend: Any = None
        self._session: Any = None
        self._batch: dict[str, Any] = {}
        self._device = "cpu"
        self._operations: Mapping[str, Callable[..., Any]] = {
            "hello": self.hello,
            "configure": self.configure,
            "imports": self.imports,
            "check": self.check,
            "load": self.load,
            "warm": self.warm,
            "block": self.block,
            "burst": self.burst,
            "device_block": self.device_block,
            "kernels": self.kernels,
            "memory": self.memory,
            "sizes": self.sizes,
            "calibrate": self.calibrate,
            "close": self.close,
        }

    def perform(self, request: Request) -> Any:
        """Carry out a request; what it returns is JSON.

        Raises:
            UsageError: no such operation, or one before what it stands on.
        """
        operation = self._operations.get(request.op)
        if operation is None:
            raise UsageError(f"the measuring process has no operation {request.op!r}; it has {list(self._operations)}")
        return operation(**request.args)

    def hello(self) -> dict[str, Any]:
        """Who answers."""
        return {"protocol": PROTOCOL_VERSION, "pid": os.getpid(), "python": platform.python_version()}

    def configure(self, *, threads: int) -> dict[str, Any]:
        """Pin, fix the pools, stop the collector; see `isolation.configure`."""
        from benchbert.worker.isolation import configure

        found = configure(threads=threads)
        self._threads = threads
        return found

    def imports(self, *, backend: str, model: Mapping[str, Any]) -> dict[str, Any]:
        """Import what the backend needs for this model: the second rung.

        Args:
            backend: registered name, or `module:object` of one that is not.
            model: fields of a ModelLock.

        Returns:
            `seconds`, `libraries` (name -> version of those imported), `pools` (torch's thread pools), `isa` (torch's).
        """
        from benchbert.worker.isolation import set_torch_threads

        self._needs(self._threads, "configure")
        start = perf_counter_ns()
        self._backend = _backend(backend)
        self._backend.import_libraries(_model_lock(model))
        seconds = (perf_counter_ns() - start) / 1e9
        libraries = ("torch", "transformers", "numpy", "onnxruntime", "openvino")
        loaded = {name: sys.modules[name].__version__ for name in libraries if name in sys.modules}
        torch = sys.modules.get("torch")
        return {
            "seconds": seconds,
            "libraries": loaded,
            "pools": set_torch_threads(self._threads),
            # Without torch nothing is said here, and the processor's own flags stand in the result.
            **({"isa": torch.backends.cpu.get_cpu_capability()} if torch else {}),
        }

    def check(
        self,
        *,
        backend: str,
        model: Mapping[str, Any],
        workload: Mapping[str, Any],
        head: str = "encoder",
        folder: str = "",
        cache: str = "",
    ) -> dict[str, Any]:
        """Hold a backend against float32 eager; see `numerical_check`. Nothing can be timed in this process after."""
        from benchbert.worker.isolation import set_torch_threads
        from benchbert.worker.numerical_check import numerical_check

        self._needs(self._threads, "configure")
        lock, eager = _model_lock(model), _backend("eager")
        eager.import_libraries(lock)
        set_torch_threads(self._threads)
        return numerical_check(
            eager,
            _backend(backend),
            model=lock,
            head=head,
            workload=Workload(**workload),
            folder=Path(folder) if folder else None,
            cache=Path(cache) if cache else None,
        )

    def load(
        self,
        *,
        model: Mapping[str, Any],
        workload: Mapping[str, Any],
        head: str = "encoder",
        folder: str = "",
        cache: str = "",
    ) -> dict[str, Any]:
        """Load weights on the backend: the third rung.

        Args:
            model: fields of a ModelLock.
            workload: fields of a Workload.
            head: `encoder`, `classification`, `regression` or `span`.
            folder: artefact with the weights; empty: where the lock says.
            cache: where the backend keeps what it makes; empty: nowhere.

        Returns:
            `seconds` without those of compiling, `compile_seconds` where the backend compiles, `format` (how the
            weights were stored), `inputs` (names that the model takes).
        """
        from benchbert.worker.inputs import random_batch

        self._needs(self._backend, "imports")
        described = Workload(**workload)
        start = perf_counter_ns()
        kept = {"cache": Path(cache)} if cache else {}
        session = self._backend.load(
            _model_lock(model), head, described, folder=Path(folder) if folder else None, **kept
        )
        seconds = (perf_counter_ns() - start) / 1e9
        compiling = getattr(session, "compile_s", None)
        self._session, self._device = session, described.device
        self._batch = random_batch(
            session.input_names,
            vocabulary=session.vocabulary,
            batch_size=described.batch_size,
            sequence_length=described.sequence_length,
        )
        # What exists now stays: later collections need not walk through it.
        gc.collect()
        gc.freeze()
        found = {"seconds": seconds - (compiling or 0.0), "format": session.format, "inputs": list(session.input_names)}
        return found if compiling is None else {**found, "compile_seconds": compiling}

    def warm(self, *, block_s: float, limit_s: float) -> dict[str, Any]:
        """Run until the times have settled; see `clock.warm`."""
        from benchbert.worker import clock

        return clock.warm(self._run, block_s=block_s, limit_s=limit_s)

    def block(self, *, iterations: int) -> list[int]:
        """Nanoseconds of each iteration, end to end: batch on the host to logits on the host."""
        from benchbert.worker import clock

        return clock.block(self._run, iterations)

    def burst(self, *, iterations: int) -> int:
        """Nanoseconds of all iterations together, with one wait for the device at the end."""
        from benchbert.worker import clock

        self._needs(self._session, "load")
        if not self._on_device:
            return clock.burst(self._run, lambda: None, iterations)
        session, batch = self._session, self._batch
        return clock.burst(lambda: session.forward(session.place(batch)), session.finish, iterations)

    def device_block(self, *, iterations: int) -> dict[str, list[float]]:
        """Milliseconds on the device; see `clock.device_block`."""
        from benchbert.worker import clock

        self._needs(self._session, "load")
        if not self._on_device:
            raise UsageError(f"device times need a CUDA device, the workload is on {self._device}")
        session, placed = self._session, self._session.place(self._batch)
        return clock.device_block(lambda: session.forward(placed), self._device, iterations)

    def kernels(self) -> dict[str, Any]:
        """Kernels that a pass runs (see `Kernels.record`); empty where the backend names none. Ask after timing."""
        self._needs(self._session, "load")
        if not hasattr(self._session, "kernels"):
            return {}
        found: dict[str, Any] = self._session.kernels(self._batch).record
        return found

    def memory(self, *, reset: bool = False) -> dict[str, Any]:
        """Memory now, in MiB (see `memory_reading.reading`); `reset` then sets the high-water marks back.

        With `reset` the reply says under `reset` whether the kernel did it.
        """
        from benchbert.worker import memory_reading

        found: dict[str, Any] = dict(memory_reading.reading(self._device))
        if reset:
            found["reset"] = memory_reading.reset_peak(self._device)
        return found

    def sizes(self, *, model: Mapping[str, Any], workload: Mapping[str, Any], folder: str = "") -> dict[str, float]:
        """Counts of a model, loaded for this alone; see `sizes.sizes`."""
        from benchbert.worker.sizes import sizes

        described = Workload(**workload)
        return sizes(
            _model_lock(model),
            folder=Path(folder) if folder else None,
            dtype=described.dtype,
            sequence_length=described.sequence_length,
        )

    def calibrate(self) -> dict[str, Any]:
        """Times of the fixed kernel; see `calibration.calibrate`."""
        from benchbert.worker.calibration import calibrate

        return calibrate(self._device)

    def close(self) -> None:
        """Say goodbye; the process ends after its reply."""

    @property
    def _on_device(self) -> bool:
        return self._device.startswith("cuda")

    def _run(self) -> Any:
        return self._session(self._batch)

    def _needs(self, present: object, before: str) -> None:
        if not present:
            raise UsageError(f"ask for {before!r} first")


def _model_lock(fields: Mapping[str, Any]) -> ModelLock:
    return ModelLock(**{**fields, "labels": tuple(fields.get("labels", ()))})


def _backend(name: str) -> Any:
    """A registered backend, or the object at `module:object`."""
    if ":" in name:
        module, _, attribute = name.partition(":")
        return getattr(importlib.import_module(module), attribute)
    from benchbert.registry import find

    return find("backends", name)
