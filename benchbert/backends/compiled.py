"""torch.compile with the inductor: one graph for all lengths, weights frozen into it on the CPU."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from time import perf_counter
from typing import Any

from benchbert.backends.eager import EagerBackend, EagerSession
from benchbert.backends.network import import_torch_for, load_network, unable
from benchbert.lock import ModelLock
from benchbert.types import Workload

__all__ = ["REGISTERED", "CompiledBackend", "CompiledSession"]


class CompiledSession(EagerSession):
    """A compiled model on one device."""

    compile_s = 0.0
    """Seconds of the first pass at the workload's shape, nearly all of them compiling; what an earlier process left in
    inductor's cache is not compiled again."""

    def __init__(self, network: Any, *, device: str, weights: str, workload: Workload) -> None:
        """Compile at the workload's shape.

        Args:
            network: transformers model in eval mode, in the dtype to run.
            device: `cpu`, `cuda` or `cuda:N`.
            weights: what its weights were read from.
            workload: shape to compile for; other lengths run the same code, other batch sizes may compile again.
        """
        super().__init__(network, device=device, weights=weights)
        torch = self._torch
        self._call = torch.compile(self._network, dynamic=True)
        shape = (workload.batch_size, workload.sequence_length)
        batch = {name: torch.ones(shape, dtype=torch.int64, device=self._device) for name in self.input_names}
        start = perf_counter()
        self.forward(batch)
        self.finish()
        self.compile_s = perf_counter() - start


class CompiledBackend(EagerBackend):
    """PyTorch's compiler."""

    name = "compiled"

    def available(self, device: str) -> str:
        """Why it cannot run on this device here; empty: it can."""
        if reason := super().available(device):
            return reason
        compilers = (os.environ.get("CXX", ""), "g++", "clang++")
        if device == "cpu" and not any(shutil.which(name) for name in compilers if name):
            return "torch.compile writes C++ and finds no compiler: install g++, or name one in CXX"
        return ""

    def import_libraries(self, model: ModelLock) -> None:
        """What eager imports, and the compiler."""
        import importlib

        import_torch_for(model)
        importlib.import_module("torch._inductor.compile_fx")

    def load(
        self, model: ModelLock, head: str, workload: Workload, *, folder: Path | None = None, cache: Path | None = None
    ) -> CompiledSession:
        """Load, move to the device, compile.

        Raises:
            UnavailableError: the model, device or dtype cannot be had, or the compiler cannot take it.
        """
        if cache is not None:
            os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(cache / "inductor")
        import torch._inductor.config as inductor

        # Workers of its own would compile on other cores than those that are measured.
        inductor.compile_threads = 1
        # Constants are folded and weights packed only where nothing asks for gradients (inference mode) on the CPU.
        inductor.freezing = workload.device == "cpu"
        loaded = load_network(self, model, head, workload, folder)
        with unable(self.name, model, "compiling"):
            return CompiledSession(loaded.model, device=workload.device, weights=loaded.format, workload=workload)


REGISTERED = (CompiledBackend(),)
