"""The writing of a table into the cache of datasets: whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchbert.errors import StoreError

__all__ = ["writing_table"]


@contextmanager
def writing_table(place: Path) -> Iterator[Path]:
    """A temporary file beside `place` that takes its place at the end, and is gone after an error.

    Raises:
        StoreError: the disk is full, or the cache cannot be written.
    """
    temporary = place.with_name(f"{place.name}.{os.getpid()}.part")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(place)
    except OSError as error:
        raise StoreError(
            f"{place.parent}: cannot be written ({error.strerror or error}): free room there, or set HF_HOME to another"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
