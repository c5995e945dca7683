"""Of errors the lower is the better: verdicts, non-inferiority, retention, and how they are printed."""

from __future__ import annotations

import html
from pathlib import Path

import numpy as np
import pytest
from stored_runs import keep, numbers

from benchbert.comparison.compare import compare
from benchbert.comparison.retention import retention
from benchbert.errors import UsageError
from benchbert.reports.compared import compared_text
from benchbert.reports.estimate import significant
from benchbert.reports.leaderboard import leaderboard_of
from benchbert.types import DatasetRef, Split, Task

OWN = Task(
    name="own",
    dataset=DatasetRef(id="files/own"),
    head="regression",
    text=("text",),
    labels=(),
    evaluation=(Split(name="validation", rows=200),),
    metrics=("mse", "pearson"),
)


def plain(markdown: str) -> str:
    """Markdown as it reads when rendered."""
    return html.unescape(markdown.replace("\\", ""))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model with an error of about 1, and one with about 6."""
    rng = np.random.default_rng(41)
    truth = rng.uniform(0, 20, 200)
    for model, blur in (("near", 1.0), ("far", 2.5)):
        keep(tmp_path, model, "own", numbers(truth, truth + rng.normal(0, blur, 200)), own=OWN)
    return tmp_path


def test_the_model_with_the_larger_error_is_worse(folder: Path) -> None:
    near, far = (compare(folder, pair, resamples=300).tasks[0] for pair in (("near", "far"), ("far", "near")))
    assert (near.verdict, far.verdict) == ("better", "worse")
    assert near.effect == pytest.approx(-far.effect)
    assert near.effect < 0
    assert (near.unit, near.direction) == ("label²", "lower")


def test_not_worse_means_no_larger_error_by_the_margin_in_its_unit(folder: Path) -> None:
    def shown(ours: str, theirs: str, margin: float) -> bool:
        return compare(folder, (ours, theirs), resamples=300, margin=margin).tasks[0].non_inferiority.shown

    assert shown("near", "far", 0.5)
    assert not shown("far", "near", 0.5)
    assert shown("far", "near", 9.0)


def test_errors_are_printed_in_their_unit_and_not_times_a_hundred(folder: Path) -> None:
    found = compare(folder, ("far", "near"), resamples=300, margin=0.5, listed=0)
    text = compared_text(found, "markdown")
    (task,) = found.tasks
    ours, theirs, effect, low, high = map(significant, (task.ours, task.theirs, task.effect, task.low, task.high))
    assert f"| {ours} | {theirs} | +{effect} [{low}, {high}] |" in plain(text)
    assert "mse (label²)" in text
    assert "Not worse by 0.5 label²" in text
    assert "far is worse" in text
    assert "mse on own is in label², not times 100, and so is its margin; lower is better." in found.notes


def test_of_an_error_nothing_is_kept(folder: Path) -> None:
    found = retention(folder, "far", "near", resamples=300)
    (task,) = found.tasks
    assert (task.kept.share, task.kept.low, task.kept.unit) == (None, None, "label²")
    assert task.kept.student > 4 * task.kept.teacher
    assert any("a share of it is not what is kept" in note for note in found.notes)
    student, teacher = significant(task.kept.student), significant(task.kept.teacher)
    assert f"| {student} | {teacher} | –" in plain(compared_text(found, "markdown"))


def test_the_reason_for_no_rank_is_in_the_unit_of_the_error(folder: Path) -> None:
    rng = np.random.default_rng(41)
    truth = rng.uniform(0, 20, 200)
    keep(folder, "lost", "own", numbers(truth, truth + rng.normal(0, 9, 200)), own=OWN)
    keep(folder, "majority", "own", numbers(truth, [10.0] * 200), own=OWN, weights="constant")
    rows = {row.label: row for row in leaderboard_of(folder).rows}
    (task,) = compare(folder, ("lost", "majority")).tasks
    assert task.verdict == "worse"
    assert f"(difference +{significant(task.effect)} [" in rows["lost"].unranked
    assert rows["near"].rank == 1


def test_one_margin_over_metrics_of_different_units_is_said_in_each_row(folder: Path) -> None:
    rng = np.random.default_rng(42)
    truth = rng.uniform(0, 5, 150)
    for model, blur in (("near", 0.5), ("far", 0.6)):
        keep(folder, model, "glue/stsb", numbers(truth, truth + rng.normal(0, blur, 150)))
    text = compared_text(compare(folder, ("far", "near"), resamples=200, margin=0.05, listed=0), "markdown")
    assert "| Not worse |" in text
    assert "by 0.05 label²: not shown" in text
    assert "by 5: " in text
    with pytest.raises(UsageError, match="pearson on glue/stsb"):
        compare(folder, ("far", "near"), margin=2.0)
