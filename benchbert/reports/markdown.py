"""Tables as text: Markdown for documents, aligned columns for terminals."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["markdown_table", "markdown_text", "plain_table"]


def markdown_text(text: str) -> str:
    """Text as text: no cell ends, no emphasis, no HTML, no line break."""
    escaped = re.sub(r"([\\|`*_~<>#\[\]])", r"\\\1", " ".join(text.split()))
    return escaped.replace("&", "&amp;").replace(r"\<", "&lt;").replace(r"\>", "&gt;")


def markdown_table(heading: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[bool]) -> str:
    """A Markdown table, a line end after its last row.

    Args:
        heading: names of the columns.
        rows: cells, as many as names.
        right: which columns are set to the right.
    """
    align = ["---:" if to_the_right else ":---" for to_the_right in right]
    lines = [[markdown_text(cell) for cell in heading], align, *([markdown_text(c) for c in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def plain_table(heading: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[bool]) -> str:
    """The same table in aligned columns, without control characters, which a terminal would obey."""
    lines = [
        ["".join(c for c in " ".join(cell.split()) if c.isprintable()) for cell in line] for line in (heading, *rows)
    ]
    widths = [max(len(line[i]) for line in lines) for i in range(len(heading))]
    return "".join(
        "  ".join(
            cell.rjust(width) if to_the_right else cell.ljust(width)
            for cell, width, to_the_right in zip(line, widths, right, strict=True)
        ).rstrip()
        + "\n"
        for line in lines
    )
