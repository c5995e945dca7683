"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["dry_run_option", "mirror_option", "out_option"]

mirror_option = click.option(
    "--mirror",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    envvar="BENCHBERT_MIRROR",
    help="Folder laid out by hub id, used in place of the hub where it has something. [env: BENCHBERT_MIRROR]",
)
out_option = click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Where results go. [default: runs/NAME]"
)
dry_run_option = click.option("--dry-run", is_flag=True, help="List the jobs and stop.")
