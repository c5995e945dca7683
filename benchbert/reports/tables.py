"""The leaderboard as text that people paste: Markdown, CSV, LaTeX (booktabs) and JSON.

Markdown and LaTeX show what a reader needs (scores times 100, intervals in brackets); CSV and JSON hold the numbers as
measured, the ends of an interval in columns of their own.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from benchbert.errors import UsageError
from benchbert.reports.board import BoardRow, Leaderboard
from benchbert.reports.estimate import MISSING, Estimate, plain, score_text
from benchbert.reports.findings import findings, headline
from benchbert.reports.leaderboard import leaderboard
from benchbert.reports.markdown import markdown_table, markdown_text
from benchbert.reports.notes import not_ranked_notes
from benchbert.reports.terminal import cell_score

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FORMATS", "board_table", "table"]


def table(frame: pd.DataFrame, format: str = "markdown") -> str:
    """Models x (scores and costs) with intervals, ranked by these alone.

    Args:
        frame: as `benchbert.load_results` gives it.
        format: a key of `FORMATS`.

    Raises:
        UsageError: another format.
    """
    return board_table(leaderboard(frame), format)


def board_table(board: Leaderboard, format: str = "markdown") -> str:
    """The same of a leaderboard, such as `leaderboard_of` makes of a results folder.

    Raises:
        UsageError: another format.
    """
    if format not in FORMATS:
        raise UsageError(f"unknown table format {format!r}: use one of {', '.join(FORMATS)}")
    return FORMATS[format](board)


def _readable(board: Leaderboard) -> tuple[list[str], list[list[str]]]:
    """Heading and rows for people; columns without any number are left out."""
    columns: list[tuple[str, list[str]]] = [
        ("Rank", [board.rank_text(row) for row in board.rows]),
        ("Model", [row.label for row in board.rows]),
        ("Family", [row.family for row in board.rows]),
        ("Weights", [row.weights for row in board.rows]),
    ]
    for column in board.columns:
        heading = f"{column.label} ({column.metric}{', sample' if column.is_sample else ''})"
        columns.append((heading, [cell_score(row, column) for row in board.rows]))
    if board.macro_name:
        columns.append((board.macro_name.capitalize(), [score_text(row.macro) for row in board.rows]))
    for mean in board.averages:
        columns.append((f"GLUE average {mean.name}", [score_text(mean.scores.get(row.label)) for row in board.rows]))
    costs: list[tuple[str, list[Estimate | None]]] = [
        ("Latency (ms)", [row.latency for row in board.rows]),
        ("Peak memory (MiB)", [row.memory for row in board.rows]),
        ("Parameters (M)", [_millions(row) for row in board.rows]),
    ]
    columns += [(heading, [plain(e) for e in cells]) for heading, cells in costs if any(cells)]
    return [heading for heading, _ in columns], [list(cells) for cells in zip(*(c for _, c in columns), strict=True)]


def _millions(row: BoardRow) -> Estimate | None:
    return None if row.parameters is None else Estimate(value=row.parameters / 1e6)


def _notes(board: Leaderboard) -> list[str]:
    """The sentences that go with the table, what it shows first; none with an empty one."""
    if not board.rows:
        return []
    return [f"{headline(board)}.", *findings(board), *board.notes, *not_ranked_notes(board)]


# --- Markdown -------------------------------------------------------------------------------------------------------


def _markdown(board: Leaderboard) -> str:
    heading, rows = _readable(board)
    left = {"Model", "Family", "Weights"}
    text = markdown_table(heading, rows, right=[name not in left for name in heading])
    notes = "\n".join(f"- {markdown_text(note)}" for note in _notes(board))
    return f"{text}\n{notes}\n" if notes else text


# --- LaTeX ----------------------------------------------------------------------------------------------------------

_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "[": "{[}",
    "]": "{]}",
    MISSING: "--",
}


def _latex(board: Leaderboard) -> str:
    heading, rows = _readable(board)
    align = "".join("l" if name in {"Model", "Family", "Weights"} else "r" for name in heading)
    body = [" & ".join(map(_latex_text, cells)) + r" \\" for cells in (heading, *rows)]
    lines = [
        "% needs \\usepackage{booktabs} and \\usepackage[T1]{fontenc}",
        rf"\begin{{tabular}}{{{align}}}",
        r"\toprule",
        body[0],
        r"\midrule",
        *body[1:],
        r"\bottomrule",
        r"\end{tabular}",
        *(f"% {' '.join(note.split())}" for note in _notes(board)),
    ]
    return "\n".join(lines) + "\n"


def _latex_text(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in " ".join(text.split()))


# --- CSV and JSON ---------------------------------------------------------------------------------------------------

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "＝", "＋", "－", "＠")


def _csv(board: Leaderboard) -> str:
    heading = ["rank", "unranked", "model", "family", "weights", "control_of", "parameters", "rank_high"]
    named: list[tuple[str, list[Estimate | None]]] = []
    for column in board.columns:
        named.append((f"{column.label} {column.metric}", [row.scores.get(column.label) for row in board.rows]))
    if board.macro_name:
        named.append((board.macro_name, [row.macro for row in board.rows]))
    named += [
        (f"glue_average {mean.name}", [mean.scores.get(row.label) for row in board.rows]) for mean in board.averages
    ]
    named += [("latency_ms", [row.latency for row in board.rows]), ("memory_mib", [row.memory for row in board.rows])]
    for name, _ in named:
        heading += [name, f"{name} ci_low", f"{name} ci_high", f"{name} ci_kind", f"{name} sd"]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([_csv_cell(name) for name in heading])
    for i, row in enumerate(board.rows):
        cells: list[Any] = [row.rank, row.unranked, row.label, row.family, row.weights]
        cells += [row.control_of, row.parameters, row.rank_high]
        for _, estimates in named:
            cells += _csv_estimate(estimates[i])
        writer.writerow([_csv_cell(cell) for cell in cells])
    return stream.getvalue()


def _csv_estimate(estimate: Estimate | None) -> Sequence[Any]:
    if estimate is None:
        return [""] * 5
    return estimate.value, estimate.low, estimate.high, estimate.kind, "" if estimate.sd is None else estimate.sd


def _csv_cell(cell: object) -> object:
    """A cell in one line that no spreadsheet takes for a formula: text that starts like one gets an apostrophe."""
    if not isinstance(cell, str):
        return cell
    line = re.sub(r"[\r\n\x00]+", " ", cell)
    return f"'{line}" if line.lstrip(" \u00a0\ufeff").startswith(_FORMULA_STARTS) else line


def _json(board: Leaderboard) -> str:
    data = asdict(board)
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


FORMATS: dict[str, Callable[[Leaderboard], str]] = {
    "markdown": _markdown,
    "csv": _csv,
    "latex": _latex,
    "json": _json,
}
"""Name of a format -> what writes a board in it."""
