"""Two processes of torchrun against one: the same steps, whatever the number of micro-batches."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from benchbert.errors import TrainingError
from tests.training import parallel_run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (torch.distributed.is_available() and torch.distributed.is_gloo_available()),
        reason="this torch was built without gloo",
    ),
]


def torchrun(out: Path, pieces: int, processes: int, *more: str) -> subprocess.CompletedProcess[str]:
    out.mkdir(exist_ok=True)
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"),
        *("-m", "tests.training.parallel_run", str(out), str(pieces), *more),
    ]
    for _ in range(3):
        ended = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
        # Once in some dozens of times gloo aborts on a busy machine, before or after the work; a run then goes on from
        # its checkpoint, which is what it has one for.
        if "Signal 6" not in ended.stderr:
            break
    return ended


def alone(out: Path, pieces: int) -> dict[str, Any]:
    out.mkdir()
    parallel_run.run(out, pieces)
    return torch.load(out / "end.0.pt")


def ends(out: Path) -> list[dict[str, Any]]:
    return [torch.load(out / f"end.{rank}.pt") for rank in range(2)]


def assert_same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor], tolerance: float) -> None:
    for name, tensor in one.items():
        torch.testing.assert_close(other[name], tensor, atol=tolerance, rtol=0, msg=lambda text, n=name: f"{n}: {text}")


@pytest.mark.parametrize("pieces", [1, 4])
def test_two_processes_compute_what_one_does(tmp_path: Path, pieces: int) -> None:
    """With a single micro-batch the second process has none, and still takes every step."""
    expected = alone(tmp_path / "one", pieces)
    ended = torchrun(tmp_path / "two", pieces, 2)
    assert ended.returncode == 0, ended.stderr
    first, second = ends(tmp_path / "two")
    assert_same(first["weights"], second["weights"], 0.0)
    assert_same(expected["weights"], first["weights"], 1e-6)
    assert first["steps"] == expected["steps"]
    for name, values in expected["terms"].items():
        assert first["terms"][name] == pytest.approx(values, abs=2e-5)
    _require_late_reductions(first["order"], own=-(-pieces // 2))


def _require_late_reductions(order: list[str], own: int) -> None:
    """Within a step nothing is exchanged before its last micro-batch."""
    text = " ".join(order)
    for step in text.split("step ")[1:]:
        parts = step.split()
        assert parts[:own] == ["micro-batch"] * own
        assert set(parts[own:]) == {"reduction"}


def test_two_processes_that_stopped_go_on_to_the_same_bits(tmp_path: Path) -> None:
    whole_run = torchrun(tmp_path / "whole", 4, 2)
    assert whole_run.returncode == 0, whole_run.stderr
    assert torchrun(tmp_path / "parts", 4, 2, "5").returncode != 0
    kept = torch.load(tmp_path / "parts" / "checkpoint.pt", weights_only=True)
    assert (kept["step"], len(kept["random"])) == (5, 2)
    with pytest.raises(TrainingError, match="processes: 2 there, 1 here"):
        parallel_run.run(tmp_path / "parts", 4)
    assert torchrun(tmp_path / "parts", 4, 2).returncode == 0
    whole, parts = ends(tmp_path / "whole")[0], ends(tmp_path / "parts")[0]
    assert_same(whole["weights"], parts["weights"], 0.0)
    assert parts["terms"] == whole["terms"]
