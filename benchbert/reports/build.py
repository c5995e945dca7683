"""Writes the report: one HTML file that opens from disk with no network, whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from markupsafe import Markup

from benchbert.comparison.judge import judge_of
from benchbert.errors import StoreError
from benchbert.registry import entries
from benchbert.reports.ablation import ablations_of
from benchbert.reports.leaderboard import leaderboard
from benchbert.reports.palette import palette_of
from benchbert.reports.section import ReportContext, Section, templates
from benchbert.store.files import read_results, writing

__all__ = ["build_report", "read_context"]

_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)


def build_report(results_folder: Path, out: Path) -> Path:
    """Writes the report of a results folder.

    Args:
        results_folder: a run folder; suite.toml, lock.json and machine.json in it are shown where they are there.
        out: the HTML file; its folder is made.

    Returns:
        `out`.

    Raises:
        StoreError: no such folder, nothing in it that can be read, or `out` cannot be written.
    """
    context = read_context(results_folder)
    page = _page(context)
    try:
        with writing(out) as temporary:
            temporary.write_text(page, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{out}: the report cannot be written ({error.strerror}); name another file") from error
    return out


def read_context(folder: Path) -> ReportContext:
    """What the sections draw from.

    Raises:
        StoreError: no such folder, or nothing in it that can be read.
    """
    from benchbert.store.frame import to_frame

    read = read_results(folder)
    if not read.results:
        raise StoreError("\n".join([f"{folder}: no result in it can be read", *read.problems]))
    results = tuple(sorted(read.results, key=lambda result: result.started_at))
    frame = to_frame(results)
    lock, problems = _json(folder / "lock.json")
    machine, more = _json(folder / "machine.json")
    judge = judge_of(folder, read)
    board = leaderboard(frame, judge)
    return ReportContext(
        name=str(lock.get("suite") or folder.resolve().name),
        frame=frame,
        results=results,
        problems=tuple(Path(p.split(": ", 1)[0]).name + ": " + p.partition(": ")[2] for p in read.problems)
        + problems
        + more,
        board=board,
        palette=palette_of(str(family) for family in frame["family"]),
        machine=machine,
        lock=lock,
        suite=_text(folder / "suite.toml"),
        ablations=ablations_of(board, frame, lock, judge),
    )


def _page(context: ReportContext) -> str:
    from plotly.offline import get_plotlyjs

    sections: list[Section] = sorted(entries("sections").values(), key=lambda section: (section.order, section.name))
    rendered = [(section, body) for section in sections if (body := section.render(context)) is not None]
    has_figures = any('class="figure"' in body for _, body in rendered)
    return (
        templates()
        .get_template("page.html.j2")
        .render(
            title=f"{context.name}: benchbert report",
            name=context.name,
            policy=_POLICY,
            sections=rendered,
            # The library is our own dependency, not data: it goes in as it is, and only where a chart needs it.
            plotly=Markup(get_plotlyjs()) if has_figures else "",  # noqa: S704
        )
    )


def _json(path: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """A JSON object beside the results, with a line if it is there but cannot be used."""
    if not path.exists():
        return {}, ()
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}, (f"{path.name}: is damaged and was left out",)
    return (value, ()) if isinstance(value, dict) else ({}, (f"{path.name}: is no JSON object and was left out",))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
