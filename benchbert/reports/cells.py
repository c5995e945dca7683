"""Cells of the hardware profile: which numbers of different models may stand beside each other.

A cost is comparable only within one cell: same machine, environment, device, dtype, backend, shape of the input and
threads. A leaderboard shows one cell, chosen for the most models, and says which.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchbert.reports.estimate import Estimate

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DEVICE_MEMORY", "HOST_MEMORY", "LATENCY", "PARAMETERS", "Cell", "cells_of", "choose_cell", "facts_of"]

LATENCY = "latency_ms"
"""Metric: median time of a forward pass."""
HOST_MEMORY = "memory_peak_mib"
"""Metric: peak resident memory of the process that runs the model."""
DEVICE_MEMORY = "device_memory_peak_allocated_mib"
"""Metric: peak memory allocated on the CUDA device."""
PARAMETERS = "parameters_stored"
"""Metric: parameters that are stored, shared ones once."""


@dataclass(frozen=True, kw_only=True, order=True)
class Cell:
    """One condition that a cost was measured under."""

    machine: str
    """Id of the machine."""
    environment: str
    """Id of the Python environment."""
    device: str
    """`cpu`, `cuda` or `cuda:N`."""
    dtype: str
    """Compute dtype."""
    backend: str
    """What executed the model."""
    batch_size: int
    """Sequences a forward pass; 0: does not apply."""
    sequence_length: int
    """Tokens a sequence; 0: does not apply."""
    threads: int
    """Intra-op threads."""

    @property
    def conditions(self) -> str:
        """The cell in words, without machine and environment."""
        parts = [self.device, self.dtype, self.backend]
        if self.batch_size:
            parts.append(f"batch {self.batch_size}")
        if self.sequence_length:
            parts.append(f"{self.sequence_length} tokens")
        parts.append(f"{self.threads} thread{'s' if self.threads != 1 else ''}")
        return ", ".join(part for part in parts if part)


def cells_of(frame: pd.DataFrame, metric: str) -> dict[Cell, dict[str, Estimate]]:
    """Every cell in which the metric was measured, with its models' numbers."""
    rows = frame[(frame["kind"] == "profile") & (frame["metric"] == metric) & frame["value"].notna()]
    keys = ["machine", "environment", "device", "dtype", "backend", "batch_size", "sequence_length", "threads"]
    found: dict[Cell, dict[str, Estimate]] = {}
    for labels, group in rows.groupby([*keys, "model"], sort=False, dropna=False):
        *key, model = _plain(labels)
        cell = Cell(**dict(zip(keys, key, strict=True)))
        found.setdefault(cell, {})[model] = _over_replicates(group.drop_duplicates("replicate", keep="last"))
    return found


def choose_cell(cells: Mapping[Cell, Mapping[str, Estimate]], dtypes: Sequence[str] = ()) -> Cell | None:
    """The cell with the most models; among equals one in the scores' dtype, then the smallest load, then CPU first."""

    def order(cell: Cell) -> tuple[Any, ...]:
        load = (cell.batch_size, abs(cell.sequence_length - 128), cell.threads)
        return -len(cells[cell]), cell.dtype not in dtypes, cell.device != "cpu", cell.backend != "eager", load, cell

    return min(cells, key=order, default=None)


def facts_of(frame: pd.DataFrame, metric: str) -> dict[str, float]:
    """Model -> a number that does not depend on the conditions, such as its parameters; the last one counts."""
    rows = frame[(frame["metric"] == metric) & frame["value"].notna()]
    return {str(model): float(value) for model, value in zip(rows["model"], rows["value"], strict=True)}


def _plain(labels: Any) -> list[Any]:
    """Group labels as plain Python: text as str, numbers as int, missing as 0."""
    import pandas as pd

    return [label if isinstance(label, str) else 0 if pd.isna(label) else int(label) for label in labels]


def _over_replicates(group: pd.DataFrame) -> Estimate:
    """One number of a cell: its only row, or the median over replicates with their range."""
    first = group.iloc[0]
    unit, values = str(first["unit"]), [float(v) for v in group["value"]]
    if len(values) > 1:
        kind = f"range over {len(values)} replicates"
        return Estimate(value=statistics.median(values), low=min(values), high=max(values), kind=kind, unit=unit)
    low, high, level = (_optional(first[name]) for name in ("ci_low", "ci_high", "ci_level"))
    n = int(_optional(first["n"]) or 0)
    return Estimate(value=values[0], low=low, high=high, kind=str(first["ci_kind"]), level=level, unit=unit, examples=n)


def _optional(number: Any) -> float | None:
    """A float, or None where the table has none."""
    import pandas as pd

    return None if pd.isna(number) else float(number)
