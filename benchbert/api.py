"""A run from Python: the same as `benchbert run`, with its results as a table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchbert.suite import Suite

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["run"]


def run(
    suite: str | Path | Mapping[str, Any] | Suite,
    *,
    mirror: str | Path | None = None,
    out: str | Path | None = None,
    only: str = "",
    progress: bool = True,
) -> pd.DataFrame:
    """Runs a suite and returns its results, one row a value; see `benchbert.load_results` for the columns.

    Args:
        suite: a file, the name of one that comes with benchbert, or a mapping with the keys of a suite file.
        mirror: folder laid out by hub id that is used in place of the hub where it has something.
        out: run folder; None: `runs/<suite>`. What is stored there already is not run again.
        only: glob over the slugs of jobs; empty: all.
        progress: whether to show progress on stderr.

    Raises:
        UsageError: the suite has problems, or nothing to do. Failed jobs do not raise: they are rows with their status.
    """
    from rich.console import Console

    from benchbert.execution.session import prepare, run_prepared
    from benchbert.reports.build import build_report
    from benchbert.store.frame import load_results

    prepared = prepare(suite, mirror=Path(mirror) if mirror else None, out=Path(out) if out else None, only=only)
    run_prepared(prepared, Console(stderr=True) if progress else None)
    build_report(prepared.out, prepared.out / "report.html")
    return load_results(prepared.out)
