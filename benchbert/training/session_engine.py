"""Prediction on a backend as it is timed: its session over the examples, in batches of the timed size."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbert.errors import UnavailableError
from benchbert.registry import find
from benchbert.store.context import JobContext, Report
from benchbert.tasks.encoding import Encoded
from benchbert.training.precision import Outputs
from benchbert.types import Task, Workload

__all__ = ["SessionEngine"]


@dataclass(frozen=True, kw_only=True)
class SessionEngine:
    """A backend's session, ready to predict."""

    session: Any
    """See `benchbert.backends.protocol.Session`."""
    head: str
    """The task's head."""
    pad_id: int
    """Id of the padding token."""
    batch_size: int
    """Sequences of a batch."""
    record: dict[str, Any]
    """Backend, dtype, batch size, and the export that ran, if one did."""

    @classmethod
    def prepare(
        cls, context: JobContext, task: Task, encoded: Encoded, *, labels: tuple[str, ...], pad_id: int
    ) -> SessionEngine:
        """Loads the job's model on the job's backend.

        Args:
            context: the job.
            task: its task.
            encoded: examples; the longest of them is the length to expect.
            labels: names of the head's outputs, where the model does not bring them.
            pad_id: id of the padding token.

        Raises:
            UnavailableError: the backend cannot run here, or cannot run the model.
        """
        job, spec = context.job, context.job.spec
        name, device = str(spec["backend"]), str(spec["device"])
        backend = find("backends", name)
        if reason := backend.available(device):
            raise UnavailableError(f"the backend {name} cannot run on {device}: {reason}")
        workload = Workload(
            device=device,
            dtype=job.dtype,
            threads=job.threads,
            batch_size=int(spec["batch_size"]),
            sequence_length=int(encoded.lengths.max(initial=2)),
        )
        session = backend.load(
            replace(context.model, labels=labels),
            task.head,
            workload,
            folder=context.input_folder("head") or context.input_folder("model"),
            cache=context.folder.backend_cache,
        )
        record = {"backend": name, "dtype": job.dtype, "batch_size": workload.batch_size}
        if export := getattr(session, "export", None):
            record["export"] = export
        return cls(session=session, head=task.head, pad_id=pad_id, batch_size=workload.batch_size, record=record)

    def predict(self, encoded: Encoded, report: Report = lambda done, total, note: None) -> tuple[Outputs, int]:
        """Outputs of all examples in their order, as `benchbert.training.engine.forward` gives them, and 0."""
        outputs: Outputs = {}
        order = np.argsort(-encoded.lengths, kind="stable")
        for start in range(0, len(order), self.batch_size):
            batch = order[start : start + self.batch_size]
            padded = encoded.padded(batch, self.pad_id)
            logits = self.session({name: padded[name] for name in self.session.input_names})
            for name, values in self._named(logits, padded["attention_mask"].astype(np.bool_)).items():
                whole = values.ndim == 2 and self.head != "token_classification"
                count = len(encoded) if whole else len(encoded.tokens)
                kept = outputs.setdefault(name, np.zeros((count, *values.shape[1:]), dtype=np.float32))
                kept[batch if whole else encoded.places(batch)] = values
            report(min(start + self.batch_size, len(order)), len(order), "")
        return outputs, 0

    def _named(self, logits: Any, real: NDArray[np.bool_]) -> Outputs:
        """Logits of a batch by name, one row a sequence, or one a real token."""
        # numpy has no bfloat16, so that tensors are cast first.
        values = np.asarray(logits.float().numpy() if hasattr(logits, "float") else logits, dtype=np.float32)
        if self.head == "span":
            tokens = values[real]
            return {"start_logits": tokens[:, 0], "end_logits": tokens[:, 1]}
        return {"logits": values[real] if values.ndim == 3 else values}
