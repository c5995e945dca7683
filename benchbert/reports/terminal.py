"""The leaderboard in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchbert.reports.board import BoardRow, Leaderboard, ScoreColumn
from benchbert.reports.estimate import plain, score_text
from benchbert.reports.findings import findings, headline
from benchbert.reports.notes import not_ranked_notes

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["cell_score", "render_terminal"]


def cell_score(row: BoardRow, column: ScoreColumn, *, interval: bool = True) -> str:
    """A score as text: times 100, or in its unit."""
    estimate = row.scores.get(column.label)
    return plain(estimate, interval=interval) if column.unit else score_text(estimate, interval=interval)


def render_terminal(board: Leaderboard) -> RenderableType:
    """What the board shows in a few sentences, the board as a rich table, its notes, and who is not ranked and why.

    Every name is drawn as text: square brackets in it are no markup, control characters are dropped.
    """
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(title="Leaderboard", header_style="bold", show_lines=False)
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("model", overflow="fold", min_width=10)
    table.add_column("weights")
    for column in board.columns:
        sample = "\n(sample)" if column.is_sample else ""
        # One part of the name a line: a table of a whole suite still fits a narrow terminal.
        heading = column.label.replace("/", "/\n").replace("_correlation", "")
        table.add_column(Text(_clean(f"{heading}\n{column.metric}{sample}")), justify="right", min_width=7)
    if board.macro_name:
        table.add_column(board.macro_name.replace(" over ", "\nover "), justify="right", min_width=7)
    costs = [
        ("latency\nms", [row.latency for row in board.rows], 1.0),
        ("peak memory\nMiB", [row.memory for row in board.rows], 1.0),
    ]
    costs = [cost for cost in costs if any(cost[1])]
    for heading, _, _ in costs:
        table.add_column(heading, justify="right")
    for i, row in enumerate(board.rows):
        cells = [board.rank_text(row), _clean(row.label), row.weights]
        cells += [cell_score(row, column) for column in board.columns]
        cells += [score_text(row.macro)] if board.macro_name else []
        cells += [plain(estimates[i], scale=scale) for _, estimates, scale in costs]
        style = "dim" if row.rank is None and board.ranked else ""
        table.add_row(*(Text(cell) for cell in cells), style=style)
    first = [Text(_clean(f"{headline(board)}."), style="bold"), *(Text(_clean(each)) for each in findings(board))]
    notes = [Text(_clean(note), style="dim") for note in (*board.notes, *not_ranked_notes(board))]
    return Group(*first, table, *notes)


def _clean(text: str) -> str:
    """Without control characters, which a terminal would obey."""
    return "".join(c for c in text if c.isprintable() or c == "\n")
