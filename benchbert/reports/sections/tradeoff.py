"""Score against latency, with the Pareto front."""

from __future__ import annotations

from markupsafe import Markup

from benchbert.reports.figures import score_against_latency
from benchbert.reports.section import ReportContext, Section, templates


def _render(context: ReportContext) -> Markup | None:
    figure = score_against_latency(context.board, context.palette)
    if figure is None:
        return None
    return Markup(templates().get_template("figure.html.j2").render(figure=figure))  # noqa: S704 - escaped there


REGISTERED = (Section(name="tradeoff", title="Score against latency", order=20, render=_render),)
