"""A chart of the board's cell and a table of all cells: the body of the latency and memory sections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from benchbert.reports.cells import Cell, cells_of, choose_cell
from benchbert.reports.estimate import Estimate
from benchbert.reports.figures import cost_figure
from benchbert.reports.section import ReportContext, templates

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["render_costs"]


@dataclass(frozen=True, kw_only=True)
class _CellRow:
    """One line of the table of all cells."""

    model: str
    """Name of the model."""
    family: str
    """Its family."""
    cell: Cell
    """Conditions."""
    estimate: Estimate
    """The number with its interval."""
    caveat: str
    """Why to read it with care; empty: nothing is known against it."""


def render_costs(context: ReportContext, name: str, what: str, unit: str, metric: str) -> Markup | None:
    """Chart and table of one cost; None: it was not measured.

    Args:
        context: of the report.
        name: unique name of the section.
        what: the quantity, such as `Latency`.
        unit: its unit.
        metric: name of the metric.
    """
    cells = cells_of(context.frame, metric)
    board_cell = context.board.latency_cell if name == "latency" else context.board.memory_cell
    chosen = board_cell if board_cell in cells else choose_cell(cells)
    if chosen is None:
        return None
    families = context.families
    figure = cost_figure(
        name=name,
        what=what,
        unit=unit,
        cell=chosen,
        costs=cells[chosen],
        families=families,
        palette=context.palette,
    )
    caveats = _caveats(context.frame, metric)
    rows = [
        _CellRow(
            model=model, family=families[model], cell=cell, estimate=estimate, caveat=caveats.get((model, cell), "")
        )
        for cell, models in sorted(cells.items())
        for model, estimate in sorted(models.items(), key=lambda pair: pair[1].value)
    ]
    template = templates().get_template("costs.html.j2")
    several = len({cell.machine for cell in cells}) > 1
    return Markup(  # noqa: S704 - the template escapes what it is given
        template.render(
            figure=figure, rows=rows, what=what, unit=unit, palette=context.palette, several_machines=several
        )
    )


def _caveats(frame: pd.DataFrame, metric: str) -> dict[tuple[str, Cell], str]:
    """(model, cell) -> not quiet, not steady."""
    found: dict[tuple[str, Cell], str] = {}
    for flag in ("steady", "quiet"):
        rows = frame[(frame["metric"] == metric) & (frame[flag] == False)]  # noqa: E712 - missing is not False
        for cell, models in cells_of(rows, metric).items():
            for model in models:
                found[model, cell] = ", ".join(part for part in (found.get((model, cell)), f"not {flag}") if part)
    return found
