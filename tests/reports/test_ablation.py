"""Ablations: what a control lacks is read from the lock, and its numbers from results made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from handmade import result, score, write_run

from benchbert.reports.ablation import Ablation, ablations_of
from benchbert.reports.build import build_report
from benchbert.reports.leaderboard import leaderboard
from benchbert.store.files import write_json
from benchbert.store.frame import to_frame
from benchbert.types import Result, Value

LOSSES = {"ce": 5.0, "mlm": 2.0, "cos": 1.0, "mse": 0.0}
STUDENT = {"kind": "distil", "name": "d", "model": {"family": "distilbert"}, "losses": LOSSES, "seed": 1}
CONTROLS: dict[str, tuple[dict[str, Any], str, str]] = {
    "no-ce": (STUDENT | {"name": "a", "losses": LOSSES | {"ce": 0.0}}, "ce", "the loss ce"),
    "no-mlm": (STUDENT | {"name": "b", "losses": LOSSES | {"mlm": 0.0}}, "mlm", "the loss mlm"),
    "fresh": (STUDENT | {"name": "c", "start": "random"}, "start", "the start from its teacher's layers"),
    "alone": (
        {"kind": "pretrain", "name": "e", "model": {"family": "distilbert"}},
        "teacher",
        "the teacher: masked tokens alone, from random weights",
    ),
    "longer": (STUDENT | {"name": "f", "seed": 2, "losses": LOSSES | {"mlm": 1.0}}, "", "another mlm, another seed"),
}
LEVELS = {"bert-a": 0.8, "distil-a": 0.7, "no-ce": 0.6, "no-mlm": 0.75, "fresh": 0.7, "alone": 0.55, "longer": 0.7}


def lock() -> dict[str, Any]:
    recipes: dict[str, Any] = {
        "bert-a": {"settings": {"kind": "pretrain", "name": "t"}},
        "distil-a": {"settings": STUDENT, "teacher_recipe": "bert-a"},
    }
    recipes |= {name: {"settings": settings, "teacher_recipe": "bert-a"} for name, (settings, *_) in CONTROLS.items()}
    return {"models": {name: {"recipe": name} for name in recipes}, "recipes": recipes}


def results() -> list[Result]:
    found = []
    for model, level in LEVELS.items():
        facts = {"control_of": "distil-a"} if model in CONTROLS else {}
        for seed in (1, 2, 3):
            for task in ("sentiment", "pairs"):
                found.append(
                    score(
                        model,
                        task,
                        level + 0.003 * (seed - 2) * (-1) ** len(model),
                        seed=seed,
                        weights="recipe",
                        revision=model,
                        provenance=facts,
                    )
                )
            loss = Value(metric="held_out_mlm_loss", value=10 * (1 - level) + 0.1 * seed, unit="nats")
            spec = {"model": f"recipe-{model}", "weights": "recipe", "revision": model}
            found.append(result("pretrain" if model == "bert-a" else "distil", spec, [loss], seed=seed))
    return found


def found() -> Ablation:
    frame = to_frame(results())
    (only,) = ablations_of(leaderboard(frame), frame, lock())
    return only


def test_every_control_says_what_it_lacks() -> None:
    ablation = found()
    assert ablation.teacher == "bert-a"
    student, *controls = ablation.rows
    assert (student.row.label, student.part, student.lacks, student.difference) == ("distil-a", "", "", None)
    assert {row.row.label: (row.part, row.lacks) for row in controls} == {
        name: (part, lacks) for name, (_, part, lacks) in CONTROLS.items()
    }


def test_differences_are_of_the_control_minus_the_student_paired_by_seed() -> None:
    rows = {row.row.label: row for row in found().rows}
    loss = rows["no-ce"].held_out_difference
    assert loss is not None
    assert loss.value == pytest.approx(1.0)
    assert loss.low == pytest.approx(1.0), "paired by seed, nothing is left to vary"
    held_out = rows["no-ce"].held_out
    assert held_out is not None
    assert held_out.estimate == pytest.approx(4.2)
    change = rows["no-ce"].difference
    assert change is not None
    assert change.value == pytest.approx(-0.1)
    assert change.low is not None
    assert change.high is not None
    assert change.low <= change.value <= change.high < 0


def test_signs_are_held_against_the_paper_whatever_they_are() -> None:
    verdicts = {row.row.label: row.verdict for row in found().rows}
    assert verdicts == {
        "distil-a": "",
        "no-ce": "same sign as the paper",
        "no-mlm": "opposite sign to the paper",
        "fresh": "not told apart here",
        "alone": "",
        "longer": "",
    }


def test_without_a_lock_or_a_distilled_student_there_is_none() -> None:
    frame = to_frame(results())
    assert ablations_of(leaderboard(frame), frame, {}) == ()
    other = lock()
    other["recipes"]["distil-a"]["settings"] = STUDENT | {"kind": "pretrain"}
    assert ablations_of(leaderboard(frame), frame, other) == ()
    other["recipes"] = ["not a table"]
    assert ablations_of(leaderboard(frame), frame, other) == ()


def test_the_section_shows_every_part_with_its_verdict(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", results())
    write_json(run / "lock.json", lock())
    page = build_report(run, tmp_path / "page.html").read_text(encoding="utf-8")
    section = page[page.index('id="ablation"') :]
    for words in (
        "the loss ce",
        "same sign as the paper",
        "opposite sign to the paper",
        "not told apart here",
        "4.200",
    ):
        assert words in section
