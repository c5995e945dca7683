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
    """Predictions that another version of the task decoded are not scored by this one; files without a stamp pass.

    Raises:
        DataError: the file is a run's, of the same task in another version.
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
    said = json.loads(stamp) if stamp else {}
    if said.get("task") == task.name and said["version"] != task.version:
        raise DataError(
            f"{path}: its predictions are of version {said['version']} of {task.name}, this benchbert has version "
            f"{task.version}: run the suite again to predict anew"
        )
