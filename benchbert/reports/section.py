"""What a section of the report is, and what it may look at.

A section is one file in `sections/` with `REGISTERED = (Section(...),)`; other packages add theirs with an entry point
in the group `benchbert.reports.sections`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from benchbert.reports.ablation import Ablation
from benchbert.reports.board import Leaderboard
from benchbert.reports.palette import FamilyStyle

if TYPE_CHECKING:
    import jinja2
    import pandas as pd

    from benchbert.types import Result

__all__ = ["ReportContext", "Section", "templates"]


@dataclass(frozen=True, kw_only=True)
class ReportContext:
    """Everything a section may draw from."""

    name: str
    """Name of the suite, else of the results folder."""
    frame: pd.DataFrame
    """All values, one a row."""
    results: tuple[Result, ...]
    """The results themselves, for what a table cannot hold."""
    problems: tuple[str, ...]
    """Result files that could not be read, a line each."""
    board: Leaderboard
    """The leaderboard of the frame."""
    palette: Mapping[str, FamilyStyle]
    """Family -> colour and marker."""
    machine: Mapping[str, Any]
    """machine.json; empty: not there."""
    lock: Mapping[str, Any]
    """lock.json; empty: not there."""
    suite: str
    """Text of suite.toml; empty: not there."""
    ablations: tuple[Ablation, ...] = ()
    """What each part of a distillation gives; empty: no distilled student has a control."""

    @property
    def families(self) -> Mapping[str, str]:
        """Model -> family, empty where it is not known."""
        known = {str(m): str(f) for m, f in zip(self.frame["model"], self.frame["family"], strict=True) if f}
        return {str(model): known.get(str(model), "") for model in self.frame["model"]}


@dataclass(frozen=True, kw_only=True)
class Section:
    """One part of the report."""

    name: str
    """Unique; the anchor of the section in the page."""
    title: str
    """Heading."""
    order: int
    """Place in the page: the least comes first."""
    render: Callable[[ReportContext], Markup | None]
    """Its body; None: it has nothing to show here, and is left out."""


@cache
def templates() -> jinja2.Environment:
    """The templates of the report: everything is escaped, an unknown name is an error."""
    import jinja2

    from benchbert.reports.estimate import MISSING, plain, score_text

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("benchbert.reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"MISSING": MISSING, "plain": plain, "score_text": score_text}
    return environment
