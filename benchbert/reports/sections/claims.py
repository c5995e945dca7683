"""Published claims of smaller, faster and nearly as good, and what these results say of them."""

from __future__ import annotations

from markupsafe import Markup

from benchbert.reports.audit_text import CLAIM_NOTES, claim_number
from benchbert.reports.claims import check_claims
from benchbert.reports.comparability import strangers
from benchbert.reports.section import ReportContext, Section, templates

_MARKS = {"confirm": "✓", "refute": "✗", "cannot tell": "?"}


def _render(context: ReportContext) -> Markup | None:
    checked = check_claims(context.frame, strangers(context.lock))
    if not any(row.measured is not None for row in checked):
        return None
    template = templates().get_template("claims.html.j2")
    return Markup(  # noqa: S704 - the template escapes what it is given
        template.render(rows=checked, number_of=claim_number, marks=_MARKS, notes=CLAIM_NOTES)
    )


REGISTERED = (Section(name="claims", title="Published claims", order=55, render=_render),)
