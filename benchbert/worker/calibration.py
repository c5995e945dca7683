"""A fixed kernel that says how fast this process may run now: before and after, it shows a disturbed machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

__all__ = ["calibrate"]

_SIDE = 384
_DEVICE_SIDE = 4096
_WARM = 3


def calibrate(device: str, *, repeats: int = 25) -> dict[str, Any]:
    """Times of a float32 matrix product of fixed size in this process, with its threads and cores.

    Args:
        device: `cpu`, `cuda` or `cuda:N`.
        repeats: products timed, after a few that are not.

    Returns:
        `kernel` (library, dtype and side), `ns` (one per product), `gflops` (per second, at the median), and on CUDA
        `sm_clock_mhz` and `throttle_reasons` (NVML's bit mask) where the driver tells.
    """
    kernel, product, side = _product(device)
    for _ in range(_WARM):
        product()
    times = []
    for _ in range(repeats):
        start = perf_counter_ns()
        product()
        times.append(perf_counter_ns() - start)
    middle = sorted(times)[len(times) // 2]
    found: dict[str, Any] = {"kernel": kernel, "ns": times, "gflops": 2.0 * side**3 / middle}
    if device.startswith("cuda"):
        found |= _clock(device)
    return found


def _product(device: str) -> tuple[str, Callable[[], Any], int]:
    """Name, callable and side of the product; numpy's where the backend brought no torch."""
    torch = sys.modules.get("torch")
    if torch is None:
        import numpy as np

        a = np.full((_SIDE, _SIDE), 0.5, dtype=np.float32)
        out = np.empty_like(a)
        return f"numpy float32 {_SIDE}", lambda: np.matmul(a, a, out=out), _SIDE
    side = _DEVICE_SIDE if device.startswith("cuda") else _SIDE
    b = torch.full((side, side), 0.5, dtype=torch.float32, device=device)
    result = torch.empty_like(b)

    def product() -> None:
        torch.mm(b, b, out=result)
        if device.startswith("cuda"):
            torch.cuda.synchronize(device)

    return f"torch float32 {side}", product, side


def _clock(device: str) -> dict[str, Any]:
    """SM clock and throttle reasons of the GPU."""
    import pynvml
    import torch

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return {}
    try:
        handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(device).uuid}")
        return {
            "sm_clock_mhz": int(pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_SM)),
            "throttle_reasons": int(pynvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle)),
        }
    except pynvml.NVMLError:
        return {}
    finally:
        pynvml.nvmlShutdown()
