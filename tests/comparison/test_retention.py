from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from stored_runs import classes, keep, noisy, numbers, texts

from benchbert.comparison.retention import retention
from benchbert.errors import UsageError
from benchbert.metrics.averages import average
from benchbert.metrics.calibration import confidences, expected_calibration_error

RNG = np.random.default_rng(11)
LABELS = RNG.integers(0, 2, 120)
CLASSES = ("cola", "sst2", "mrpc", "qqp", "qnli", "rte", "wnli")


def glue(folder: Path, *, seeds: int = 1, without: str = "", sample: str = "") -> Path:
    """A student and a teacher on all of GLUE."""
    rng = np.random.default_rng(12)
    truth = rng.uniform(0, 5, 120)
    for model, right, blur in (("student", 0.8, 1.0), ("teacher", 0.9, 0.5)):
        for seed in range(1, seeds + 1):
            for name in CLASSES:
                if name != without:
                    table = classes(LABELS.tolist(), noisy(LABELS, right, rng))
                    keep(folder, model, f"glue/{name}", table, seed=seed, complete=name != sample)
            for half in ("matched", "mismatched"):
                table = classes(LABELS.tolist(), noisy(LABELS, right, rng))
                keep(folder, model, "glue/mnli", table, seed=seed, split=f"validation_{half}")
            keep(folder, model, "glue/stsb", numbers(truth, truth + rng.normal(0, blur, 120)), seed=seed)
    return folder


def test_the_named_averages_are_kept_with_and_without_wnli(tmp_path: Path) -> None:
    found = retention(glue(tmp_path), "student", "teacher", resamples=300)
    assert set(found.averages) == {"official", "bert", "distilbert", "no_wnli"}
    scores = {task.label: task.kept for task in found.tasks}
    assert len(scores) == 10
    columns = {f"{label.removeprefix('glue/')}": kept for label, kept in scores.items()}
    metric = {"cola": "matthews_correlation", "mrpc": "f1", "stsb": "pearson"}
    main = {
        f"{name}/{metric.get(name, 'accuracy')}": kept.student
        for name, kept in columns.items()
        if name in {"cola", "mrpc", "qnli", "rte", "sst2", "stsb"}
    }
    main["mnli_matched/accuracy"] = columns["mnli validation_matched"].student
    without = found.averages["no_wnli"]
    # QQP's main metric is F1, the average takes its accuracy: all labels and noise are the same kind, so near it.
    main["qqp/accuracy"] = without.student * 8 - sum(main.values())
    assert 0.6 < main["qqp/accuracy"] < 0.95
    assert average("no_wnli", main).value == pytest.approx(without.student)
    for kept in found.averages.values():
        assert kept.share == pytest.approx(kept.student / kept.teacher)
        assert kept.low < kept.share < kept.high
        assert kept.share < 1
    assert found.averages["distilbert"].student != without.student


def test_a_missing_task_or_a_sample_blocks_an_average_and_says_so(tmp_path: Path) -> None:
    found = retention(glue(tmp_path, without="wnli", sample="rte"), "student", "teacher", resamples=200)
    kept = found.averages["no_wnli"]
    assert (kept.share, kept.student, kept.low) == (None, None, None)
    assert "rte/accuracy" in kept.kind
    assert "wnli" not in kept.kind
    assert "wnli/accuracy" in found.averages["distilbert"].kind
    assert any("no_wnli" in note for note in found.notes)


def test_from_five_seeds_on_the_claim_is_about_the_models_and_its_interval_wider(tmp_path: Path) -> None:
    few = retention(glue(tmp_path / "4", seeds=4), "student", "teacher", resamples=300)
    many = retention(glue(tmp_path / "5", seeds=5), "student", "teacher", resamples=300)
    assert {task.kept.claim for task in few.tasks} == {"checkpoints"}
    assert many.averages["bert"].claim == "models"
    widths = [each.averages["bert"].high - each.averages["bert"].low for each in (few, many)]
    assert widths[1] > widths[0]


def test_the_paired_interval_of_a_student_that_errs_as_its_teacher_is_narrow(tmp_path: Path) -> None:
    guesses = noisy(LABELS, 0.8, RNG)
    keep(tmp_path, "teacher", "glue/sst2", classes(LABELS.tolist(), guesses))
    alike = guesses.copy()
    alike[0] = 1 - alike[0]
    keep(tmp_path, "student", "glue/sst2", classes(LABELS.tolist(), alike))
    keep(tmp_path, "stranger", "glue/sst2", classes(LABELS.tolist(), noisy(LABELS, 0.8, RNG)))
    width = {
        name: (kept := retention(tmp_path, name, "teacher", resamples=300).tasks[0].kept).high - kept.low
        for name in ("student", "stranger")
    }
    assert width["student"] < 0.5 * width["stranger"]


def test_agreement_flips_and_calibration(tmp_path: Path) -> None:
    labels = [0, 0, 1, 1, 2, 2]
    student, teacher = [0, 1, 1, 0, 2, 1], [0, 0, 0, 1, 2, 0]
    ours, theirs = classes(labels, student), classes(labels, teacher)
    keep(tmp_path, "student", "glue/mnli", ours, split="validation_matched")
    keep(tmp_path, "teacher", "glue/mnli", theirs, split="validation_matched")
    found = retention(tmp_path, "student", "teacher", resamples=200).tasks[0].agreement
    assert found.agreement == pytest.approx(2 / 6)
    assert (found.kept_right, found.kept_wrong) == pytest.approx((2 / 6, 1 / 6))
    assert (found.flipped_to_wrong, found.flipped_to_right) == pytest.approx((2 / 6, 1 / 6))
    right = np.array(student) == np.array(labels)
    logits = np.array(ours["scores"].to_pylist())
    assert found.student_ece == pytest.approx(expected_calibration_error(confidences(logits), right))
    assert found.bins == 15


def test_spans_agree_by_their_normalised_text_and_have_no_calibration(tmp_path: Path) -> None:
    golds = [["the fox"], ["an owl"], ["whales"]]
    keep(tmp_path, "student", "squad", texts(golds, ["Fox", "owls", "whale"]))
    keep(tmp_path, "teacher", "squad", texts(golds, ["fox.", "owl", "whale"]))
    found = retention(tmp_path, "student", "teacher", resamples=200).tasks[0].agreement
    assert found.agreement == pytest.approx(2 / 3)
    assert (found.kept_right, found.flipped_to_wrong, found.kept_wrong) == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert (found.student_ece, found.teacher_ece) == (None, None)


def test_a_teacher_without_a_score_above_zero_keeps_nothing(tmp_path: Path) -> None:
    keep(tmp_path, "student", "glue/cola", classes([0, 1, 0, 1], [0, 1, 0, 1]))
    keep(tmp_path, "teacher", "glue/cola", classes([0, 1, 0, 1], [1, 1, 1, 1]))
    kept = retention(tmp_path, "student", "teacher", resamples=200).tasks[0].kept
    assert (kept.share, kept.teacher) == (None, 0.0)
    assert "not above 0" in kept.kind
    with pytest.raises(UsageError, match="own teacher"):
        retention(tmp_path, "student", "student")
