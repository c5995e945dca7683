"""Backends and dtypes side by side: what each gains in speed, and what it changes in outputs and scores."""

from __future__ import annotations

from markupsafe import Markup

from benchbert.reports.backend_rows import backend_rows
from benchbert.reports.section import ReportContext, Section, templates


def _render(context: ReportContext) -> Markup | None:
    rows = backend_rows(context.frame)
    if not rows:
        return None
    template = templates().get_template("backends.html.j2")
    return Markup(  # noqa: S704 - the template escapes what it is given
        template.render(rows=rows, families=context.families, palette=context.palette)
    )


REGISTERED = (Section(name="backends", title="Backends and precisions", order=35, render=_render),)
