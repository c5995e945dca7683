"""Latency of every model in every cell that was measured."""

from __future__ import annotations

from markupsafe import Markup

from benchbert.reports.cells import LATENCY
from benchbert.reports.cost_section import render_costs
from benchbert.reports.section import ReportContext, Section


def _render(context: ReportContext) -> Markup | None:
    return render_costs(context, "latency", "Latency", "ms", LATENCY)


REGISTERED = (Section(name="latency", title="Latency", order=30, render=_render),)
