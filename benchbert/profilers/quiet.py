"""Whether the machine was quiet: foreign load on the cores we may use, time stolen from them, and a drifting kernel.

/proc/stat says how busy the visible cores were, /proc/<pid>/stat how much of that was ours; what remains is foreign.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles
from time import monotonic
from typing import Any, Self

__all__ = ["CpuWatch", "ForeignLoad", "QuietReading", "judge", "merged"]

CALIBRATION_TOLERANCE = 0.05
"""Largest relative change of the fixed kernel's median between before and after."""
FOREIGN_TOLERANCE = 0.10
"""Largest foreign load, in cores."""
STEAL_TOLERANCE = 0.02
"""Largest share of the visible cores' time that a hypervisor gave to others."""


@dataclass(frozen=True, kw_only=True)
class ForeignLoad:
    """How the visible cores were used in a stretch of time."""

    seconds: float
    """Length of the stretch."""
    busy_cores: float
    """Mean number of cores that were busy, whoever used them."""
    own_cores: float
    """Mean number of cores that this process and the watched ones used."""
    steal_share: float
    """Share of the visible cores' time taken by the hypervisor."""

    @property
    def foreign_cores(self) -> float:
        """Mean number of cores that others used; not negative."""
        return max(self.busy_cores - self.own_cores, 0.0)


@dataclass(frozen=True, kw_only=True)
class QuietReading:
    """The verdict and the numbers behind it."""

    quiet: bool | None
    """All three tolerances kept; None: it cannot be told here."""
    calibration_drift: float
    """Median of the kernel after, over before, minus 1."""
    calibration_spread: float
    """Interquartile range over median, the wider of before and after."""
    load: ForeignLoad | None
    """Use of the cores; None: no /proc here."""

    def as_json(self) -> dict[str, Any]:
        """All fields, and the foreign load."""
        found = asdict(self)
        if self.load is not None:
            found["load"]["foreign_cores"] = self.load.foreign_cores
        return found


class CpuWatch:
    """Watches the visible cores from its making until `stop`."""

    def __init__(self, processes: Iterable[int], *, proc: Path = Path("/proc")) -> None:
        """Start watching.

        Args:
            processes: ids of processes that are ours, beside this one; alive until `stop`.
            proc: where the kernel's files are.
        """
        self._proc = proc
        self._ours = (os.getpid(), *processes)
        self._cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        self._start = self._now()

    @classmethod
    def over(cls, process: int) -> Self:
        """Watch with one measuring process as ours."""
        return cls([process])

    def stop(self) -> ForeignLoad | None:
        """What happened since the start; None where there is no /proc."""
        end = self._now()
        if self._start is None or end is None:
            return None
        seconds = max(end[0] - self._start[0], 1e-9)
        busy, steal, own = (end[i] - self._start[i] for i in (1, 2, 3))
        return ForeignLoad(
            seconds=seconds,
            busy_cores=busy / seconds,
            own_cores=own / seconds,
            steal_share=steal / seconds / max(len(self._cores), 1),
        )

    def _now(self) -> tuple[float, float, float, float] | None:
        """Monotonic time, and seconds that the visible cores were busy, were stolen, and worked for us."""
        if not self._cores or not (self._proc / "stat").exists():
            return None
        tick = os.sysconf("SC_CLK_TCK")
        busy = steal = 0
        wanted = {f"cpu{core}" for core in self._cores}
        for line in (self._proc / "stat").read_text().splitlines():
            name, *fields = line.split()
            if name in wanted:
                # user, nice, system, idle, iowait, irq, softirq, steal; guest time is part of user.
                counts = [int(field) for field in fields[:8]] + [0] * (8 - len(fields[:8]))
                busy += sum(counts[i] for i in (0, 1, 2, 5, 6))
                steal += counts[7]
        return monotonic(), busy / tick, steal / tick, sum(self._used(pid) for pid in self._ours) / tick

    def _used(self, pid: int) -> int:
        """Clock ticks that a process has used in user and kernel mode."""
        try:
            text = (self._proc / str(pid) / "stat").read_text()
        except OSError:
            return 0
        # The command's name, in parentheses, may hold spaces and parentheses itself.
        fields = text.rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])


def judge(before: Sequence[float], after: Sequence[float], load: ForeignLoad | None) -> QuietReading:
    """Whether the machine was quiet between two calibrations.

    Args:
        before: times of the fixed kernel before the measurement, at least two.
        after: the same after it.
        load: use of the cores in between.
    """
    drift = median(after) / median(before) - 1.0
    quiet = None
    if load is not None:
        quiet = (
            abs(drift) < CALIBRATION_TOLERANCE
            and load.foreign_cores < FOREIGN_TOLERANCE
            and load.steal_share < STEAL_TOLERANCE
        )
    return QuietReading(
        quiet=quiet,
        calibration_drift=drift,
        calibration_spread=max(_spread(before), _spread(after)),
        load=load,
    )


def _spread(times: Sequence[float]) -> float:
    low, _, high = quantiles(times, n=4)
    return (high - low) / median(times)


def merged(verdicts: Iterable[bool | None]) -> bool | None:
    """False if any is, else None if any is unknown, else True."""
    found: Mapping[bool | None, None] = dict.fromkeys(verdicts)
    return False if False in found else None if None in found or not found else True
