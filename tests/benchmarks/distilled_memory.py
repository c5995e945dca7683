"""Peak activation memory of one way of distilling: `python -m tests.benchmarks.distilled_memory WAY SHAPE`.

The kernel's high-water mark of resident memory over whole optimizer steps, above weights and AdamW's moments:
gradients, rounded copies of weights and everything in between count. A tiny pair goes first, so that imports do not.
"""

from __future__ import annotations

import ctypes
import gc
import json
import sys

from benchbert.worker.memory_reading import reset_peak, resident

from .distillation import TINY, made
from .distilled_pair import Shape, make_models
from .distilled_ways import Ours, Reference

_STEPS = 2


def main(way: str, shape: Shape) -> float:
    """The way's peak in bytes."""
    _run(way, TINY)
    models = make_models(shape)
    gc.collect()
    # What the first pair has left free is given back: else the next one would hide in it.
    ctypes.CDLL(None).malloc_trim(0)
    trained = sum(p.numel() for p in models.student.parameters())
    before = resident()
    assert before is not None, "memory is read from Linux's /proc"
    assert reset_peak("cpu"), "/proc/self/clear_refs cannot be written"
    _steps(made(way, models))
    after = resident()
    assert after is not None
    return after[1] - before[0] - 2 * 4 * trained


def _run(way: str, shape: Shape) -> None:
    _steps(made(way, make_models(shape)))


def _steps(one: Reference | Ours) -> None:
    if isinstance(one, Ours):
        one.run(_STEPS)
        return
    for _ in range(_STEPS + 1):
        one.step()


if __name__ == "__main__":
    print(json.dumps({"activation_bytes": main(sys.argv[1], Shape(**json.loads(sys.argv[2])))}))
