"""Verbs that say what there is: list, doctor."""

from __future__ import annotations

import json
from pathlib import Path

import click

from benchbert.cli.options import mirror_option
from benchbert.cli.output import print_table
from benchbert.errors import LISTED, UsageError

__all__ = ["VERBS"]


@click.command("list")
@click.argument("kind", type=click.Choice(LISTED))
@mirror_option
@click.option("--json", "as_json", is_flag=True, help="A list of objects.")
def list_(kind: str, mirror: Path | None, as_json: bool) -> int:
    """Show what there is: models, tasks, suites, profilers, backends, recipes or presets."""
    from benchbert.listing import rows

    found = rows(kind, mirror)
    if as_json:
        click.echo(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        print_table(kind, found)
    return 0


@click.command()
@mirror_option
@click.option("--json", "as_json", is_flag=True, help="A list of objects.")
@click.option(
    "--benchmark",
    type=click.Choice(("quick", "default", "full")),
    is_flag=False,
    flag_value="default",
    help="Measure the engine beside transformers.Trainer instead (checkouts only): about ten minutes, or in this mode.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="With --benchmark: where the table goes. [default: results/engine/MACHINE]",
)
def doctor(mirror: Path | None, as_json: bool, benchmark: str | None, out: Path | None) -> int:
    """Say what this machine is and what works on it."""
    from dataclasses import asdict

    from benchbert.doctor import examine, run_benchmark

    if benchmark:
        return run_benchmark(benchmark, out, mirror)
    if out is not None:
        raise UsageError("--out is where the table of --benchmark goes: give both")
    findings = [asdict(finding) for finding in examine(mirror)]
    if as_json:
        click.echo(json.dumps(findings, indent=1, ensure_ascii=False))
    else:
        print_table("doctor", findings)
    return int(any(finding["state"] == "problem" for finding in findings))


VERBS = (list_, doctor)
