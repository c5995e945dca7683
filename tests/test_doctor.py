"""`benchbert doctor --benchmark`: what it runs, and what it says where it cannot."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from benchbert import doctor
from benchbert.cli import cli
from benchbert.errors import MissingExtraError, UnavailableError, UsageError


@pytest.mark.parametrize(("given", "mode"), [(["--benchmark"], "default"), (["--benchmark", "quick"], "quick")])
def test_pytest_is_run_on_the_measurements(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: list[str], mode: str
) -> None:
    seen = {}

    def run(command: list[str], **more: object) -> SimpleNamespace:
        seen.update(more, command=command)
        return SimpleNamespace(returncode=3)

    monkeypatch.setattr(subprocess, "run", run)
    options = ["doctor", "--out", str(tmp_path / "out"), "--mirror", str(tmp_path), *given]
    assert CliRunner().invoke(cli, options, standalone_mode=False).return_value == 3
    assert seen["command"][:3] == [sys.executable, "-m", "pytest"]
    assert Path(seen["command"][-1]) == Path(__file__).parent / "benchmarks"
    assert seen["env"]["BENCHBERT_BENCHMARK_MODE"] == mode
    assert seen["env"]["BENCHBERT_BENCHMARK_OUT"] == str(tmp_path / "out")
    assert seen["env"]["BENCHBERT_TEST_DATA"] == str(tmp_path)


def test_without_a_checkout_or_its_tools_the_mend_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "_installed", lambda name: name != "pytest-benchmark")
    with pytest.raises(MissingExtraError, match=r"pip install 'benchbert\[test\]'"):
        doctor.run_benchmark("quick", None, None)
    monkeypatch.setattr(doctor, "__file__", str(tmp_path / "site-packages" / "benchbert" / "doctor.py"))
    with pytest.raises(UnavailableError, match="clone the repository"):
        doctor.run_benchmark("quick", None, None)


def test_out_alone_means_nothing(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["doctor", "--out", str(tmp_path)], standalone_mode=False)
    assert isinstance(done.exception, UsageError)
