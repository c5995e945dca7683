"""Backends for tests, imported by the measuring process by path: known times, known memory, deliberate failures.

`ModelLock.config` says what a session does: `spin_ms` of busy waiting, `transient_mib` of memory touched and freed,
`act` (`crash`, `kill`, `hang`, `memory`, `torch_memory`, `print`, `raise`) in every forward pass.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from benchbert.errors import UnavailableError


class Session:
    input_names = ("input_ids", "attention_mask")
    vocabulary = 30522
    format = "synthetic"

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config

    def __call__(self, batch: dict[str, Any]) -> float:
        if act := self.config.get("act"):
            _ACTS[act]()
        if mib := self.config.get("transient_mib"):
            with mmap.mmap(-1, mib << 20) as block:
                for page in range(0, mib << 20, mmap.PAGESIZE):
                    block[page] = 1
        end = time.perf_counter_ns() + int(self.config.get("spin_ms", 0.0) * 1e6)
        while time.perf_counter_ns() < end:
            pass
        return 0.0


def _hang() -> None:
    time.sleep(600)


def _torch_memory() -> None:
    raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes.")


def _memory() -> None:
    raise MemoryError


def _print() -> None:
    print('{"id": 4, "result": "a library that prints JSON"}')
    sys.stdout.flush()
    os.write(1, b"written to descriptor 1\n")
    assert sys.stdin.read() == "", "stdin is empty for libraries"


def _raise() -> None:
    raise ValueError("a shape that does not fit")


def _crash() -> None:
    ctypes.string_at(0)


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


_ACTS = {
    "hang": _hang,
    "torch_memory": _torch_memory,
    "memory": _memory,
    "print": _print,
    "raise": _raise,
    "crash": _crash,
    "kill": _kill,
}


class Backend:
    name = "synthetic"

    def available(self, device: str) -> str:
        return ""

    def dtypes(self, device: str) -> tuple[str, ...]:
        return ("float32",)

    def import_libraries(self, model: Any) -> None:
        if model.config.get("torch"):
            __import__("torch")

    def load(self, model: Any, head: str, workload: Any, *, folder: Path | None = None) -> Session:
        if model.config.get("absent"):
            raise UnavailableError("this model cannot be had here")
        return Session(dict(model.config))


BACKEND = Backend()
