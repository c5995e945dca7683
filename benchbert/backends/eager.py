"""PyTorch as it comes: eager execution with scaled-dot-product attention, the reference for every other backend."""

from __future__ import annotations

import importlib.util
import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchbert.backends.kernels import Kernels, cuda_kernels, mkl_and_onednn_kernels
from benchbert.backends.network import import_torch_for, load_network
from benchbert.backends.protocol import Batch
from benchbert.lock import ModelLock
from benchbert.machine import machine
from benchbert.types import Workload

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["REGISTERED", "EagerBackend", "EagerSession", "inputs_of"]

_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def inputs_of(network: Any) -> tuple[str, ...]:
    """Names of the inputs that a transformers model takes."""
    parameters = inspect.signature(network.forward).parameters
    return tuple(name for name in _INPUTS if name in parameters)


class EagerSession:
    """A transformers model in inference mode on one device."""

    def __init__(self, network: Any, *, device: str, weights: str) -> None:
        """Move the network to the device.

        Args:
            network: transformers model in eval mode, in the dtype to run.
            device: `cpu`, `cuda` or `cuda:N`.
            weights: what its weights were read from.
        """
        import torch

        self._torch = torch
        self._device = torch.device(device)
        self._network = network.to(self._device)
        self._call = self._network
        self.input_names = inputs_of(network)
        self.vocabulary = int(network.config.vocab_size)
        self.format = weights

    def __call__(self, batch: Batch) -> Tensor:
        """Host to host; see `Session`."""
        logits = self.forward(self.place(batch))
        return logits.cpu() if self._device.type != "cpu" else logits

    def place(self, batch: Batch) -> dict[str, Tensor]:
        """The batch on the device; on the CPU the arrays' own memory."""
        return {name: self._torch.from_numpy(array).to(self._device) for name, array in batch.items()}

    def forward(self, placed: dict[str, Tensor]) -> Tensor:
        """Logits, or hidden states of a bare encoder, in the compute dtype on the device."""
        with self._torch.inference_mode():
            output = self._call(**placed)
            if "logits" in output:
                return output["logits"]  # type: ignore[no-any-return]
            if "start_logits" in output:
                return self._torch.stack((output["start_logits"], output["end_logits"]), dim=-1)
            return output["last_hidden_state"]  # type: ignore[no-any-return]

    def finish(self) -> None:
        """Wait for the device."""
        if self._device.type == "cuda":
            self._torch.cuda.synchronize(self._device)

    def kernels(self, batch: Batch) -> Kernels:
        """What a pass runs; see `Kernels`."""
        found = mkl_and_onednn_kernels if self._device.type == "cpu" else cuda_kernels
        return found(lambda: self(batch))


class EagerBackend:
    """PyTorch eager."""

    name = "eager"

    def available(self, device: str) -> str:
        """Why it cannot run on this device here; empty: it can."""
        if importlib.util.find_spec("torch") is None:
            return "torch is not installed: pip install benchbert"
        if device != "cpu" and not machine().gpus:
            return "no CUDA device is visible here"
        return ""

    def dtypes(self, device: str) -> tuple[str, ...]:
        """float16 on a CPU is emulated and answers no question, so that it is left out."""
        return ("float32", "bfloat16") if device == "cpu" else ("float32", "bfloat16", "float16")

    def import_libraries(self, model: ModelLock) -> None:
        """torch, transformers and the module of the model's architecture."""
        import_torch_for(model)

    def load(
        self, model: ModelLock, head: str, workload: Workload, *, folder: Path | None = None, cache: Path | None = None
    ) -> EagerSession:
        """Load on the CPU, cast, then move to the device.

        Raises:
            UnavailableError: the model, device or dtype cannot be had, or the sequence is too long for the model.
        """
        loaded = load_network(self, model, head, workload, folder)
        return EagerSession(loaded.model, device=workload.device, weights=loaded.format)


REGISTERED = (EagerBackend(),)
