"""`benchbert distill RECIPE --minutes M`: measured once, written down as steps, and gone on with exactly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from benchbert.cli.main import cli
from benchbert.distillation.planner import Rehearsed, Text
from benchbert.errors import SuiteError, UsageError
from benchbert.execution import minutes
from benchbert.execution.minutes import fit_minutes
from benchbert.execution.session import Prepared, run_prepared
from tests.execution.conftest import STUDENT, TEACHER


@pytest.fixture
def student(tmp_path: Path) -> Path:
    (tmp_path / "text.txt").write_text("\n".join(f"the {n} cats of house {n * n} sat on a mat" for n in range(400)))
    (tmp_path / "teacher.toml").write_text(f"{CORPUS}{TEACHER.replace('vocabulary = 400', 'vocabulary = 120')}")
    (tmp_path / "student.toml").write_text(CORPUS + STUDENT)
    return tmp_path / "student.toml"


def timings(written: Prepared, seconds: float, console: Any) -> list[Rehearsed]:
    """A second a step: 8 + 4 steps as written, so that 12 / .95 / 2 seconds halve every phase."""
    config = {"num_hidden_layers": 2, "hidden_size": 16, "intermediate_size": 32, "vocab_size": 400}
    config |= {"max_position_embeddings": 128, "type_vocab_size": 2}
    jobs = [written.lock.recipes[str(job.spec["revision"])] for job in written.plan.jobs]
    return [
        Rehearsed(
            name=recipe.settings["name"],
            revision=recipe.digest,
            kind=recipe.settings["kind"],
            family="bert",
            config=config,
            teacher_config={},
            projected=(1.0, 0.0),
            phases=[{k: p[k] for k in ("steps", "batch_size", "sequence_length")} for p in recipe.settings["phases"]],
            seconds=[1.0 for _ in recipe.settings["phases"]],
            cut=False,
            corpus=Text(tokens=1000, documents=1, read=1),
        )
        for recipe in jobs
    ]


CORPUS = 'corpus = "./text.txt"\n'

HALF = 12 / 0.95 / 2 / 60


def steps_of(prepared: Prepared) -> list[list[int]]:
    recipes = [prepared.lock.recipes[str(job.spec["revision"])] for job in prepared.plan.jobs]
    return [[phase["steps"] for phase in recipe.settings["phases"]] for recipe in recipes]


@pytest.mark.slow
def test_what_was_decided_is_run_and_found_again(student: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = student.parent / "run"
    monkeypatch.setattr(minutes, "_rehearse", timings)
    fitted = fit_minutes(student, HALF, out=out)
    assert steps_of(fitted.prepared) == [[3, 1], [2]]
    assert not out.exists(), "preparing writes nothing"
    fitted.keep()
    tally = run_prepared(fitted.prepared)
    assert (tally.done, tally.failed) == (2, {})

    # The same command later: not measured again, the same jobs, all stored.
    monkeypatch.setattr(minutes, "_rehearse", lambda *told: pytest.fail("measured again"))
    again = fit_minutes(student, HALF, out=out)
    assert again.known
    assert [job.id for job in again.prepared.plan.jobs] == [job.id for job in fitted.prepared.plan.jobs]
    assert run_prepared(again.prepared).skipped == 2
    card = next(out.glob("artefacts/*/README.md")).read_text()
    assert "optimizer steps" in card


def test_other_minutes_or_another_recipe_are_decided_anew(student: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = student.parent / "run"
    monkeypatch.setattr(minutes, "_rehearse", timings)
    fit_minutes(student, HALF, out=out).keep()
    twice = fit_minutes(student, 2 * HALF, out=out)
    assert (twice.known, steps_of(twice.prepared)) == (False, [[6, 2], [4]])
    student.write_text(CORPUS + STUDENT.replace("steps = 4", "steps = 8"))
    assert not fit_minutes(student, HALF, out=out).known


def test_a_recipe_may_ask_for_its_minutes_itself(student: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    student.write_text(f"minutes = {HALF}\n{CORPUS}{STUDENT}")
    assert minutes.minutes_of(student) == HALF
    monkeypatch.setattr(minutes, "_rehearse", timings)
    assert steps_of(fit_minutes(student, minutes.minutes_of(student)).prepared) == [[3, 1], [2]]


def test_what_cannot_be_fitted_is_said(student: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minutes, "_rehearse", timings)
    with pytest.raises(UsageError, match="above 0"):
        fit_minutes(student, 0)
    with pytest.raises(UsageError, match="do not hold one optimizer step"):
        fit_minutes(student, 0.01)
    student.write_text(CORPUS + STUDENT.replace("teacher.toml", "nowhere.toml"))
    with pytest.raises(SuiteError, match="there is no file"):
        fit_minutes(student, 1)


@pytest.mark.slow
def test_a_dry_run_measures_shows_and_writes_nothing(student: Path) -> None:
    """Truly measured: whatever the numbers are, they belong together."""
    before = sorted(student.parent.iterdir())
    command = ["distill", str(student), "--minutes", "60", "--calibration", "2", "--dry-run"]
    done = CliRunner().invoke(cli, [*command, "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    plan = json.loads(done.stdout)
    assert [one["name"] for one in plan["recipes"]] == ["tiny-bert", "tiny-distilbert"]
    assert sum(one["minutes"] for one in plan["recipes"]) == pytest.approx(57, abs=0.5)
    assert [size["extrapolated"] for size in plan["sizes"]].count(False) == 1
    assert any("not measured" in note for note in plan["notes"])
    assert sorted(student.parent.iterdir()) == before


def test_json_is_for_a_plan(student: Path) -> None:
    refused = CliRunner().invoke(cli, ["distill", str(student), "--json"])
    assert isinstance(refused.exception, UsageError)
