"""Whether a way of computing is exact enough: its outputs on a few examples against the model's own in float32."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbert.tasks.encoding import Encoded

__all__ = ["BOUND", "Agreement", "Outputs", "agreement", "near_ties", "probe"]

Outputs = dict[str, NDArray[np.float32]]
"""Name -> outputs of all sequences or all tokens."""

BOUND = 0.1
"""Largest error of an output on the probe, as a share of the outputs' scale (see `Agreement.scale`)."""

_MEAN_BOUND = 0.02
"""Largest mean error, as a share of the scale."""

_SAME = 1e-3
"""Largest error of another way in float32, as a share of the scale."""

_BROKEN = 0.5
"""Error, as a share of the scale, beyond which a way computes something else."""

_FLIPS = 0.005
"""Largest share of decisions that differ although float32 does not call them close."""

_PROBE = (8, 64)
"""Sequences of the probe, at least and at most; between them one in 64, so that the check takes little of the time."""

_LONG_PROBE = 4
"""Sequences of the probe, at least, where every token has outputs: four show hundreds of errors, and are long."""

_TIES = 0.05
"""Largest share of the sequences that is computed again because two classes, or two ends, are close."""

_SAFETY = 2.0
"""Errors outside the probe may be larger than its largest: margins within twice that are close."""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far a way is from the reference, on the probe."""

    sequences: int
    """Sequences compared."""
    decisions: int
    """Decisions compared: classes, or starts and ends of answers, or tags; 0: outputs are no classes."""
    flips: int
    """Decisions that differ."""
    clear_flips: int
    """Those of them that float32 makes by a margin of more than twice the largest error."""
    max_error: float
    """Largest difference of an output, in logits."""
    mean_error: float
    """Mean difference, in logits."""
    scale: float
    """Standard deviation of the float32 outputs on the probe, at least 1: an error of a tenth of a nat moves no
    probability by more than 2.5 points, however narrow the outputs of an untrained head are."""

    @property
    def good(self) -> bool:
        """Whether a coarser dtype is within the bounds."""
        return (
            self.max_error <= BOUND * self.scale
            and self.mean_error <= _MEAN_BOUND * self.scale
            and self.clear_flips <= _FLIPS * self.decisions
        )

    @property
    def same(self) -> bool:
        """Whether only the order of float32 sums can differ."""
        return self.max_error <= _SAME * self.scale

    @property
    def rounded(self) -> bool:
        """Whether it is the same computation at all: rounding alone never errs by half the scale."""
        return self.max_error <= _BROKEN * self.scale

    @property
    def record(self) -> dict[str, Any]:
        """For the provenance of a result."""
        return {
            "sequences": self.sequences,
            "decisions": self.decisions,
            "flips": self.flips,
            "max_error": float(f"{self.max_error:.3g}"),
            "mean_error": float(f"{self.mean_error:.3g}"),
            "max_bound": float(f"{BOUND * self.scale:.3g}"),
            "mean_bound": float(f"{_MEAN_BOUND * self.scale:.3g}"),
            "within": self.good,
        }


def probe(encoded: Encoded, *, by_token: bool = False) -> Encoded:
    """Sequences spread evenly over the lengths, from the shortest to the longest; the same each time.

    Args:
        encoded: what is to be predicted.
        by_token: whether every token has outputs, not every sequence.
    """
    least, most = _LONG_PROBE if by_token else _PROBE[0], _PROBE[1]
    count = min(len(encoded), max(least, min(most, len(encoded) // 64)))
    ordered = np.argsort(encoded.lengths, kind="stable")
    return encoded.chosen(ordered[np.linspace(0, len(encoded) - 1, count).round().astype(np.int64)])


def agreement(encoded: Encoded, reference: Outputs, found: Outputs) -> Agreement:
    """Compares the outputs of the same sequences; an output that is not finite is infinitely wrong."""
    errors = np.concatenate([np.abs(found[name] - values).ravel() for name, values in reference.items()])
    errors = np.where(np.isfinite(errors), errors, np.inf)
    largest = float(errors.max(initial=0.0))
    pairs = [_choices(encoded, reference[name], found[name]) for name in reference]
    margins = np.concatenate([margin for margin, _ in pairs])
    differ = np.concatenate([differ for _, differ in pairs])
    everything = np.concatenate([values.ravel() for values in reference.values()])
    return Agreement(
        sequences=len(encoded),
        decisions=len(differ),
        flips=int(differ.sum()),
        clear_flips=int((differ & (margins > _SAFETY * largest)).sum()),
        max_error=largest,
        mean_error=float(errors.mean()) if errors.size else 0.0,
        scale=max(1.0, float(everything.std())) if everything.size else 1.0,
    )


def near_ties(encoded: Encoded, outputs: Outputs, error: float) -> NDArray[np.int64]:
    """Sequences whose class, or an end of whose answer, hangs on less than the error of the outputs, closest first.

    They are to be decided in float32. Tags and numbers have none.

    Args:
        encoded: the sequences.
        outputs: of all of them.
        error: largest error that the probe has shown, in logits.
    """
    if not len(encoded):
        return np.zeros(0, dtype=np.int64)
    if "start_logits" in outputs:
        margins = np.minimum(*(_lead(encoded, outputs[name]) for name in ("start_logits", "end_logits")))
    else:
        logits = outputs["logits"]
        if logits.ndim != 2 or logits.shape[1] < 2 or len(logits) != len(encoded):
            return np.zeros(0, dtype=np.int64)
        best = np.partition(logits, -2, axis=1)
        margins = best[:, -1] - best[:, -2]
    close = np.argsort(margins, kind="stable")[: int(np.ceil(_TIES * len(margins)))]
    return close[margins[close] <= _SAFETY * error]


def _lead(encoded: Encoded, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far the largest value of each sequence is above its second, of shape (n,)."""
    starts, sequence = encoded.starts[:-1], np.repeat(np.arange(len(encoded)), encoded.lengths)
    largest = np.maximum.reduceat(values, starts)
    _, first = np.unique(sequence[values == largest[sequence]], return_index=True)
    others = values.copy()
    others[np.flatnonzero(values == largest[sequence])[first]] = -np.inf
    return np.asarray(largest - np.maximum.reduceat(others, starts))


def _choices(
    encoded: Encoded, reference: NDArray[np.float32], found: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """(margin by which the reference decides, whether the other decides otherwise), each of shape (decisions,)."""
    if reference.ndim == 2 and reference.shape[1] > 1:
        best = np.partition(reference, -2, axis=1)
        return best[:, -1] - best[:, -2], reference.argmax(axis=1) != found.argmax(axis=1)
    if reference.ndim == 2:
        return np.zeros(0, dtype=np.float32), np.zeros(0, dtype=np.bool_)
    # One output a token: the decision is which token of a sequence has the largest.
    margins, differ = [], []
    for start, stop in zip(encoded.starts[:-1], encoded.starts[1:], strict=True):
        ordered = np.sort(reference[start:stop])
        margins.append(ordered[-1] - ordered[-2] if len(ordered) > 1 else np.float32(np.inf))
        differ.append(reference[start:stop].argmax() != found[start:stop].argmax())
    return np.asarray(margins, dtype=np.float32), np.asarray(differ, dtype=np.bool_)
