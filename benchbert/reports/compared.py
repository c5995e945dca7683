"""A comparison or a retention for people and for programs: rich tables, Markdown, JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from benchbert.comparison.compare import Comparison, TaskComparison
from benchbert.comparison.examples import Example
from benchbert.comparison.retention import Kept, Retention
from benchbert.errors import UsageError
from benchbert.reports.estimate import MISSING, significant
from benchbert.reports.markdown import markdown_table, markdown_text
from benchbert.reports.wording import count
from benchbert.statistics.noninferiority import NonInferiority

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["FORMATS", "compared_text", "render_compared"]

Found = Comparison | Retention


@dataclass(frozen=True, kw_only=True)
class _Sheet:
    """One table of texts."""

    title: str
    """What it shows."""
    heading: Sequence[str]
    """Names of its columns."""
    rows: Sequence[Sequence[str]]
    """Its cells."""


_LEFT = frozenset({"Task", "Metric", "Test", "Verdict", "Average", "id", "label"})
"""Columns of text; the others are numbers."""


def render_compared(found: Found) -> RenderableType:
    """A comparison or a retention in a terminal; what stands in square brackets is data, not markup."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    parts: list[RenderableType] = []
    for sheet in _sheets(found):
        table = Table(header_style="bold")
        for name in sheet.heading:
            table.add_column(Text(_printable(name)), justify="left" if _is_text(name, sheet) else "right")
        for row in sheet.rows:
            table.add_row(*(Text(_printable(cell)) for cell in row))
        # Above the table, not in it: a title would be folded to the width of a narrow one.
        parts += [Text(_printable(sheet.title), style="bold"), table]
    return Group(*parts, *(Text(_printable(note), style="dim") for note in found.notes))


def compared_text(found: Found, format: str) -> str:
    """A comparison or a retention as `markdown` or `json`.

    Raises:
        UsageError: another format.
    """
    if format not in FORMATS:
        raise UsageError(f"unknown format {format!r}: use one of {', '.join(FORMATS)}")
    return FORMATS[format](found)


def _markdown(found: Found) -> str:
    blocks = []
    for sheet in _sheets(found):
        right = [not _is_text(name, sheet) for name in sheet.heading]
        table = markdown_table(sheet.heading, sheet.rows, right=right).rstrip("\n")
        blocks.append(f"**{markdown_text(sheet.title)}**\n\n{table}")
    blocks.append("\n".join(f"- {markdown_text(note)}" for note in found.notes))
    return "\n\n".join(blocks) + "\n"


def _json(found: Found) -> str:
    data = {**asdict(found), "notes": list(found.notes)}
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


FORMATS: Mapping[str, Callable[[Found], str]] = {"markdown": _markdown, "json": _json}
"""Name of a format -> what writes it."""


def _sheets(found: Found) -> list[_Sheet]:
    return _of_comparison(found) if isinstance(found, Comparison) else _of_retention(found)


def _is_text(name: str, sheet: _Sheet) -> bool:
    return name in _LEFT or sheet.heading[0] == "id"


