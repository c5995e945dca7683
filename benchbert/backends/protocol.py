"""What every backend offers: a way to load a model under a workload, and a session that turns a batch into logits.

A session may also have `compile_s` (seconds of `load` that went into compiling), `export` (what an exporting backend
runs, see `exports.Export.record`) and `kernels(batch)` (names of the kernels of a pass, see `kernels.Kernels`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from benchbert.lock import ModelLock
from benchbert.types import Workload

__all__ = ["Backend", "Batch", "DeviceSession", "Session"]

Batch = Mapping[str, Any]
"""Input name -> int64 numpy array on the host, of shape (batch, seq)."""


class Session(Protocol):
    """A loaded model, ready to run."""

    @property
    def input_names(self) -> tuple[str, ...]:
        """Inputs that the model takes, of `input_ids`, `attention_mask`, `token_type_ids`."""

    @property
    def vocabulary(self) -> int:
        """Number of token ids."""

    @property
    def format(self) -> str:
        """What the weights were read from, such as `safetensors` or `random`."""

    def __call__(self, batch: Batch) -> Any:
        """Host to host: the logits of a batch, of shape (batch, labels).

        Of shape (batch, seq, 2) for a span (start, end) and (batch, seq, hidden) for a bare encoder.
        """


class DeviceSession(Session, Protocol):
    """A session on a device with a queue of its own, taken apart so that copies and computing can be timed apart."""

    def place(self, batch: Batch) -> Any:
        """The batch on the device."""

    def forward(self, placed: Any) -> Any:
        """Queue a forward pass; the logits are still being computed when this returns."""

    def finish(self) -> None:
        """Wait until everything queued has been computed."""


class Backend(Protocol):
    """A way to run models."""

    @property
    def name(self) -> str:
        """Unique name."""

    def available(self, device: str) -> str:
        """Why it cannot run on this device here, with the pip line where one mends it; empty: it can.

        Imports nothing heavy: `benchbert list` asks.
        """

    def dtypes(self, device: str) -> tuple[str, ...]:
        """Compute dtypes that it knows on a device."""

    def import_libraries(self, model: ModelLock) -> None:
        """Import all that loading and running this model will need, so that imports are timed apart."""

    def load(
        self, model: ModelLock, head: str, workload: Workload, *, folder: Path | None = None, cache: Path | None = None
    ) -> Session:
        """Load a model's weights.

        Args:
            model: the resolved model.
            head: `encoder`, or a head of a task.
            workload: device, dtype and threads to run with, and the shapes to expect.
            folder: artefact with the weights; None: where the lock says.
            cache: folder for what is quicker to read than to make again (exports, compiled code); None: none is kept.

        Raises:
            UnavailableError: the model, the device or the dtype cannot be had.
        """
