"""How many times faster one model is than another, in the one condition that both were measured under."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from benchbert.reports.cells import LATENCY, Cell, cells_of
from benchbert.reports.estimate import Estimate
from benchbert.reports.measured import Measured, Unknown

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["speedup"]


def speedup(frame: pd.DataFrame, model: str, reference: str) -> Measured | Unknown:
    """Latency of the reference over that of the model.

    Of several conditions the plainest counts: CPU, float32, eager, batch 1, near 128 tokens, one thread. The interval
    combines the two models' as independent, on logarithms: half-widths add in squares.

    Args:
        frame: results of registered models.
        model: the one that is said to be faster.
        reference: the other.
    """
    timed = frame[frame["weights"].isin(["published", "random"])]
    cells = cells_of(timed, LATENCY)
    both = [cell for cell, models in cells.items() if model in models and reference in models]
    if not both:
        measured = {name for models in cells.values() for name in models}
        missing = [name for name in (model, reference) if name not in measured]
        if missing:
            return Unknown(reason=f"missing: latency of {' and '.join(missing)} (profile with latency)")
        return Unknown(reason=f"missing: {model} and {reference} were not timed under the same conditions")
    cell = min(both, key=_plainness)
    ours, theirs = cells[cell][model], cells[cell][reference]
    value = theirs.value / ours.value
    kinds = " and ".join(dict.fromkeys(estimate.kind for estimate in (ours, theirs) if estimate.kind))
    basis = f"{cell.conditions}, on {cell.machine}, other hardware than the claim's; {kinds or 'no interval'}"
    spread = _half_width(ours, theirs)
    return Measured(
        value=value,
        low=value * math.exp(-spread) if spread is not None else None,
        high=value * math.exp(spread) if spread is not None else None,
        basis=basis,
        doubt=_doubt(timed, cell, (model, reference)),
    )


def _plainness(cell: Cell) -> tuple[Any, ...]:
    settings = (cell.device != "cpu", cell.dtype != "float32", cell.backend != "eager")
    return *settings, cell.batch_size, abs(cell.sequence_length - 128), cell.threads, cell


def _half_width(*estimates: Estimate) -> float | None:
    """Of the logarithm of a ratio; None: one of the two has no interval."""
    halves = []
    for estimate in estimates:
        if estimate.low is None or estimate.high is None or estimate.low <= 0:
            return None
        halves.append(math.log(estimate.high / estimate.low) / 2)
    return math.hypot(*halves)


def _doubt(frame: pd.DataFrame, cell: Cell, models: tuple[str, str]) -> str:
    """Which of the two was measured on a machine that was not quiet, or never became steady."""
    doubts = []
    for flag in ("steady", "quiet"):
        flagged = cells_of(frame[frame[flag] == False], LATENCY).get(cell, {})  # noqa: E712 - missing is not False
        doubts += [f"{model} was not {flag}" for model in models if model in flagged]
    return ", ".join(doubts)
