"""Two runs on one device queue, and a dead one does not block the next."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchbert.profilers.device_lock import device_lock, lock_path

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)


def holder(seconds: float) -> subprocess.Popen[str]:
    program = f"""
import sys, time
sys.path.insert(0, {str(ROOT)!r})
from benchbert.profilers.device_lock import device_lock
with device_lock("cpu"):
    print("held", flush=True)
    time.sleep({seconds})
"""
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_waits_and_says_so() -> None:
    process = holder(1.0)
    said: list[str] = []
    with device_lock("cpu", said.append) as waited:
        assert process.wait(5) == 0, "the first had let go"
    process.communicate()
    assert waited > 0.3
    assert len(said) == 1
    assert "waiting for cpu" in said[0]


def test_a_killed_holder_frees_it() -> None:
    process = holder(600)
    process.kill()
    process.communicate()
    start = time.monotonic()
    with device_lock("cpu"):
        assert time.monotonic() - start < 60, "the holder would have held it for ten minutes"


def test_devices_do_not_block_each_other_and_cuda_is_cuda_0() -> None:
    said: list[str] = []
    with device_lock("cpu"), device_lock("cuda:1", said.append), device_lock("cuda", said.append):
        assert said == []
    assert lock_path("cuda") == lock_path("cuda:0") != lock_path("cuda:1")
