"""Verbs for predictions: score anybody's, submit one's own to GLUE."""

from __future__ import annotations

import json
from pathlib import Path

import click

from benchbert.cli.options import mirror_option
from benchbert.cli.output import print_table

__all__ = ["VERBS"]


@click.command()
@click.argument("task")
@click.option("--predictions", required=True, type=click.Path(path_type=Path), help="SQuAD JSON, GLUE TSV or parquet.")
@click.option("--references", type=click.Path(path_type=Path), help="[default: the task's validation split]")
@click.option("--na-prob", type=click.Path(path_type=Path), help="SQuAD 2.0: JSON of no-answer probabilities by id.")
@click.option(
    "--allow-missing", is_flag=True, help="SQuAD: count questions without a prediction as the official scorer does."
)
@click.option("--suite", type=click.Path(path_type=Path), help="TASK is a table of this suite, over your own files.")
@mirror_option
@click.option("--json", "as_json", is_flag=True, help="The official key names.")
def score(
    task: str,
    predictions: Path,
    references: Path | None,
    na_prob: Path | None,
    allow_missing: bool,
    suite: Path | None,
    mirror: Path | None,
    as_json: bool,
) -> int:
    """Score anybody's predictions on TASK (squad, squad_v2, glue/cola, ...)."""
    from benchbert.tasks.score_file import score_predictions

    found = score_predictions(task, predictions, references, na_prob, allow_missing, mirror, suite)
    for warning in found.get("warnings", ()):
        click.echo(f"warning: {warning}", err=True)
    if as_json:
        click.echo(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        print_table(task, [{"name": k, "value": v} for k, v in found.items() if k != "warnings"])
    return 0


@click.command()
@click.argument("results", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="The zip to write, such as glue.zip.")
@click.option("--model", default="", help="Which model. [default: the only one]")
@click.option("--seed", type=int, help="Which of its seeds. [default: the only one]")
@click.option("--check", is_flag=True, help="RESULTS is a zip: say all that the server would refuse.")
@mirror_option
def submit(results: Path, out: Path | None, model: str, seed: int | None, check: bool, mirror: Path | None) -> int:
    """Write GLUE's eleven test files of one model of RESULTS, predicting the test splits on demand."""
    if check:
        from benchbert.tasks.submission_check import validate_submission

        problems = validate_submission(results)
        for problem in problems:
            click.echo(problem)
        if not problems:
            click.echo(f"{results}: nothing in it that the server would refuse")
        return int(bool(problems))
    if out is None:
        raise click.UsageError("--out FILE.zip is needed")
    from rich.console import Console

    from benchbert.execution.submit import submit as make

    made = make(results, out, model=model, seed=seed, mirror=mirror, console=Console(stderr=True))
    rows = f"{sum(made.rows.values()):,} rows in {len(made.rows)} files"
    click.echo(f"{made.path}: {made.model}, seed {made.seed}, {rows}")
    return 0


VERBS = (score, submit)
