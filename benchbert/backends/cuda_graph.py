"""CUDA graphs: the kernels of one shape recorded once and launched together, so that launching costs nothing."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from benchbert.backends.eager import EagerBackend, EagerSession
from benchbert.backends.network import load_network, unable
from benchbert.errors import UnavailableError
from benchbert.lock import ModelLock
from benchbert.types import Workload

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["REGISTERED", "CudaGraphBackend", "CudaGraphSession"]

_WARM = 3


class CudaGraphSession(EagerSession):
    """A captured forward pass; batches smaller than its shape are padded to it."""

    compile_s = 0.0
    """Seconds of the warm-up and the capture."""

    def __init__(self, network: Any, *, device: str, weights: str, workload: Workload) -> None:
        """Capture at the workload's shape.

        Args:
            network: transformers model in eval mode, in the dtype to run.
            device: `cuda` or `cuda:N`.
            weights: what its weights were read from.
            workload: shape to capture.
        """
        super().__init__(network, device=device, weights=weights)
        torch = self._torch
        start = perf_counter()
        self._shape = (workload.batch_size, workload.sequence_length)
        self._inputs = {
            name: torch.ones(self._shape, dtype=torch.int64, device=self._device) for name in self.input_names
        }
        with torch.cuda.device(self._device):
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(_WARM):
                    super().forward(self._inputs)
            torch.cuda.current_stream().wait_stream(side)
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):
                self._logits = super().forward(self._inputs)
        self.finish()
        self.compile_s = perf_counter() - start

    def forward(self, placed: dict[str, Tensor]) -> Tensor:
        """Logits in the graph's own memory: the next pass writes over them.

        Raises:
            UnavailableError: the batch is larger than the captured shape.
        """
        batch, length = placed["input_ids"].shape
        if batch > self._shape[0] or length > self._shape[1]:
            raise UnavailableError(f"the CUDA graph was captured at {self._shape}, the batch has {(batch, length)}")
        whole = (batch, length) == self._shape
        with self._torch.inference_mode():
            for name, values in placed.items():
                if not whole:
                    self._inputs[name].zero_()
                self._inputs[name][:batch, :length].copy_(values, non_blocking=True)
            if not whole:
                # A row that may look at nothing would be NaN: spare rows look at their first token.
                self._inputs["attention_mask"][batch:, :1] = 1
            self._graph.replay()
            logits = self._logits[:batch]
            # One row a sequence has no length to cut.
            return logits[:, :length] if logits.ndim == 3 else logits


class CudaGraphBackend(EagerBackend):
    """PyTorch eager, captured."""

    name = "cuda_graph"

    def available(self, device: str) -> str:
        """Why it cannot run on this device here; empty: it can."""
        return "CUDA graphs need a CUDA device" if device == "cpu" else super().available(device)

    def dtypes(self, device: str) -> tuple[str, ...]:
        """None on a CPU."""
        return () if device == "cpu" else super().dtypes(device)

    def load(
        self, model: ModelLock, head: str, workload: Workload, *, folder: Path | None = None, cache: Path | None = None
    ) -> CudaGraphSession:
        """Load, move to the device, capture.

        Raises:
            UnavailableError: the model, device or dtype cannot be had, or the model cannot be captured.
        """
        loaded = load_network(self, model, head, workload, folder)
        with unable(self.name, model, "capturing"):
            return CudaGraphSession(loaded.model, device=workload.device, weights=loaded.format, workload=workload)


REGISTERED = (CudaGraphBackend(),)
