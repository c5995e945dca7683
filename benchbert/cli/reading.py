"""Verbs that read results: report, table, compare, retention, audit, export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

__all__ = ["VERBS"]

_results = click.argument("results", type=click.Path(path_type=Path))


@click.command()
@_results
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="[default: RESULTS/report.html]")
def report(results: Path, out: Path | None) -> int:
    """Write the HTML report of a results folder: one file that opens from disk with no network."""
    from benchbert.reports.build import build_report

    click.echo(build_report(results, out or results / "report.html"))
    return 0


@click.command()
@_results
@click.option(
    "--format", "form", type=click.Choice(("markdown", "csv", "latex", "json")), default="markdown", show_default=True
)
def table(results: Path, form: str) -> int:
    """Print the table of a results folder: models against scores and costs."""
    from benchbert.reports.leaderboard import leaderboard_of
    from benchbert.reports.tables import board_table
    from benchbert.store.files import read_results

    for problem in read_results(results).problems:
        click.echo(f"left out: {problem}", err=True)
    click.echo(board_table(leaderboard_of(results), form), nl=False)
    return 0


@click.command()
@_results
@click.option("--models", nargs=2, required=True, metavar="A B", help="Two models, named as on the leaderboard.")
@click.option("--task", help="[default: all that both have predictions on]")
@click.option(
    "--margin",
    type=float,
    help="Also test that A is not worse than B by more: of scores 0.01 is one point; of errors, in their own unit.",
)
@click.option("--examples", type=int, default=10, show_default=True, help="Examples won and lost to list at most.")
@click.option("--format", "form", type=click.Choice(("table", "markdown", "json")), default="table", show_default=True)
def compare(
    results: Path, models: tuple[str, str], task: str | None, margin: float | None, examples: int, form: str
) -> int:
    """Test whether model A differs from B on the examples that both predicted."""
    from benchbert.comparison.compare import compare as compare_models

    _print_compared(compare_models(results, models, task, margin=margin, listed=examples), form)
    return 0


@click.command()
@_results
@click.option("--student", required=True, help="Named as on the leaderboard.")
@click.option("--teacher", required=True, help="Named as on the leaderboard.")
@click.option("--format", "form", type=click.Choice(("table", "markdown", "json")), default="table", show_default=True)
def retention(results: Path, student: str, teacher: str, form: str) -> int:
    """Show what a student keeps of its teacher's scores, and how alike they answer."""
    from benchbert.comparison.retention import retention as kept

    _print_compared(kept(results, student, teacher), form)
    return 0


@click.command()
@_results
@click.option("--format", "form", type=click.Choice(("plain", "markdown")), default="plain", show_default=True)
@click.option("--claims", is_flag=True, help="Check published claims of size, speed and GLUE as well.")
def audit(results: Path, form: str, claims: bool) -> int:
    """Hold scores of published checkpoints against the published ones."""
    from benchbert.reports.audit_text import audit_text, claims_text
    from benchbert.reports.build import read_context
    from benchbert.reports.comparability import strangers

    context = read_context(results)
    strange = strangers(context.lock)
    click.echo(audit_text(context.frame, form, strange), nl=False)
    if claims:
        click.echo("\n" + claims_text(context.frame, form, strange), nl=False)
    return 0


@click.command()
@_results
@click.option("--model", required=True, help="Named as on the leaderboard; a recipe made it.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder to make.")
@click.option("--seed", type=int, help="Of its recipe, where that was carried out with several. [default: the first]")
def export(results: Path, model: str, out: Path, seed: int | None) -> int:
    """Take a model that a recipe made out of RESULTS, with a card of its run, scores and controls."""
    from benchbert.reports.export import export_model

    click.echo(export_model(results, model, out, seed=seed))
    return 0


VERBS = (report, table, compare, retention, audit, export)


def _print_compared(found: Any, form: str) -> None:
    from rich.console import Console

    from benchbert.reports.compared import compared_text, render_compared

    if form != "table":
        click.echo(compared_text(found, form), nl=False)
        return
    console = Console()
    # In a pipe or a log there is no width to fit.
    (console if console.is_terminal else Console(width=240)).print(render_compared(found))
