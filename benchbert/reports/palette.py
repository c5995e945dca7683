"""One colour and one marker for each model family, in every chart and table of a report.

The colours are those of Okabe and Ito (2008), distinct under the common forms of colour blindness; the marker says the
same once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = ["FamilyStyle", "palette_of"]


@dataclass(frozen=True, kw_only=True)
class FamilyStyle:
    """How a family is drawn."""

    colour: str
    """Hexadecimal RGB, readable on a light and on a dark ground."""
    marker: str
    """Plotly symbol."""
    glyph: str
    """The same symbol as text."""


_STYLES = (
    FamilyStyle(colour="#0072B2", marker="circle", glyph="●"),
    FamilyStyle(colour="#D55E00", marker="square", glyph="■"),
    FamilyStyle(colour="#009E73", marker="diamond", glyph="◆"),
    FamilyStyle(colour="#CC79A7", marker="triangle-up", glyph="▲"),
    FamilyStyle(colour="#C98500", marker="triangle-down", glyph="▼"),
    FamilyStyle(colour="#56B4E9", marker="pentagon", glyph="⬟"),
    FamilyStyle(colour="#8A8A8A", marker="hexagon", glyph="⬢"),
    FamilyStyle(colour="#B2594B", marker="star", glyph="★"),
)
_KNOWN = {"bert": 0, "distilbert": 1, "albert": 2, "mobilebert": 3, "tinybert": 4, "minilm": 5}


def palette_of(families: Iterable[str]) -> Mapping[str, FamilyStyle]:
    """Family -> style. The known families always look the same; others take what is left, in alphabetical order."""
    names = sorted(set(families))
    others = [name for name in names if name not in _KNOWN]
    free = _STYLES[len(_KNOWN) :] + _STYLES[: len(_KNOWN)]
    return {name: _STYLES[_KNOWN[name]] if name in _KNOWN else free[others.index(name) % len(free)] for name in names}
