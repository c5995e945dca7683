"""What keeps a measuring process apart from everything else: its cores, its threads, its collector, its life."""

from __future__ import annotations

import gc
import os
import signal
import sys
from typing import Any

from benchbert.errors import UsageError

__all__ = ["configure", "die_with_parent", "set_torch_threads"]

_PR_SET_PDEATHSIG = 1
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "RAYON_NUM_THREADS",
)


def die_with_parent() -> None:
    """Ask the kernel to kill this process when the thread that started it ends; elsewhere the end of stdin does it."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def configure(*, threads: int) -> dict[str, Any]:
    """Pin to the first cores allowed, one per thread, fix every pool's size, switch the cyclic collector off.

    Must come before numpy and torch are imported, which read the variables once.

    Args:
        threads: intra-op threads.

    Returns:
        What took effect: `threads`, `affinity` (core numbers, None where it cannot be set), `gc` (whether it runs).

    Raises:
        UsageError: more threads than cores, or too late.
    """
    if "torch" in sys.modules or "numpy" in sys.modules:
        raise UsageError("a worker is configured before its libraries are imported: open a fresh one")
    from benchbert.machine import visible_cores

    if not 1 <= threads <= visible_cores():
        raise UsageError(f"threads = {threads}, but this process may use {visible_cores()} core(s): set threads lower")
    for name in _THREAD_VARIABLES:
        os.environ[name] = str(threads)
    os.environ["OMP_DYNAMIC"] = os.environ["MKL_DYNAMIC"] = "FALSE"
    # A pool of tokenizer threads would outlive the measurement's own pinning.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    affinity = None
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
        affinity = sorted(os.sched_getaffinity(0))
    gc.disable()
    return {"threads": threads, "affinity": affinity, "gc": gc.isenabled()}


def set_torch_threads(threads: int) -> dict[str, int]:
    """Fix torch's pools where torch is imported; returns the sizes that it then reports."""
    torch = sys.modules.get("torch")
    if torch is None:
        return {}
    torch.set_num_threads(threads)
    # The inter-op pool can be sized once only, and a library may have done so.
    if torch.get_num_interop_threads() != 1:
        torch.set_num_interop_threads(1)
    return {"intra_op": torch.get_num_threads(), "inter_op": torch.get_num_interop_threads()}
