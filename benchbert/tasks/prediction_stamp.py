"""What a stored file of predictions says of itself: its task and the version of it, as metadata of the parquet file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from benchbert.errors import DataError
from benchbert.types import Task

if TYPE_CHECKING:
    import pyarrow

__all__ = ["require_version", "stamped"]

_KEY = b"benchbert"


def stamped(predictions: pyarrow.Table, task: Task) -> pyarrow.Table:
    """The same table, saying of which task and version it is."""
    stamp = json.dumps({"task": task.name, "version": task.version}).encode()
    return predictions.replace_schema_metadata({**(predictions.schema.metadata or {}), _KEY: stamp})


def require_version(task: Task, path: Path) -> None:
    """Predictions of another task, or that another version of it decoded, are not scored by this one.

    Files without a stamp pass: they are somebody's own.

    Raises:
        DataError: the file is a run's, of another task or in another version, or its stamp is damaged.
    """
    import pyarrow as pa
    from pyarrow import parquet

    if path.suffix.lower() != ".parquet" or not path.is_file():
        return
    try:
        stamp = (parquet.read_schema(path).metadata or {}).get(_KEY)
    except (pa.ArrowException, OSError):
        # Whoever reads the rows says what is wrong with the file.
        return
    if stamp is None:
        return
    name, version = _said(path, stamp)
    if name != task.name:
        raise DataError(f"{path}: its predictions are of {name}, not of {task.name}: score them as what they are")
    if version != task.version:
        raise DataError(
            f"{path}: its predictions are of version {version} of {task.name}, this benchbert has version "
            f"{task.version}: run the suite again to predict anew"
        )


def _said(path: Path, stamp: bytes) -> tuple[str, int]:
    """Task and version that a stamp names."""
    try:
        said = json.loads(stamp)
        name, version = said["task"], said["version"]
    except (ValueError, RecursionError, TypeError, KeyError):
        name = version = None
    if not isinstance(name, str) or isinstance(version, bool) or not isinstance(version, int):
        raise DataError(f"{path}: what it says of its task is damaged: run the suite again to predict anew")
    return name, version
