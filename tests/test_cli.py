"""The command line as a user meets it: exit codes, messages, speed."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchbert.cli import cli


def benchbert(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchbert", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


@pytest.mark.parametrize(("arguments", "limit_s"), [(["--help"], 0.3), (["list", "models"], 1.0)])
def test_it_answers_at_once(arguments: list[str], limit_s: float) -> None:
    took = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert benchbert(*arguments).returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    assert min(took) < limit_s  # CPU seconds of the quickest: what the program needs, whatever else the machine does


@pytest.mark.parametrize("kind", ["models", "tasks", "suites", "profilers", "backends", "recipes", "presets"])
def test_list_gives_objects_with_names(kind: str) -> None:
    done = CliRunner().invoke(cli, ["list", kind, "--json"])
    found = json.loads(done.stdout)
    assert found
    assert all(row["name"] for row in found)


def test_list_models_has_what_the_table_promises() -> None:
    rows = {row["name"]: row for row in json.loads(CliRunner().invoke(cli, ["list", "models", "--json"]).stdout)}
    bert = rows["bert-base-uncased"]
    assert (bert["family"], bert["parameters_m"], bert["layers"]) == ("bert", 109.48, 12)
    assert {"licence", "source", "available"} <= set(bert)
    assert rows["mobilebert-tiny"]["source"] == "architecture only"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "nowhere.toml"], "no such suite file"),
        (["run", "quickstrat"], "did you mean 'quickstart'"),
        (["profile", "bert-tinny"], "did you mean 'bert-tiny'"),
        (["profile", "bert-tiny", "--batch-size", "0"], "at least 1"),
        (["profile", "bert-tiny", "--mirror", "nowhere", "--dry-run"], "does not exist"),
        (["distill", "nothing"], "unknown recipe"),
        (["distill"], "give either RECIPE, or --preset and --teacher"),
        (["distill", "mini-bert", "--layers", "2"], "go with --preset"),
        (["distill", "--preset", "tinybirt", "--teacher", "bert-tiny"], "did you mean 'tinybert'"),
        (["distill", "--preset", "tinybert", "--teacher", "bert-tinny"], "did you mean 'bert-tiny'"),
        (["report", "nowhere"], "there is no such folder"),
        (["table", "nowhere"], "there is no such folder"),
        (["score", "glue/colla", "--predictions", "x"], "did you mean"),
        (["compare", "nowhere", "--models", "a", "b"], "there is no such folder"),
        (["retention", "nowhere", "--student", "a", "--teacher", "b"], "there is no such folder"),
        (["audit", "nowhere"], "there is no such folder"),
        (["submit", "nowhere"], "--out FILE.zip is needed"),
        (["submit", "nowhere", "--out", "glue.zip"], "nowhere"),
    ],
)
def test_a_mistake_is_one_clear_line_and_exit_code_2(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = benchbert(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_bad_suite_lists_every_problem_and_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text('name = "s"\nmodels = ["bert-tinny"]\ntaskz = []\nseeds = ["1"]\n')
    done = benchbert("run", "s.toml", cwd=tmp_path)
    assert done.returncode == 2
    assert "taskz" in done.stderr
    assert "seeds[0]" in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["s.toml"]


def test_a_dry_run_lists_jobs_and_writes_nothing(tmp_path: Path) -> None:
    done = benchbert("profile", "bert-tiny", "albert-*", "--profiler", "size", "--dry-run", cwd=tmp_path)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 5
    assert not list(tmp_path.iterdir())


def test_profile_table_and_report(tmp_path: Path) -> None:
    done = benchbert("profile", "bert-tiny", "--profiler", "size", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs" / "profile" / "report.html").is_file()
    rows = json.loads(benchbert("table", "runs/profile", "--format", "json", cwd=tmp_path).stdout)
    assert rows
    assert "| " in benchbert("table", "runs/profile", cwd=tmp_path).stdout
    assert benchbert("report", "runs/profile", "--out", "page.html", cwd=tmp_path).returncode == 0
    assert (tmp_path / "page.html").is_file()


def test_cells_that_cannot_be_had_give_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    suite = 'name = "s"\nmodels = [{name = "m", folder = "empty"}]\n[profile]\nprofilers = ["size"]\n'
    (tmp_path / "s.toml").write_text(suite)
    done = benchbert("run", "s.toml", cwd=tmp_path)
    assert done.returncode == 1
    assert "config.json" in done.stderr


def test_doctor_says_what_this_machine_is() -> None:
    done = CliRunner().invoke(cli, ["doctor", "--json"], standalone_mode=False)
    topics = {row["topic"] for row in json.loads(done.stdout)}
    assert {"machine", "processor", "memory", "CUDA", "python", "hub", "mirror", "disk", "backend eager"} <= topics
