from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet
from scipy import stats
from sklearn.metrics import f1_score
from stored_runs import classes, keep, noisy, numbers, texts

from benchbert.comparison.compare import CROSSED, EXCHANGED, MCNEMAR, PAIRED, compare
from benchbert.errors import DataError, StoreError, UnknownNameError, UsageError
from benchbert.statistics.holm import holm

RNG = np.random.default_rng(3)
LABELS = RNG.integers(0, 2, 200)
GOOD, BAD = noisy(LABELS, 0.9, RNG), noisy(LABELS, 0.7, RNG)


def two_models(folder: Path, task: str = "glue/sst2") -> Path:
    keep(folder, "a", task, classes(LABELS.tolist(), GOOD))
    keep(folder, "b", task, classes(LABELS.tolist(), BAD))
    return folder


def test_two_checkpoints_by_accuracy_are_compared_by_mcnemars_exact_test(tmp_path: Path) -> None:
    (task,) = compare(two_models(tmp_path), ("a", "b"), resamples=500).tasks
    won = [i for i in range(200) if GOOD[i] == LABELS[i] != BAD[i]]
    lost = [i for i in range(200) if BAD[i] == LABELS[i] != GOOD[i]]
    assert (task.test, task.claim, task.verdict) == (MCNEMAR, "checkpoints", "better")
    assert task.p == pytest.approx(stats.binomtest(len(won), len(won) + len(lost), 0.5).pvalue)
    assert (task.outcomes.won, task.outcomes.lost) == (len(won), len(lost))
    assert task.effect == pytest.approx((len(won) - len(lost)) / 200)
    assert task.low < task.effect < task.high
    assert "score interval of two paired shares" in task.interval_kind
    assert [example.id for example in task.outcomes.listed_won] == [str(i) for i in won[:10]]
    first = task.outcomes.listed_won[0]
    names = ("negative", "positive")
    assert (first.label, first.ours) == (names[LABELS[won[0]]], names[LABELS[won[0]]])
    assert first.theirs == names[1 - LABELS[won[0]]]


def test_roles_can_be_exchanged(tmp_path: Path) -> None:
    folder = two_models(tmp_path)
    (ours,), (theirs,) = (compare(folder, pair, resamples=500).tasks for pair in (("a", "b"), ("b", "a")))
    assert (ours.p, ours.effect) == (theirs.p, pytest.approx(-theirs.effect))
    assert (theirs.verdict, ours.outcomes.won) == ("worse", theirs.outcomes.lost)


def test_f1_correlations_and_spans_are_compared_by_the_paired_bootstrap(tmp_path: Path) -> None:
    two_models(tmp_path, "glue/mrpc")
    truth = RNG.uniform(0, 5, 100)
    keep(tmp_path, "a", "glue/stsb", numbers(truth, truth + RNG.normal(0, 0.5, 100)))
    keep(tmp_path, "b", "glue/stsb", numbers(truth, truth + RNG.normal(0, 3.0, 100)))
    golds = [["red fox"], ["blue whale", "whale"], ["grey owl"]] * 10
    keep(tmp_path, "a", "squad", texts(golds, ["red fox", "whale", "owl"] * 10))
    keep(tmp_path, "b", "squad", texts(golds, ["red", "", "grey owl"] * 10))
    found = {task.label: task for task in compare(tmp_path, ("a", "b"), resamples=400).tasks}
    assert {label: task.test for label, task in found.items()} == {
        "glue/mrpc": PAIRED,
        "glue/stsb": PAIRED,
        "squad": EXCHANGED,
    }
    assert found["glue/mrpc"].ours == pytest.approx(f1_score(LABELS, GOOD))
    assert found["glue/stsb"].verdict == "better"
    squad = found["squad"]
    assert (squad.ours, squad.theirs) == pytest.approx(((1 + 1 + 2 / 3) / 3, (2 / 3 + 0 + 1) / 3))
    assert (squad.outcomes.won, squad.outcomes.lost) == (20, 10)
    assert {example.theirs for example in squad.outcomes.listed_won} == {"(no answer)"}
    adjusted = holm([task.p for task in found.values()])
    assert [task.p_adjusted for task in found.values()] == pytest.approx(adjusted)


