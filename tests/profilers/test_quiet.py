"""The quiet flag: arithmetic on a made-up /proc, and a real burner on a real core."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchbert.profilers import quiet
from benchbert.profilers.measure import profile
from benchbert.profilers.protocol import Cell
from benchbert.profilers.quiet import CpuWatch, ForeignLoad, judge

TIMES = [1.0, 1.01, 0.99, 1.0, 1.0]


def load(foreign: float = 0.0, steal: float = 0.0) -> ForeignLoad:
    return ForeignLoad(seconds=10.0, busy_cores=1.0 + foreign, own_cores=1.0, steal_share=steal)


def test_a_quiet_machine() -> None:
    found = judge(TIMES, TIMES, load(foreign=0.05, steal=0.001))
    assert found.quiet is True
    assert found.as_json()["load"]["foreign_cores"] == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("after", "use"),
    [([t * 1.06 for t in TIMES], load()), (TIMES, load(foreign=0.11)), (TIMES, load(steal=0.03))],
    ids=["kernel drifted", "foreign load", "stolen time"],
)
def test_each_disturbance_turns_it_off(after: list[float], use: ForeignLoad) -> None:
    assert judge(TIMES, after, use).quiet is False


def test_unknown_is_not_quiet() -> None:
    assert judge(TIMES, TIMES, None).quiet is None
    assert quiet.merged([True, None]) is None
    assert quiet.merged([True, False, None]) is False
    assert quiet.merged([True, True]) is True


def test_own_time_is_not_foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Core 3 is not ours to use and does not count; the watched process used 1.5 of the 2.2 busy seconds."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})
    moments = iter([100.0, 110.0])
    monkeypatch.setattr(quiet, "monotonic", lambda: next(moments))
    tick = os.sysconf("SC_CLK_TCK")

    def write(core0: int, core1: int, steal: int, child: int) -> None:
        rest = f"cpu3 {9 * core0} 0 0 0 0 0 0 0 0 0\nintr 12\n"
        (tmp_path / "stat").write_text(
            f"cpu  1 1 1 1 1 1 1 1 0 0\ncpu0 {core0} 0 0 5 0 0 0 {steal} 0 0\ncpu1 0 0 {core1} 5 0 0 0 0 0 0\n{rest}"
        )
        for pid, ticks in ((os.getpid(), 0), (4242, child)):
            (tmp_path / str(pid)).mkdir(exist_ok=True)
            (tmp_path / str(pid) / "stat").write_text(f"{pid} (a (b) c) R 1 1 1 0 -1 0 0 0 0 0 {ticks} 0 0 0 20 0")

    write(0, 0, 0, 0)
    watch = CpuWatch([4242], proc=tmp_path)
    write(2 * tick, tick // 5, tick, 3 * tick // 2)
    found = watch.stop()
    assert found is not None
    assert found.seconds == 10.0
    assert found.busy_cores == pytest.approx(0.22)
    assert found.own_cores == pytest.approx(0.15)
    assert found.foreign_cores == pytest.approx(0.07)
    assert found.steal_share == pytest.approx(1 / 20)


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs a second core to keep busy")
def test_a_busy_second_core_turns_it_off(synthetic: Callable[..., Cell]) -> None:
    second = sorted(os.sched_getaffinity(0))[1]
    program = f"import os; os.sched_setaffinity(0, [{second}]); print('burning', flush=True)\nwhile True: pass"
    burner = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    try:
        assert burner.stdout is not None
        burner.stdout.readline()
        found = profile("latency", synthetic(spin_ms=2.0, time_limit_s=1.0))
    finally:
        burner.kill()
        burner.communicate()
    assert found.quiet is False
    use = found.samples["processes"][0]["quiet"]["load"]
    # Other tests may compete for the same core, so that the burner itself gets only a part of it.
    assert use["foreign_cores"] > 0.2
