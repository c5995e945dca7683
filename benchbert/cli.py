"""The command line: each verb a few lines that call the package, which is imported only when a verb needs it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchbert.errors import LISTED, BenchbertError

if TYPE_CHECKING:
    from benchbert.execution.local import Tally
    from benchbert.execution.session import Prepared

__all__ = ["cli", "main"]

_FORMATS = ("markdown", "csv", "latex", "json")

_mirror = click.option(
    "--mirror",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    envvar="BENCHBERT_MIRROR",
    help="Folder laid out by hub id, used in place of the hub where it has something. [env: BENCHBERT_MIRROR]",
)
_out = click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Where results go. [default: runs/NAME]"
)
_dry_run = click.option("--dry-run", is_flag=True, help="List the jobs and stop.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="benchbert")
def cli() -> None:
    """Which compact BERT should I ship? Accuracy, latency, memory and the cost of distillation, on this machine."""


@cli.command()
@click.argument("suite")
@_mirror
@_out
@click.option("--only", default="", metavar="GLOB", help="Only jobs whose name matches, and what they stand on.")
@_dry_run
def run(suite: str, mirror: Path | None, out: Path | None, only: str, dry_run: bool) -> int:
    """Run SUITE, a TOML file or the name of one that comes with benchbert."""
    from benchbert.execution.session import prepare

    return _carry_out(prepare(suite, mirror=mirror, out=out, only=only), dry_run=dry_run)


@cli.command("list")
@click.argument("kind", type=click.Choice(LISTED))
@_mirror
@click.option("--json", "as_json", is_flag=True, help="A list of objects.")
def list_(kind: str, mirror: Path | None, as_json: bool) -> int:
    """Show what there is: models, tasks, suites, profilers, backends or recipes."""
    from benchbert.listing import rows

    found = rows(kind, mirror)
    if as_json:
        click.echo(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        _print_table(kind, found)
    return 0


@cli.command()
@click.argument("models", nargs=-1, required=True)
@click.option("--profiler", "profilers", multiple=True, help="Repeat for several. [default: latency, memory, size]")
@click.option("--backend", "backends", multiple=True, default=("eager",), show_default=True)
@click.option("--device", "devices", multiple=True, default=("cpu",), show_default=True)
@click.option("--dtype", "dtypes", multiple=True, default=("float32",), show_default=True)
@click.option("--batch-size", "batch_sizes", type=int, multiple=True, default=(1,), show_default=True)
@click.option("--sequence-length", "sequence_lengths", type=int, multiple=True, default=(128,), show_default=True)
@click.option("--threads", type=int, multiple=True, default=(1,), show_default=True)
@click.option("--processes", type=int, default=1, show_default=True, help="Fresh processes a timed cell; 5 to publish.")
@click.option(
    "--weights",
    type=click.Choice(["random", "published"]),
    default="random",
    show_default=True,
    help="Speed does not depend on the weights, so nothing is downloaded unless you ask.",
)
@_mirror
@_out
@_dry_run
def profile(
    models: tuple[str, ...], weights: str, mirror: Path | None, out: Path | None, dry_run: bool, **grid: Any
) -> int:
    """Profile MODELS (registered names, globs, or checkpoint folders) on this machine."""
    from benchbert.execution.session import prepare

    grid["profilers"] = grid["profilers"] or ("latency", "memory", "size")
    entries = [{"name": Path(m).name, "folder": str(Path(m).resolve())} if Path(m).is_dir() else m for m in models]
    suite = {
        "name": "profile",
        "models": entries,
        "weights": weights,
        "profile": {k: _listed(v) for k, v in grid.items()},
    }
    return _carry_out(prepare(suite, mirror=mirror, out=out), dry_run=dry_run)


@cli.command()
@click.argument("recipe")
@_mirror
@_out
@_dry_run
def distill(recipe: str, mirror: Path | None, out: Path | None, dry_run: bool) -> int:
    """Make the model of RECIPE (a TOML file or a name from `benchbert list recipes`) and the teachers it stands on."""
    from benchbert.execution.session import prepare_recipe

    prepared = prepare_recipe(recipe, mirror=mirror, out=out)
    code = _carry_out(prepared, dry_run=dry_run, board=False)
    if not dry_run and code == 0:
        click.echo(f"model: {prepared.out / 'artefacts' / prepared.plan.jobs[-1].short_id}")
    return code


@cli.command()
@click.argument("results", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="[default: RESULTS/report.html]")
def report(results: Path, out: Path | None) -> int:
    """Write the HTML report of a results folder: one file that opens from disk with no network."""
    from benchbert.reports.build import build_report

    click.echo(build_report(results, out or results / "report.html"))
    return 0


@cli.command()
@click.argument("results", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(_FORMATS), default="markdown", show_default=True)
def table(results: Path, form: str) -> int:
    """Print the table of a results folder: models against scores and costs."""
    from benchbert.reports.tables import table as make_table
    from benchbert.store.files import read_results
    from benchbert.store.frame import load_results

    for problem in read_results(results).problems:
        click.echo(f"left out: {problem}", err=True)
    click.echo(make_table(load_results(results), form), nl=False)
    return 0


@cli.command()
@_mirror
@click.option("--json", "as_json", is_flag=True, help="A list of objects.")
def doctor(mirror: Path | None, as_json: bool) -> int:
    """Say what this machine is and what works on it."""
    from dataclasses import asdict

    from benchbert.doctor import examine

    findings = [asdict(finding) for finding in examine(mirror)]
    if as_json:
        click.echo(json.dumps(findings, indent=1, ensure_ascii=False))
    else:
        _print_table("doctor", findings)
    return int(any(finding["state"] == "problem" for finding in findings))


@cli.command()
@click.argument("task")
@click.option("--predictions", required=True, type=click.Path(path_type=Path), help="SQuAD JSON, GLUE TSV or parquet.")
@click.option("--references", type=click.Path(path_type=Path), help="[default: the task's validation split]")
@click.option("--na-prob", type=click.Path(path_type=Path), help="SQuAD 2.0: JSON of no-answer probabilities by id.")
@click.option(
    "--allow-missing", is_flag=True, help="SQuAD: count questions without a prediction as the official scorer does."
)
@_mirror
@click.option("--json", "as_json", is_flag=True, help="The official key names.")
def score(
    task: str,
    predictions: Path,
    references: Path | None,
    na_prob: Path | None,
    allow_missing: bool,
    mirror: Path | None,
    as_json: bool,
) -> int:
    """Score anybody's predictions on TASK (squad, squad_v2, glue/cola, ...)."""
    from benchbert.tasks.score_file import score_predictions

    found = score_predictions(task, predictions, references, na_prob, allow_missing, mirror)
    for warning in found.get("warnings", ()):
        click.echo(f"warning: {warning}", err=True)
    if as_json:
        click.echo(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        _print_table(task, [{"name": k, "value": v} for k, v in found.items() if k != "warnings"])
    return 0


# --- shared -----------------------------------------------------------------------------------------------------------


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _carry_out(prepared: Prepared, *, dry_run: bool, board: bool = True) -> int:
    """Runs, prints the leaderboard, writes the report; the exit code says whether every job ended well."""
    from rich.console import Console

    if dry_run:
        for job in prepared.plan.jobs:
            click.echo(f"{job.slug}" + (f"  (cannot run: {job.blocked})" if job.blocked else ""))
        return 0
    from benchbert.execution.session import run_prepared

    tally = run_prepared(prepared, Console(stderr=True))
    if board:
        _show(prepared.out, nothing_new=not tally.done and not tally.failed)
    _print_tally(tally)
    return int(bool(tally.failed))


def _show(folder: Path, *, nothing_new: bool) -> None:
    from rich.console import Console

    from benchbert.reports.build import build_report
    from benchbert.reports.leaderboard import leaderboard
    from benchbert.reports.terminal import render_terminal
    from benchbert.store.frame import load_results

    console = Console()
    # In a pipe or a log there is no width to fit.
    (console if console.is_terminal else Console(width=200)).print(render_terminal(leaderboard(load_results(folder))))
    page = folder / "report.html"
    if not nothing_new or not page.exists():
        build_report(folder, page)
    click.echo(f"report: {page}")


def _print_tally(tally: Tally) -> None:
    for line in tally.damaged:
        click.echo(f"made anew: {line}", err=True)
    parts = [f"{tally.done} done", f"{tally.skipped} already stored", f"{len(tally.failed)} failed"]
    click.echo(", ".join(parts), err=True)
    for slug, why in list(tally.failed.items())[:20]:
        click.echo(f"failed: {slug}: {why}", err=True)


def _print_table(title: str, found: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    columns = list(dict.fromkeys(key for row in found for key in row))
    numeric = {c for c in columns if any(isinstance(r.get(c), int | float) for r in found)}
    for column in columns:
        table.add_column(column, justify="right" if column in numeric else "left", overflow="fold")
    for row in found:
        # Text, not str: what stands in square brackets is data here, not markup.
        table.add_row(*(Text(_cell(row.get(column))) for column in columns))
    console = Console()
    # In a pipe or a log there is no width to fit: nothing is folded.
    (console if console.is_terminal else Console(width=400)).print(table)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def main() -> None:
    """Entry point: what a user can mend is one clear line and an exit code, never a traceback."""
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.Exit as stop:
        code = stop.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (KeyboardInterrupt, click.exceptions.Abort):
        click.echo("stopped; the same command goes on from here", err=True)
        code = 130
    except BenchbertError as error:
        click.echo(f"error: {error}", err=True)
        code = error.exit_code
    except BrokenPipeError:
        # The reader of a pipe (`| head`) has gone; closing stdout must not complain once more.
        sys.stderr.close()
        code = 141
    sys.exit(code if isinstance(code, int) else 0)
