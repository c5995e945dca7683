"""Rehearsed steps of real recipes under a clock that the test moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchbert.distillation.rehearsal import Rehearsal, rehearse
from benchbert.execution.session import Prepared, prepare_recipe
from benchbert.store.context import JobContext
from benchbert.store.files import RunFolder
from benchbert.training.masked_steps import MaskedSteps
from tests.execution.conftest import STUDENT, TEACHER


def tiny(folder: Path) -> None:
    """Teacher and student on 50 lines of text."""
    (folder / "text.txt").write_text("\n".join(f"the {n} cats of house {n * n} sat on a mat" for n in range(50)))
    corpus = 'corpus = "./text.txt"\n'
    (folder / "teacher.toml").write_text(corpus + TEACHER.replace("vocabulary = 400", "vocabulary = 120"))
    (folder / "student.toml").write_text(corpus + STUDENT)


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    tiny(tmp_path)
    return prepare_recipe(tmp_path / "student.toml", out=tmp_path / "run")


def context_of(prepared: Prepared, number: int) -> JobContext:
    return JobContext(job=prepared.plan.jobs[number], lock=prepared.lock, folder=RunFolder(prepared.out))


class Clock:
    """Moves by what a step costs, as the test says: by its length as the recipe has it, 32 where it is of pairs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, costs: Mapping[int, float]) -> None:
        self.now, self.steps = 100.0, [0]
        made = MaskedSteps.__call__

        def costly(steps: MaskedSteps, step: int) -> Any:
            batches, totals = made(steps, step)
            self.now += costs[32 if totals["pairs"] else 16]
            self.steps.append(step)
            return batches, totals

        monkeypatch.setattr(MaskedSteps, "__call__", costly)

    def __call__(self) -> float:
        return self.now


def test_each_phase_is_timed_by_its_own_steps(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    found = rehearse(context_of(prepared, 0), 1000.0, Clock(monkeypatch, {16: 0.25, 32: 2.0}))
    assert found.seconds == [0.25, 2.0]
    assert [dict(phase) for phase in found.phases] == [
        {"steps": 6, "batch_size": 8, "sequence_length": 16},
        {"steps": 2, "batch_size": 4, "sequence_length": 32},
    ]
    assert (found.kind, found.family, found.teacher_family, found.cut) == ("pretrain", "bert", "", False)
    assert (found.config["num_hidden_layers"], found.config["hidden_size"]) == (2, 16)
    assert 0 < found.corpus.read <= found.corpus.documents
    assert not prepared.out.exists()


def test_a_student_is_timed_before_its_teacher_is_made(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    found = rehearse(context_of(prepared, 1), 1000.0, Clock(monkeypatch, {16: 0.5}))
    assert found.seconds == [0.5]
    assert (found.kind, found.teacher_family) == ("distil", "bert")
    assert found.teacher_revision == prepared.plan.jobs[0].spec["revision"]
    assert found.projected == (1.0, 1.0)
    assert found.teacher_config["num_hidden_layers"] == 2


def test_the_seconds_bound_the_steps(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step under way is not cut off, and the phase that time does not reach stays unmeasured."""
    clock = Clock(monkeypatch, {16: 40.0, 32: 40.0})
    found = rehearse(context_of(prepared, 0), 30.0, clock)
    assert found.seconds == [40.0, None]
    assert found.step_seconds == [40.0, 40.0]
    assert clock.now == 140.0


def test_a_large_step_is_timed_by_one_micro_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny(tmp_path)
    teacher = tmp_path / "teacher.toml"
    teacher.write_text(teacher.read_text().replace("{steps = 6, batch_size = 8,", "{steps = 6, batch_size = 2048,"))
    prepared = prepare_recipe(teacher, out=tmp_path / "run")
    context = context_of(prepared, 0)
    rows: Sequence[int] = [phase["batch_size"] for phase in Rehearsal(context).settings["phases"]]
    assert rows == [512, 4]
    found = rehearse(context, 0.1, Clock(monkeypatch, {16: 1.0, 32: 1.0}))
    assert found.cut
    assert found.seconds == [4.0, None]
