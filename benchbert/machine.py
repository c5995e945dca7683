"""What this machine and this Python environment are, without importing torch.

`machine_id` says which timings may stand beside each other; `environment_id` says which libraries made a result.
"""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchbert.types import digest

__all__ = ["Environment", "Gpu", "Machine", "environment", "machine", "visible_cores"]

_ISA_FLAGS = (
    "avx2",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "avx512_fp16",
    "amx_int8",
    "amx_bf16",
    "amx_fp16",
    "asimd",
    "bf16",
    "sve",
)
_LIBRARIES = ("torch", "transformers", "tokenizers", "accelerate", "numpy")


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """One CUDA device."""

    name: str
    """As the driver names it."""
    memory: int
    """Bytes in all."""
    driver: str
    """Version of the driver."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The hardware that a process here may use."""

    cpu: str
    """Model name of the processor."""
    architecture: str
    """Such as `x86_64`."""
    isa: tuple[str, ...]
    """Vector and matrix extensions that decide speed."""
    cores: int
    """Cores in this process's affinity mask."""
    quota: float | None
    """Cores that the cgroup allows; None: no limit."""
    memory: int
    """Bytes in all, or the cgroup's limit."""
    gpus: tuple[Gpu, ...]
    """CUDA devices; empty: none."""
    system: str
    """Operating system and kernel; not part of the id."""

    @property
    def id(self) -> str:
        """Readable name and digest: same id, same hardware."""
        facts = {k: v for k, v in asdict(self).items() if k not in {"system", "memory"}}
        words = self.cpu.lower().replace("(r)", " ").replace("(tm)", " ").replace("@", " ").split()
        label = "-".join(w for w in words if w not in {"cpu", "processor"})[:32].strip("-") or "cpu"
        label = "".join(c if c.isalnum() else "-" for c in label)
        if self.gpus:
            label += "-" + "".join(c if c.isalnum() else "-" for c in self.gpus[0].name.lower())
        return f"{label}-{self.cores}c-{digest(facts)[:8]}"

    @property
    def fast_bfloat16(self) -> bool:
        """Whether bfloat16 matrix products run in hardware on the CPU."""
        return bool({"avx512_bf16", "amx_bf16", "bf16"} & set(self.isa))


@dataclass(frozen=True, kw_only=True)
class Environment:
    """The software that a process here runs."""

    python: str
    """Version of the interpreter."""
    libraries: dict[str, str]
    """Library -> version, those that decide results or speed; absent ones are left out."""
    driver: str
    """GPU driver; empty: none."""
    benchbert: str
    """Version of this package."""

    @property
    def id(self) -> str:
        """Digest: same id, same libraries."""
        return digest(asdict(self))[:12]


def visible_cores() -> int:
    """Cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


@cache
def machine() -> Machine:
    """The machine as this process sees it."""
    name, flags = _cpu()
    return Machine(
        cpu=name,
        architecture=platform.machine(),
        isa=tuple(f for f in _ISA_FLAGS if f in flags),
        cores=visible_cores(),
        quota=_quota(),
        memory=_memory(),
        gpus=_gpus(),
        system=f"{platform.system()} {platform.release()}",
    )


@cache
def environment() -> Environment:
    """The software as this process would import it."""
    libraries = {name: v for name in _LIBRARIES if (v := _version(name))}
    gpus = machine().gpus
    return Environment(
        python=platform.python_version(),
        libraries=libraries,
        driver=gpus[0].driver if gpus else "",
        benchbert=_version("benchbert") or "source",
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _cpu() -> tuple[str, frozenset[str]]:
    """Model name and feature flags, from /proc/cpuinfo where there is one."""
    name, flags = platform.processor() or platform.machine(), frozenset[str]()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() in {"model name", "Model"}:
                name = value.strip()
            elif key.strip() in {"flags", "Features"}:
                flags = frozenset(value.split())
                break
    return name, flags


def _quota() -> float | None:
    """Cores that cgroup v2 or v1 allows this process."""
    for path, parse in (
        (Path("/sys/fs/cgroup/cpu.max"), _quota_v2),
        (Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"), _quota_v1),
    ):
        if path.exists():
            return parse(path)
    return None


def _quota_v2(path: Path) -> float | None:
    quota, _, period = path.read_text().strip().partition(" ")
    return None if quota == "max" else int(quota) / int(period)


def _quota_v1(path: Path) -> float | None:
    quota = int(path.read_text())
    return None if quota <= 0 else quota / int(path.with_name("cpu.cfs_period_us").read_text())


def _memory() -> int:
    import psutil

    total = int(psutil.virtual_memory().total)
    for path in (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")):
        if path.exists() and (text := path.read_text().strip()) != "max":
            total = min(total, int(text))
    return total


def _gpus() -> tuple[Gpu, ...]:
    """CUDA devices by NVML; none when there is no driver."""
    try:
        import pynvml
    except ImportError:
        return ()
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return ()
    try:
        driver = _text(pynvml.nvmlSystemGetDriverVersion())
        handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
        return tuple(
            Gpu(
                name=_text(pynvml.nvmlDeviceGetName(h)),
                memory=int(pynvml.nvmlDeviceGetMemoryInfo(h).total),
                driver=driver,
            )
            for h in handles
        )
    finally:
        pynvml.nvmlShutdown()


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
