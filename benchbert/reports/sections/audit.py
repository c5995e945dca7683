"""The audit: scores of published checkpoints beside what was published of them."""

from __future__ import annotations

from markupsafe import Markup

from benchbert.reports.audit import NOT_COMPARABLE, audited
from benchbert.reports.audit_text import AUDIT_NOTES, ours_text, published_text
from benchbert.reports.comparability import strangers
from benchbert.reports.section import ReportContext, Section, templates


def _render(context: ReportContext) -> Markup | None:
    rows = [row for row in audited(context.frame, strangers(context.lock)) if row.weights == "published"]
    if not rows:
        return None
    compared = [row for row in rows if row.verdict != NOT_COMPARABLE]
    template = templates().get_template("audit.html.j2")
    return Markup(  # noqa: S704 - the template escapes what it is given
        template.render(
            compared=compared,
            others=[row for row in rows if row.verdict == NOT_COMPARABLE],
            within=sum(row.verdict == "within" for row in compared),
            ours=ours_text,
            published=published_text,
            families=context.families,
            palette=context.palette,
            notes=AUDIT_NOTES,
        )
    )


REGISTERED = (Section(name="audit", title="Audit against published scores", order=17, render=_render),)