def _printable(text: str) -> str:
    """In one line and without control characters, which a terminal would obey."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())


# --- comparison -----------------------------------------------------------------------------------------------------


def _of_comparison(found: Comparison) -> list[_Sheet]:
    ours, theirs = found.models
    heading = ["Task", "Metric", "n", ours, theirs, "Difference", "Test", "p", "p (Holm)", "Won", "Lost", "Verdict"]
    rows = [_task_cells(task, ours) for task in found.tasks]
    margins = [task.non_inferiority for task in found.tasks]
    if any(margins):
        units = {task.unit for task in found.tasks}
        stated = next(m.margin for m in margins if m)
        # One margin, but of what depends on the metric: where metrics have different units the cells say it.
        heading.append(f"Not worse by {_margin(stated, units.pop())}" if len(units) == 1 else "Not worse")
        for row, task in zip(rows, found.tasks, strict=True):
            row.append(("" if not units else f"by {_margin(stated, task.unit)}: ") + _not_worse(task.non_inferiority))
    sheets = [_Sheet(title=f"{ours} against {theirs}", heading=heading, rows=rows)]
    for task in found.tasks:
        for what, total, listed in (
            ("won", task.outcomes.won, task.outcomes.listed_won),
            ("lost", task.outcomes.lost, task.outcomes.listed_lost),
        ):
            if listed:
                title = f"{task.label}: {count(total, 'example')} {what} by {ours}, {len(listed)} shown"
                sheets.append(_examples(title, listed, ours, theirs))
    return sheets


def _task_cells(task: TaskComparison, ours: str) -> list[str]:
    verdict = f"{ours} is {task.verdict}" if task.verdict in {"better", "worse"} else task.verdict
    return [
        task.label + ("" if task.complete else " (sample)"),
        _named(task.metric, task.unit),
        f"{task.examples:,}",
        _score(task.ours, len(task.our_seeds), task.unit),
        _score(task.theirs, len(task.their_seeds), task.unit),
        _number(task.effect, task.low, task.high, sign="+", unit=task.unit),
        f"{task.test} ({task.claim})",
        _p(task.p),
        _p(task.p_adjusted),
        f"{task.outcomes.won:,}",
        f"{task.outcomes.lost:,}",
        verdict,
    ]


def _margin(margin: float, unit: str) -> str:
    return f"{margin:g} {unit}" if unit else f"{100 * margin:g}"


def _not_worse(found: NonInferiority | None) -> str:
    if found is None:
        return MISSING
    if found.p is None:
        return f"not shown ({found.method.partition(':')[0]})"
    return f"{'shown' if found.shown else 'not shown'} (p {_p(found.p)})"


def _examples(title: str, listed: Sequence[Example], ours: str, theirs: str) -> _Sheet:
    rows = [[each.id, each.label, each.ours, each.theirs] for each in listed]
    return _Sheet(title=title, heading=["id", "label", ours, theirs], rows=rows)


# --- retention ------------------------------------------------------------------------------------------------------


def _of_retention(found: Retention) -> list[_Sheet]:
    title = f"What {found.student} keeps of {found.teacher}"
    kept = ["Task", "Metric", "n", found.student, found.teacher, "Kept (%)"]
    alike = ["Agreement (%)", "Right to wrong (%)", "Wrong to right (%)", "ECE student (%)", "ECE teacher (%)"]
    rows = []
    for task in found.tasks:
        a = task.agreement
        shares = (a.agreement, a.flipped_to_wrong, a.flipped_to_right, a.student_ece, a.teacher_ece)
        name = task.label + ("" if task.complete else " (sample)")
        metric = _named(task.metric, task.kept.unit)
        rows.append([name, metric, f"{task.examples:,}", *_kept_cells(task.kept), *(map(_number, shares))])
    sheets = [_Sheet(title=title, heading=[*kept, *alike], rows=rows)]
    if found.averages:
        averages = [[name, *_kept_cells(each)] for name, each in found.averages.items()]
        heading = ["Average", found.student, found.teacher, "Kept (%)"]
        sheets.append(_Sheet(title="GLUE averages by name", heading=heading, rows=averages))
    return sheets


def _kept_cells(kept: Kept) -> list[str]:
    scores = [_number(score, unit=kept.unit) for score in (kept.student, kept.teacher)]
    return [*scores, _number(kept.share, kept.low, kept.high)]


# --- numbers --------------------------------------------------------------------------------------------------------


def _named(metric: str, unit: str) -> str:
    return f"{metric} ({unit})" if unit else metric


def _score(value: float | None, seeds: int, unit: str) -> str:
    return _number(value, unit=unit) + (f" ({count(seeds, 'seed')})" if seeds > 1 else "")


def _number(
    value: float | None, low: float | None = None, high: float | None = None, sign: str = "", unit: str = ""
) -> str:
    """A score, difference or share times 100 with one decimal, its interval in brackets.

    What has a unit is given in that, with three significant digits.
    """
    if value is None:
        return MISSING

    def text(number: float, sign: str = "") -> str:
        if unit:
            return ("+" if sign and number > 0 else "") + significant(number)
        # Adding 0 makes of -0.0 what people expect.
        return f"{round(100 * number, 1) + 0.0:{sign}.1f}"

    return text(value, sign) if low is None or high is None else f"{text(value, sign)} [{text(low)}, {text(high)}]"


def _p(p: float | None) -> str:
    return MISSING if p is None else "<0.0001" if p < 1e-4 else f"{p:.4f}"
