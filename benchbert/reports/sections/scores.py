"""The score table: models x tasks, with intervals, ties, samples and controls marked."""

from __future__ import annotations

from markupsafe import Markup

from benchbert.reports.section import ReportContext, Section, templates
from benchbert.reports.terminal import cell_score


def _render(context: ReportContext) -> Markup | None:
    board = context.board
    if not board.columns:
        return None
    template = templates().get_template("scores.html.j2")
    return Markup(  # noqa: S704 - the template escapes what it is given
        template.render(
            board=board,
            best={column.label: board.best(column) for column in board.columns},
            score=cell_score,
            averaged={
                row.label: any(row.label in {*mean.scores, *mean.blocked} for mean in board.averages)
                for row in board.rows
            },
            palette=context.palette,
        )
    )


REGISTERED = (Section(name="scores", title="Scores", order=10, render=_render),)
