"""What this machine is, and what works on it: the facts behind `benchbert doctor`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from benchbert import registry
from benchbert.errors import MissingExtraError, UnavailableError
from benchbert.machine import environment, machine

__all__ = ["Finding", "examine", "run_benchmark"]

_EXTRAS = {"ray": ("ray",), "onnx": ("onnx", "onnxruntime", "onnxscript"), "openvino": ("openvino",)}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the examination."""

    topic: str
    """What was looked at."""
    state: Literal["ok", "note", "problem"]
    """`note`: something is missing that not everyone needs."""
    text: str
    """What was found, and the mend."""


def examine(mirror: Path | None) -> list[Finding]:
    """Looks at hardware, libraries, extras, backends, data and disk. Imports no heavy library; takes under a second."""
    return [*_hardware(), *_software(), *_backends(), *_data(mirror), *_disk()]


def run_benchmark(mode: str, out: Path | None, mirror: Path | None) -> int:
    """Measures prediction and fine-tuning side by side with transformers.Trainer, as `tests/benchmarks` does.

    The measurements stand in the tests of a checkout; they need real data, and so a mirror.

    Args:
        mode: `quick` (seconds that only try the code), `default` (about ten minutes on two cores), `full` (hours).
        out: folder for the table; None: results/engine/<machine> of the checkout.
        mirror: folder with nyu-mll/glue and rajpurkar/squad; None: where the tests look for it.

    Returns:
        The exit code of pytest.

    Raises:
        UnavailableError: this benchbert is not run from a checkout.
        MissingExtraError: the tools of the tests are not installed.
    """
    folder = Path(__file__).resolve().parents[1] / "tests" / "benchmarks"
    if not folder.is_dir():
        raise UnavailableError(
            f"the benchmark stands in the tests, and {folder} is not there: clone the repository and run it from the "
            "checkout (pip install -e '.[test]')"
        )
    if not all(map(_installed, ("pytest", "pytest-benchmark", "pytest-timeout"))):
        raise MissingExtraError("the benchmark", "test")
    more = {"BENCHBERT_BENCHMARK_MODE": mode}
    more |= {"BENCHBERT_BENCHMARK_OUT": str(out.resolve())} if out else {}
    more |= {"BENCHBERT_TEST_DATA": str(mirror.resolve())} if mirror else {}
    # The checkout's options leave this folder out, and pytest-xdist would switch measuring off.
    options = ["-q", "-s", "-rs", "-o", "addopts=", "-p", "no:cacheprovider", "-p", "no:xdist"]
    command = [sys.executable, "-m", "pytest", *options, str(folder)]
    return subprocess.run(command, cwd=folder.parents[1], env={**os.environ, **more}, check=False).returncode


def _hardware() -> list[Finding]:
    here = machine()
    quota = f", of which the container may use {here.quota:g}" if here.quota else ""
    found = [
        Finding(topic="machine", state="ok", text=here.id),
        Finding(topic="processor", state="ok", text=f"{here.cpu}, {here.cores} cores{quota}; {', '.join(here.isa)}"),
        Finding(topic="memory", state="ok", text=f"{here.memory / 2**30:.1f} GiB"),
        Finding(
            topic="bfloat16",
            state="ok" if here.fast_bfloat16 else "note",
            text="in hardware"
            if here.fast_bfloat16
            else "no hardware support: training uses float32, bfloat16 is slow",
        ),
    ]
    names = ", ".join(f"{g.name} ({g.memory / 2**30:.0f} GiB, driver {g.driver})" for g in here.gpus)
    found.append(
        Finding(
            topic="CUDA",
            state="ok" if here.gpus else "note",
            text=names or "no device: everything runs on the CPU, CUDA cells of a suite fail with that reason",
        )
    )
    return found


def _software() -> list[Finding]:
    libraries = ", ".join(f"{k} {v}" for k, v in environment().libraries.items())
    found = [Finding(topic="python", state="ok", text=f"{environment().python}; {libraries}")]
    torch = environment().libraries.get("torch", "")
    if machine().gpus and "+cpu" in torch:
        found.append(
            Finding(
                topic="torch",
                state="problem",
                text=f"{torch} is a CPU build on a machine with CUDA; install one with CUDA",
            )
        )
    for extra, names in _EXTRAS.items():
        missing = [name for name in names if not _installed(name)]
        text = f"not installed; pip install 'benchbert[{extra}]'" if missing else "installed"
        found.append(Finding(topic=f"extra {extra}", state="note" if missing else "ok", text=text))
    return found


def _installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def _backends() -> list[Finding]:
    found = []
    for backend in registry.entries("backends").values():
        reason = backend.available("cpu")
        found.append(
            Finding(
                topic=f"backend {backend.name}", state="note" if reason else "ok", text=reason or "available on the CPU"
            )
        )
    return found


def _data(mirror: Path | None) -> list[Finding]:
    from huggingface_hub import constants

    cache = Path(constants.HF_HUB_CACHE)
    cached = len(list(cache.glob("models--*"))) if cache.is_dir() else 0
    offline = "HF_HUB_OFFLINE is set: " if constants.HF_HUB_OFFLINE else ""
    found = [Finding(topic="hub", state="ok", text=f"{offline}{cached} models cached in {cache}")]
    if mirror is None:
        found.append(Finding(topic="mirror", state="note", text="none; --mirror DIR or BENCHBERT_MIRROR names one"))
    else:
        held = sum(1 for p in mirror.glob("*/*") if p.is_dir())
        state: Literal["ok", "problem"] = "ok" if mirror.is_dir() and held else "problem"
        text = f"{mirror} holds {held} repositories" if held else f"{mirror} holds no repository; lay it out by hub id"
        found.append(Finding(topic="mirror", state=state, text=text))
    return found


def _disk() -> list[Finding]:
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    text = f"{free:.1f} GiB free here"
    return [
        Finding(
            topic="disk",
            state="ok" if free > 5 else "problem",
            text=text + ("" if free > 5 else "; a suite needs some"),
        )
    ]
