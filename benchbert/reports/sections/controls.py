"""What the controls and the baseline show: models minus their controls, and where a model beats a constant."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from benchbert.reports.board import BaselineCheck, BoardRow, Comparison, Leaderboard
from benchbert.reports.estimate import MISSING, estimate_text
from benchbert.reports.section import ReportContext, Section, templates
from benchbert.reports.wording import signed
from benchbert.statistics.differences import NOT_TOLD_APART, PAIRED, Difference
from benchbert.statistics.sides import SEEDS_FOR_METHODS


@dataclass(frozen=True, kw_only=True)
class _Cell:
    """One difference as it is drawn."""

    text: str
    """The difference and its interval; a dash: one of the two has no score."""
    basis: str
    """What the interval is, or why there is no number."""
    mark: str
    """The verdict as a sign; empty: no number."""
    word: str
    """The verdict as a word."""


@dataclass(frozen=True, kw_only=True)
class _Beaten:
    """One model against one baseline."""

    row: BoardRow
    """The model."""
    baseline: BoardRow
    """The baseline."""
    beaten: str
    """`3 of 4`: columns on which the model beats it, of those where both have a score."""
    not_beaten: tuple[str, ...]
    """The other columns, with both scores."""
    uncompared: tuple[str, ...]
    """Columns in which one of the two has no score, with the reason."""


def _render(context: ReportContext) -> Markup | None:
    board = context.board
    if not board.controls and not board.baseline_checks:
        return None
    differences = [d for c in board.controls for d in _differences(c)]
    template = templates().get_template("controls.html.j2")
    return Markup(  # noqa: S704 - the template escapes what it is given
        template.render(
            board=board,
            rows=[(board.row(c.model), board.row(c.control), _cells(c, board)) for c in board.controls],
            kinds=list(dict.fromkeys(d.basis for d in differences)),
            paired=PAIRED if any(d.kind == PAIRED for d in differences) else "",
            tested=any(d.p is not None for d in differences),
            untested=any(d.p is None for d in differences),
            claims=_claims({d.claim for d in differences if d.p is not None}),
            beaten_by_predictions=any(check.difference for check in board.baseline_checks),
            beaten=[_beaten(check, board) for check in board.baseline_checks],
            palette=context.palette,
        )
    )


def _claims(claims: set[str]) -> str:
    """What tested differences are about."""
    if claims == {"models"}:
        return "they are about the models as methods"
    return f"they are about these checkpoints, from {SEEDS_FOR_METHODS} seeds of each on about the models as methods"


def _differences(comparison: Comparison) -> list[Difference]:
    return [*([comparison.macro] if comparison.macro else []), *comparison.columns.values()]


def _cells(comparison: Comparison, board: Leaderboard) -> list[_Cell]:
    """The macro, where the board has one, then the columns."""
    lacking = [board.row(comparison.model), board.row(comparison.control)]
    cells = []
    if board.macro_name:
        missing = "; ".join(f"{row.label} has no score on {', '.join(row.missing)}" for row in lacking if row.missing)
        cells.append(_cell(comparison.macro, "", lower=False, missing=missing))
    for column in board.columns:
        missing = "; ".join(f"{r.label}: {r.absent[column.label]}" for r in lacking if column.label in r.absent)
        found = comparison.columns.get(column.label)
        cells.append(_cell(found, column.unit, lower=column.direction == "lower", missing=missing))
    return cells


def _cell(found: Difference | None, unit: str, *, lower: bool, missing: str) -> _Cell:
    if found is None:
        return _Cell(text=MISSING, basis=missing, mark="", word="")
    if found.verdict == NOT_TOLD_APART:
        mark, word = "≈", "not told apart"
    elif (found.verdict == "above") != lower:
        mark, word = "▲", "better"
    else:
        mark, word = "▼", "worse"
    return _Cell(text=signed(found, unit), basis=found.basis, mark=mark, word=word)


def _beaten(check: BaselineCheck, board: Leaderboard) -> _Beaten:
    row, baseline = board.row(check.model), board.row(check.baseline)
    return _Beaten(
        row=row,
        baseline=baseline,
        beaten=f"{len(check.above)} of {len(check.above) + len(check.not_above)}",
        not_beaten=tuple(
            f"{label}: {estimate_text(row.scores.get(label))} against {estimate_text(baseline.scores.get(label))}"
            for label in check.not_above
        ),
        uncompared=tuple(
            f"{label}: {who.label}, {who.absent[label]}"
            for label in check.uncompared
            for who in (row, baseline)
            if label in who.absent
        ),
    )


REGISTERED = (Section(name="controls", title="Controls and baseline", order=15, render=_render),)