@pytest.mark.parametrize(("seeds", "claim", "test"), [(4, "checkpoints", PAIRED), (5, "models", CROSSED)])
def test_a_claim_about_models_needs_five_seeds_of_both(tmp_path: Path, seeds: int, claim: str, test: str) -> None:
    rng = np.random.default_rng(5)
    for seed in range(5):
        keep(tmp_path, "a", "glue/sst2", classes(LABELS.tolist(), noisy(LABELS, 0.9, rng)), seed=seed)
    for seed in range(seeds):
        keep(tmp_path, "b", "glue/sst2", classes(LABELS.tolist(), noisy(LABELS, 0.7, rng)), seed=seed)
    found = compare(tmp_path, ("a", "b"), resamples=500)
    (task,) = found.tasks
    assert (task.claim, task.test, task.verdict) == (claim, test, "better")
    assert any(("needs 5 seeds" in note) == (claim == "checkpoints") for note in found.notes if "claim" in note)


def test_seeds_with_the_very_same_predictions_are_one_checkpoint(tmp_path: Path) -> None:
    for seed in range(6):
        keep(tmp_path, "a", "glue/sst2", classes(LABELS.tolist(), GOOD), seed=seed)
        keep(tmp_path, "b", "glue/sst2", classes(LABELS.tolist(), BAD), seed=seed)
    (task,) = compare(tmp_path, ("a", "b"), resamples=500).tasks
    assert (task.our_seeds, task.claim, task.test) == ((0,), "checkpoints", MCNEMAR)


def test_the_constant_baseline_needs_no_seeds(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    for seed in range(5):
        keep(tmp_path, "a", "glue/sst2", classes(LABELS.tolist(), noisy(LABELS, 0.9, rng)), seed=seed)
    keep(tmp_path, "majority", "glue/sst2", classes(LABELS.tolist(), [1] * 200), weights="constant")
    (task,) = compare(tmp_path, ("a", "majority"), resamples=500).tasks
    assert (task.claim, task.verdict) == ("models", "better")


def test_an_undefined_score_has_no_p_value_and_is_no_member_of_the_family(tmp_path: Path) -> None:
    two_models(tmp_path)
    truth = RNG.uniform(0, 5, 40)
    keep(tmp_path, "a", "glue/stsb", numbers(truth, truth))
    keep(tmp_path, "b", "glue/stsb", numbers(truth, [2.5] * 40))
    found = {task.task: task for task in compare(tmp_path, ("a", "b"), resamples=200).tasks}
    assert (found["glue/stsb"].p, found["glue/stsb"].verdict, found["glue/stsb"].theirs) == (None, "undefined", None)
    assert found["glue/sst2"].p_adjusted == found["glue/sst2"].p


def test_not_worse_is_a_test_with_a_stated_margin(tmp_path: Path) -> None:
    folder = two_models(tmp_path)
    assert compare(folder, ("a", "b"), resamples=200).tasks[0].non_inferiority is None
    shown = [
        compare(folder, pair, margin=0.02, resamples=500).tasks[0].non_inferiority.shown
        for pair in (("a", "b"), ("b", "a"))
    ]
    assert shown == [True, False]


def test_rows_in_another_order_are_brought_together(tmp_path: Path) -> None:
    table = classes(LABELS.tolist(), BAD)
    keep(tmp_path / "1", "a", "glue/sst2", classes(LABELS.tolist(), GOOD))
    keep(tmp_path / "1", "b", "glue/sst2", table)
    keep(tmp_path / "2", "a", "glue/sst2", classes(LABELS.tolist(), GOOD))
    keep(tmp_path / "2", "b", "glue/sst2", table.take(RNG.permutation(200)))
    assert compare(tmp_path / "1", ("a", "b"), resamples=200) == compare(tmp_path / "2", ("a", "b"), resamples=200)


def test_a_folder_of_run_folders_is_read_as_one(tmp_path: Path) -> None:
    keep(tmp_path / "x", "a", "glue/sst2", classes(LABELS.tolist(), GOOD))
    keep(tmp_path / "y", "b", "glue/sst2", classes(LABELS.tolist(), BAD))
    assert compare(tmp_path, ("a", "b"), resamples=200).tasks[0].verdict == "better"


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"fingerprint": "f1"}, "data"),
        ({"version": 2}, "version of the task '1' and '2'"),
        ({"split": "test"}, "split 'validation' and 'test'"),
        ({"protocol": "prediction-2"}, "protocol"),
    ],
)
def test_other_ground_is_never_compared(tmp_path: Path, more: dict, what: str) -> None:
    keep(tmp_path, "a", "glue/sst2", classes(LABELS.tolist(), GOOD))
    keep(tmp_path, "b", "glue/sst2", classes(LABELS.tolist(), BAD), **more)
    with pytest.raises(DataError, match=f"glue/sst2: they differ in {what}"):
        compare(tmp_path, ("a", "b"))


