"""Whether a backend computes what float32 eager computes: its outputs on a few batches against that reference.

It runs in a process of its own, before anything is timed: two models are in memory, exports are made, compilers run.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchbert.lock import ModelLock
from benchbert.types import Workload
from benchbert.worker.inputs import probe_batches

__all__ = ["BOUNDS", "CHECK", "Bound", "Errors", "compared", "numerical_check"]

CHECK = 1
"""Raised when the check changes: what was stored of earlier ones is then made anew."""

_MOST_ROWS = 8
"""Sequences of a batch that are compared: rows do not depend on each other, and a large batch has large outputs."""


@dataclass(frozen=True, kw_only=True)
class Bound:
    """What a dtype may err, as a share of the root mean square of the float32 outputs."""

    largest: float
    """Of any output."""
    typical: float
    """Root mean square over all outputs."""


BOUNDS: dict[str, Bound] = {
    # Only the order of sums differs: 24 bits of significand, measured at 1e-6 to 1e-4 (MobileBERT's wide activations).
    "float32": Bound(largest=1e-3, typical=1e-4),
    # 11 bits of significand: an eighth of bfloat16's error at every rounding.
    "float16": Bound(largest=0.1, typical=0.02),
    # 8 bits: 0.4 % at every rounding, some hundred of them in a row; largest errors are the tail of many outputs.
    "bfloat16": Bound(largest=0.5, typical=0.1),
    # 8 bits a tensor, its scale set by its largest value, outliers and all: no rounding argument bounds it, and the
    # score tells more. Beyond these another function is computed: two unrelated outputs differ by 1.4 typically.
    "int8": Bound(largest=2.0, typical=0.5),
}
"""Dtype -> what it may err; float32 backends must agree closely, others only be the same computation, rounded."""


@dataclass(frozen=True, kw_only=True)
class Errors:
    """How far outputs are from the reference's."""

    max_error: float
    """Largest error, as a share of `scale`; infinite where an output is not finite."""
    typical_error: float
    """Root mean square of the errors, as a share of `scale`."""
    scale: float
    """Root mean square of the reference's outputs."""
    outputs: int
    """Numbers compared."""

    def within(self, bound: Bound) -> bool:
        """Whether the backend may be timed."""
        return self.max_error <= bound.largest and self.typical_error <= bound.typical


def compared(reference: Sequence[Any], found: Sequence[Any]) -> Errors:
    """Errors of outputs, each an array of float32 of any shape, pairs of the same one."""
    import numpy as np

    exact = np.concatenate([np.ravel(values) for values in reference]).astype(np.float64)
    other = np.concatenate([np.ravel(values) for values in found]).astype(np.float64)
    scale = max(float(np.sqrt(np.mean(exact**2))), float(np.finfo(np.float32).tiny))
    if exact.shape != other.shape or not np.isfinite(other).all():
        return Errors(max_error=float("inf"), typical_error=float("inf"), scale=scale, outputs=exact.size)
    errors = np.abs(other - exact) / scale
    return Errors(
        max_error=float(errors.max(initial=0.0)),
        typical_error=float(np.sqrt(np.mean(errors**2))),
        scale=scale,
        outputs=exact.size,
    )


def numerical_check(
    eager: Any,
    backend: Any,
    *,
    model: ModelLock,
    head: str,
    workload: Workload,
    folder: Path | None,
    cache: Path | None,
) -> dict[str, Any]:
    """Runs both on the probe.

    Args:
        eager: the backend that the other is held against, in float32.
        backend: the one to be timed.
        model: the resolved model.
        head: its head.
        workload: what is to be timed.
        folder: artefact with the weights.
        cache: where the backend keeps what it makes.

    Returns:
        `max_error`, `typical_error` (None: not finite), `scale`, `outputs`, `bound`, `within`, `probe` (shapes),
        `export` and `compile_s` where the backend has them.
    """
    exact = replace(workload, dtype="float32", batch_size=min(workload.batch_size, _MOST_ROWS))
    session = eager.load(model, head, exact, folder=folder)
    batches = probe_batches(
        session.input_names,
        vocabulary=session.vocabulary,
        batch_size=workload.batch_size,
        sequence_length=workload.sequence_length,
    )
    rows = _rows(workload.batch_size)
    chosen = [{name: values[rows] for name, values in batch.items()} for batch in batches]
    reference = [_real(session(batch), batch) for batch in chosen]
    del session
    gc.collect()
    session = backend.load(model, head, workload, folder=folder, **({"cache": cache} if cache else {}))
    inputs = [{name: batch[name] for name in session.input_names} for batch in batches]
    found = [_real(_array(session(given))[rows], few) for given, few in zip(inputs, chosen, strict=True)]
    errors, bound = compared(reference, found), BOUNDS[workload.dtype]
    extra = {name: getattr(session, name) for name in ("export", "compile_s") if getattr(session, name, None)}
    finite = errors.max_error != float("inf")
    return {
        **asdict(errors),
        **({} if finite else {"max_error": None, "typical_error": None}),
        "bound": asdict(bound),
        "within": errors.within(bound),
        "probe": [list(batch["input_ids"].shape) for batch in batches],
        **extra,
    }


def _rows(batch_size: int) -> Any:
    """Indices of the sequences to compare, spread over the batch."""
    import numpy as np

    return np.unique(np.linspace(0, batch_size - 1, min(batch_size, _MOST_ROWS)).round().astype(np.int64))


def _array(logits: Any) -> Any:
    """Logits of any library as a float32 array; numpy has no bfloat16, so that tensors are cast first."""
    import numpy as np

    return np.asarray(logits.float().numpy() if hasattr(logits, "float") else logits, dtype=np.float32)


def _real(logits: Any, batch: dict[str, Any]) -> Any:
    """The outputs of real tokens, or of whole sequences: what stands in padding is nobody's."""
    values = _array(logits)
    return values[batch["attention_mask"].astype(bool)] if values.ndim == 3 else values
