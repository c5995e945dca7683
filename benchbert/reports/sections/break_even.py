"""After how many queries each distillation is paid for by what its student saves."""

from __future__ import annotations

from markupsafe import Markup

from benchbert.reports.break_even import break_evens
from benchbert.reports.section import ReportContext, Section, templates


def _render(context: ReportContext) -> Markup | None:
    rows = break_evens(context.results, context.frame, context.board.latency_cell)
    if not rows:
        return None
    several = len({row.machine for row in rows}) > 1
    template = templates().get_template("break_even.html.j2")
    families = context.families
    return Markup(  # noqa: S704 - the template escapes what it is given
        template.render(
            rows=[(row, families.get(row.student, "")) for row in rows],
            palette=context.palette,
            several_machines=several,
        )
    )


REGISTERED = (Section(name="break-even", title="Break-even of distillation", order=45, render=_render),)
