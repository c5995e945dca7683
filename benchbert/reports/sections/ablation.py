"""What each part of a distillation gives: losses, start, teacher, one left out at a time."""

from __future__ import annotations

from markupsafe import Markup

from benchbert.reports.ablation import PAPER, Ablated
from benchbert.reports.estimate import MISSING
from benchbert.reports.section import ReportContext, Section, templates
from benchbert.reports.wording import signed
from benchbert.statistics.sides import SEEDS_FOR_METHODS


def _render(context: ReportContext) -> Markup | None:
    if not context.ablations:
        return None
    rows = [row for ablation in context.ablations for row in ablation.rows]
    template = templates().get_template("ablation.html.j2")
    return Markup(  # noqa: S704 - the template escapes what it is given
        template.render(
            ablations=[(each, [_cells(row) for row in each.rows]) for each in context.ablations],
            of_checkpoints={row.difference.claim for row in rows if row.difference} == {"checkpoints"},
            seeds_for_methods=SEEDS_FOR_METHODS,
            paper=any(row.verdict for row in rows),
            palette=context.palette,
        )
    )


def _cells(row: Ablated) -> dict[str, object]:
    """What a line of the table shows."""
    loss, change = row.held_out, row.held_out_difference
    paper = f"{PAPER[row.part]:+.2f}".replace("-", "\N{MINUS SIGN}") if row.part in PAPER else MISSING
    return {
        "row": row.row,
        "lacks": row.lacks or "nothing: the student itself",
        "held_out": f"{loss.estimate:.3f}" if loss else MISSING,
        "held_out_basis": f"{loss.kind}, {loss.n} seed{'' if loss.n == 1 else 's'}" if loss else "not measured",
        "change": signed(change, "nats") if change else "",
        "change_basis": change.basis if change else "",
        "agreement": f"{100 * row.agreement:.1f}" if row.agreement is not None else MISSING,
        "score": signed(row.difference) if row.difference else MISSING,
        "score_basis": row.difference.basis if row.difference else "the student itself, or no common score",
        "told": row.difference is not None and row.difference.verdict != "not told apart",
        "paper": paper,
        "verdict": row.verdict or MISSING,
    }


REGISTERED = (Section(name="ablation", title="What each part of the distillation gives", order=16, render=_render),)
