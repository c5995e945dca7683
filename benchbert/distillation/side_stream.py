"""Work on a CUDA stream of its own, beside what the caller goes on to do (CUDA C++ programming guide, "Streams")."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

import torch

__all__ = ["beside"]

_Found = TypeVar("_Found")


def beside(work: Callable[[], _Found], device: torch.device) -> Callable[[], _Found]:
    """Starts work beside the current stream, and gives a call that has the current stream wait for it.

    The host never waits. On a device without streams the work is simply done. Memory that the work allocates is used
    again by later work of this stream alone, which begins only after all that the caller has queued until then: tensors
    that it gives may be used and dropped like any others.

    Args:
        work: reads what the current stream has made so far.
        device: where.
    """
    if device.type != "cuda":
        found = work()
        return lambda: found
    current, side = torch.cuda.current_stream(device), _side_stream(device)
    side.wait_stream(current)
    with torch.cuda.stream(side):
        made = work()

    def wait() -> _Found:
        torch.cuda.current_stream(device).wait_stream(side)
        return made

    return wait


@lru_cache
def _side_stream(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
