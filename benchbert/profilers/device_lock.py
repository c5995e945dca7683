"""One measurement at a time per device, over all runs of this user on this machine: others queue."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

__all__ = ["device_lock", "lock_path"]


def lock_path(device: str) -> Path:
    """The file that stands for a device (`cpu`, `cuda`, `cuda:N`), one per user."""
    canonical = "cuda:0" if device == "cuda" else device
    user = os.getuid() if hasattr(os, "getuid") else "user"
    return Path(tempfile.gettempdir()) / f"benchbert-{user}-{canonical.replace(':', '')}.lock"


@contextmanager
def device_lock(device: str, message: Callable[[str], None] | None = None) -> Iterator[float]:
    """Hold the device; gives the seconds that were spent waiting for it. The kernel frees it when the holder dies.

    Args:
        device: `cpu`, `cuda` or `cuda:N`.
        message: told once, when another run holds the device.
    """
    from filelock import FileLock, Timeout

    path = lock_path(device)
    lock = FileLock(path)
    start = monotonic()
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if message is not None:
            message(f"waiting for {device}: another run measures on it (lock {path})")
        lock.acquire(poll_interval=0.2)
    try:
        yield monotonic() - start
    finally:
        lock.release()
