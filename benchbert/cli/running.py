"""Verbs that carry something out: run, profile, distill."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchbert.cli.options import dry_run_option, mirror_option, out_option
from benchbert.cli.output import print_budget
from benchbert.errors import UsageError

if TYPE_CHECKING:
    from benchbert.execution.local import Tally
    from benchbert.execution.session import Prepared

__all__ = ["VERBS"]


@click.command()
@click.argument("suite")
@mirror_option
@out_option
@click.option("--only", default="", metavar="GLOB", help="Only jobs whose name matches, and what they stand on.")
@dry_run_option
def run(suite: str, mirror: Path | None, out: Path | None, only: str, dry_run: bool) -> int:
    """Run SUITE, a TOML file or the name of one that comes with benchbert."""
    from benchbert.execution.session import prepare

    return _carry_out(prepare(suite, mirror=mirror, out=out, only=only), dry_run=dry_run)


@click.command()
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
@mirror_option
@out_option
@dry_run_option
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


@click.command()
@click.argument("recipe", required=False)
@click.option("--preset", metavar="NAME", help="In place of RECIPE: a method from `benchbert list presets`.")
@click.option("--teacher", help="With --preset: a registered model, the folder of a model, or a recipe.")
@click.option("--corpus", help="With --preset: a dataset, or a file or folder of texts. [default: the teacher's]")
@click.option("--student", help="With --preset: the registered model whose architecture the student has.")
@click.option("--layers", type=int, help="With --preset: layers of the student. [default: half its teacher's]")
@mirror_option
@out_option
@click.option(
    "--minutes",
    type=float,
    help="Make the phases of RECIPE, and of what it stands on, as long as fits; decided once, from a measurement.",
)
@click.option(
    "--calibration",
    type=float,
    default=30.0,
    show_default=True,
    help="Seconds of optimizer steps that --minutes are decided from.",
)
@click.option("--dry-run", is_flag=True, help="List the jobs and stop; with --minutes also what fits them.")
@click.option("--json", "as_json", is_flag=True, help="With --minutes --dry-run: what fits, as an object.")
def distill(
    recipe: str | None, preset: str | None, teacher: str | None, dry_run: bool, as_json: bool, **options: Any
) -> int:
    """Make the model of RECIPE (a TOML file or a name from `benchbert list recipes`) and the teachers it stands on."""
    import tempfile

    from benchbert.execution.preset_recipe import PresetWishes, write_preset_recipe

    wishes = {key: options.pop(key) for key in ("corpus", "student", "layers")}
    given = {key: value for key, value in wishes.items() if value is not None}
    if recipe is not None and preset is None:
        if teacher is not None or given:
            raise UsageError("--teacher, --corpus, --student and --layers go with --preset; a recipe says its own")
        return _distill(recipe, dry_run=dry_run, as_json=as_json, **options)
    if recipe is not None or preset is None or teacher is None:
        raise UsageError("give either RECIPE, or --preset and --teacher")
    with tempfile.TemporaryDirectory(prefix="benchbert-") as place:
        path = write_preset_recipe(PresetWishes(preset=preset, teacher=teacher, **given), Path(place))
        return _distill(str(path), dry_run=dry_run, as_json=as_json, **options)


def _distill(
    recipe: str,
    *,
    mirror: Path | None,
    out: Path | None,
    minutes: float | None,
    calibration: float,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Carries out a recipe, within its minutes where it has any."""
    from rich.console import Console

    from benchbert.execution.minutes import fit_minutes, minutes_of
    from benchbert.execution.session import prepare_recipe

    wanted = minutes_of(recipe) if minutes is None else minutes
    if as_json and not (dry_run and wanted):
        raise UsageError("--json is for --minutes with --dry-run: give both")
    if minutes is None and not wanted:
        prepared = prepare_recipe(recipe, mirror=mirror, out=out)
    else:
        fitted = fit_minutes(recipe, wanted, mirror=mirror, out=out, seconds=calibration, console=Console(stderr=True))
        prepared = fitted.prepared
        if as_json:
            click.echo(json.dumps(asdict(fitted.plan), indent=1, ensure_ascii=False))
            return 0
        print_budget(fitted.plan, known=fitted.known)
        if not dry_run:
            fitted.keep()
    code = _carry_out(prepared, dry_run=dry_run, board=False)
    if not dry_run and code == 0:
        click.echo(f"model: {prepared.out / 'artefacts' / prepared.plan.jobs[-1].short_id}")
    return code


VERBS = (run, profile, distill)


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
    from benchbert.reports.leaderboard import leaderboard_of
    from benchbert.reports.terminal import render_terminal

    console = Console()
    # In a pipe or a log there is no width to fit.
    (console if console.is_terminal else Console(width=200)).print(render_terminal(leaderboard_of(folder)))
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
