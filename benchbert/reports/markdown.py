"""Markdown of text that others wrote: names and texts stay what they are."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["markdown_table", "markdown_text"]


def markdown_text(text: str) -> str:
    """Text as text: no cell ends, no emphasis, no HTML, no line break."""
    escaped = re.sub(r"([\\|`*_~<>#\[\]])", r"\\\1", " ".join(text.split()))
    return escaped.replace("&", "&amp;").replace(r"\<", "&lt;").replace(r"\>", "&gt;")


def markdown_table(heading: Sequence[str], rows: Sequence[Sequence[str]], left: frozenset[str]) -> str:
    """A table of texts; columns whose heading is in `left` are aligned left, the others right."""
    align = [":---" if name in left else "---:" for name in heading]
    escaped = [[markdown_text(cell) for cell in row] for row in (heading, *rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (escaped[0], align, *escaped[1:]))
