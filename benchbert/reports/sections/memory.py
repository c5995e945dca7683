"""Peak memory of every model in every cell that was measured."""

from __future__ import annotations

from markupsafe import Markup

from benchbert.reports.cost_section import render_costs
from benchbert.reports.section import ReportContext, Section


def _render(context: ReportContext) -> Markup | None:
    return render_costs(context, "memory", "Peak memory", "MiB", context.board.memory_metric)


REGISTERED = (Section(name="memory", title="Peak memory", order=40, render=_render),)
