"""The one latency and the one memory of every model that stand beside its score."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from benchbert.reports.board import Variant
from benchbert.reports.cells import DEVICE_MEMORY, HOST_MEMORY, Cell, cells_of, choose_cell
from benchbert.reports.estimate import Estimate

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Costs", "costs_of", "memory_of"]

_EAGER_FLOATS = {("float32", "eager"), ("bfloat16", "eager"), ("float16", "eager")}
"""Dtypes and backend between which a model's only score and only cost may differ."""


@dataclass(frozen=True, kw_only=True)
class Costs:
    """One cost of the models, in the cell that most of them have."""

    metric: str
    """Name of the number; empty: not measured."""
    cell: Cell | None
    """The chosen cell; None: not measured."""
    of_model: Mapping[str, Estimate]
    """Model -> its number in that cell."""
    siblings: Mapping[tuple[str, str], Mapping[str, Estimate]] = field(default_factory=dict)
    """(dtype, backend) -> model -> its number in the cell that differs from the chosen one by these alone."""

    def of(self, variant: Variant, *, alone: bool) -> Estimate | None:
        """The cost that may stand beside this variant's score: that of its own precision and backend.

        Where it is the only variant of its model, a float of eager may stand for another one: a prediction in bfloat16
        is checked against float32 as it is made. Another backend, or int8, never may.
        """
        if self.cell is None:
            return None
        own, chosen = (variant[2], variant[3]), (self.cell.dtype, self.cell.backend)
        if own == chosen:
            return self.of_model.get(variant[0])
        if found := self.siblings.get(own, {}).get(variant[0]):
            return found
        return self.of_model.get(variant[0]) if alone and {own, chosen} <= _EAGER_FLOATS else None


def costs_of(frame: pd.DataFrame, metric: str, dtypes: Iterable[str]) -> Costs:
    """One cost of every model, in the cell that most of them have.

    Args:
        frame: the results table.
        metric: name of the number.
        dtypes: precisions to prefer.
    """
    cells = cells_of(frame, metric)
    cell = choose_cell(cells, tuple(dtypes))
    if cell is None:
        return Costs(metric="", cell=None, of_model={})
    siblings = {
        (other.dtype, other.backend): found
        for other, found in cells.items()
        if replace(other, dtype=cell.dtype, backend=cell.backend) == cell
    }
    return Costs(metric=metric, cell=cell, of_model=cells[cell], siblings=siblings)


def memory_of(frame: pd.DataFrame, beside: Cell | None) -> Costs:
    """Memory on the device whose latency is shown: the device's own where it has one, else the process's."""
    dtypes = {beside.dtype} if beside else set()
    same = frame[frame["device"] == beside.device] if beside else frame
    found = [costs_of(rows, metric, dtypes) for rows in (same, frame) for metric in (DEVICE_MEMORY, HOST_MEMORY)]
    return next((costs for costs in found if costs.cell), found[0])
