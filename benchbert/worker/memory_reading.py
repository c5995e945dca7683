"""One rung of the memory ladder: what the kernel, torch and the driver say of this process now.

VmHWM, the kernel's high-water mark of resident memory, catches transients that no sampling sees. Writing 5 to
/proc/self/clear_refs sets it back to the present value (Linux, proc(5)).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from benchbert.errors import UnavailableError

__all__ = ["reading", "reset_peak", "resident"]

_MIB = 1024.0 * 1024.0


def reading(device: str) -> dict[str, float | None]:
    """Memory of this process, in MiB.

    Args:
        device: `cpu`, `cuda` or `cuda:N`.

    Returns:
        `rss` (resident now), `peak_rss` (high-water mark since `reset_peak`), `pss` (shared pages divided; None where
        unreadable); on CUDA also `allocated`, `reserved`, `peak_allocated`, `peak_reserved` (torch's allocator) and
        `driver` (NVML's figure for this process with its context; None where it is not told).

    Raises:
        UnavailableError: no /proc here.
    """
    status = _proc_fields("/proc/self/status")
    if "VmHWM" not in status:
        raise UnavailableError("memory is read from Linux's /proc, which this system lacks: profile it on Linux")
    found: dict[str, float | None] = {
        "rss": status["VmRSS"] / 1024.0,
        "peak_rss": status["VmHWM"] / 1024.0,
        "pss": _pss(),
    }
    torch = sys.modules.get("torch")
    if device.startswith("cuda") and torch is not None and torch.cuda.is_initialized():
        torch.cuda.synchronize(device)
        found["allocated"] = torch.cuda.memory_allocated(device) / _MIB
        found["reserved"] = torch.cuda.memory_reserved(device) / _MIB
        found["peak_allocated"] = torch.cuda.max_memory_allocated(device) / _MIB
        found["peak_reserved"] = torch.cuda.max_memory_reserved(device) / _MIB
        found["driver"] = _driver_memory(torch.cuda.get_device_properties(device).uuid)
    return found


def resident() -> tuple[float, float] | None:
    """(resident now, its high-water mark since `reset_peak`) of this process in bytes; None: no /proc here.

    Quicker than `reading`, which walks over all pages.
    """
    status = _proc_fields("/proc/self/status")
    return (status["VmRSS"] * 1024.0, status["VmHWM"] * 1024.0) if "VmHWM" in status else None


def reset_peak(device: str) -> bool:
    """Set the high-water marks back to the present; False where the kernel refuses (marks then run from the start)."""
    torch = sys.modules.get("torch")
    if device.startswith("cuda") and torch is not None and torch.cuda.is_initialized():
        torch.cuda.reset_peak_memory_stats(device)
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _proc_fields(path: str) -> dict[str, float]:
    """Numbers (KiB) of a /proc file by name; empty where there is no such file."""
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in lines if line.rstrip().endswith(" kB") and ":" in line)
    return {name: float(value.split()[0]) for name, value in pairs}


def _pss() -> float | None:
    fields = _proc_fields("/proc/self/smaps_rollup")
    return fields["Pss"] / 1024.0 if "Pss" in fields else None


def _driver_memory(uuid: object) -> float | None:
    """MiB that the driver counts for this process on the GPU of that UUID; None where it cannot see our process id."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    try:
        handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}")
        for process in pynvml.nvmlDeviceGetComputeRunningProcesses(handle):
            if process.pid == os.getpid() and process.usedGpuMemory is not None:
                return float(process.usedGpuMemory) / _MIB
        return None
    except pynvml.NVMLError:
        return None
    finally:
        pynvml.nvmlShutdown()