def changed(name: str, row: int, value: str):
    column = classes([0, 1, 1], [0, 0, 1])[name].to_pylist()
    return classes([0, 1, 1], [0, 0, 1], **{name: [value if i == row else old for i, old in enumerate(column)]})


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (changed("id", 1, "0"), "id '0' stand there more than once"),
        (changed("id", 1, "9"), "no prediction for id '1'"),
        (classes([0, 1], [0, 1]), "no prediction for id '2'"),
        (changed("input_hash", 2, "other"), "id '2' had another input"),
        (classes([0, 1, 0], [0, 0, 1]), "id '2' had another label"),
    ],
)
def test_examples_that_are_not_the_same_are_named(tmp_path: Path, table, message: str) -> None:
    keep(tmp_path, "a", "glue/sst2", classes([0, 1, 1], [0, 1, 1]))
    keep(tmp_path, "b", "glue/sst2", table)
    with pytest.raises(DataError, match=message):
        compare(tmp_path, ("a", "b"))


def test_predictions_that_are_gone_changed_or_scored_otherwise_are_refused(tmp_path: Path) -> None:
    right = classes(LABELS.tolist(), GOOD)
    path = keep(tmp_path, "a", "glue/sst2", right)
    keep(tmp_path, "b", "glue/sst2", classes(LABELS.tolist(), BAD))
    parquet.write_table(classes(LABELS.tolist(), BAD), path)
    with pytest.raises(StoreError, match="is not what its result says"):
        compare(tmp_path, ("a", "b"))
    path.unlink()
    with pytest.raises(StoreError, match="predictions are gone"):
        compare(tmp_path, ("a", "b"))
    keep(tmp_path, "a", "glue/sst2", right, scored=classes(LABELS.tolist(), BAD))
    with pytest.raises(StoreError, match="another version scored it"):
        compare(tmp_path, ("a", "b"))


def test_names_that_are_none_or_more_than_one_are_said(tmp_path: Path) -> None:
    folder = two_models(tmp_path)
    keep(folder, "b", "glue/sst2", classes(LABELS.tolist(), BAD), dtype="bfloat16")
    with pytest.raises(UnknownNameError, match="there are a, b"):
        compare(folder, ("a", "zebra"))
    with pytest.raises(UsageError, match=r"'b \(float32\)', 'b \(bfloat16\)'|'b \(bfloat16\)', 'b \(float32\)'"):
        compare(folder, ("a", "b"))
    assert compare(folder, ("a", "b (bfloat16)"), resamples=200).models == ("a", "b (bfloat16)")
    with pytest.raises(UsageError, match="compared with itself"):
        compare(folder, ("a", "a"))


def test_one_task_is_chosen_and_what_only_one_model_has_is_left_out(tmp_path: Path) -> None:
    two_models(tmp_path)
    two_models(tmp_path, "glue/rte")
    keep(tmp_path, "a", "glue/cola", classes(LABELS.tolist(), GOOD))
    assert [task.task for task in compare(tmp_path, ("a", "b"), "glue/rte", resamples=200).tasks] == ["glue/rte"]
    found = compare(tmp_path, ("a", "b"), resamples=200)
    assert found.left_out == {"glue/cola": "only a has predictions on it"}
    with pytest.raises(DataError, match="'glue/cola' in common"):
        compare(tmp_path, ("a", "b"), "glue/cola")


@pytest.mark.parametrize("wrong", [{"level": 0.4}, {"level": 1.0}, {"margin": 0.0}, {"resamples": 3}, {"listed": -1}])
def test_settings_out_of_range_are_refused(tmp_path: Path, wrong: dict) -> None:
    with pytest.raises(UsageError):
        compare(tmp_path, ("a", "b"), **wrong)


def test_a_margin_wider_than_scores_can_differ_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"one point is 0\.01"):
        compare(two_models(tmp_path), ("a", "b"), margin=1.0)
