"""The four GLUE averages on a board: against the published oracle, over seeds, and blocked by what is missing."""

from __future__ import annotations

import statistics

import pytest
from handmade import score

from benchbert.reports.claimed_scores import retention
from benchbert.reports.leaderboard import leaderboard
from benchbert.reports.measured import Measured, Unknown
from benchbert.reports.tables import board_table
from benchbert.store.frame import to_frame
from benchbert.types import Result

# BERT-base and DistilBERT as DistilBERT's README has them: the averages there are 79.5 and 77.0.
TASKS = ("cola", "mnli", "mrpc", "qnli", "qqp", "rte", "sst2", "stsb", "wnli")
ORACLE = {
    "bert-base-uncased": (56.3, 84.7, 88.6, 91.8, 89.6, 69.3, 92.7, 89.0, 53.5),
    "distilbert-base-uncased": (51.3, 82.1, 87.5, 89.2, 88.5, 59.9, 91.3, 86.9, 56.3),
}
METRICS = {"cola": ["matthews_correlation"], "mrpc": ["f1", "accuracy"], "stsb": ["pearson", "spearman"]}
METRICS |= {"qqp": ["f1", "accuracy"]}


def glue(model: str, seed: int, shift: float = 0.0, without: str = "", undefined: str = "") -> list[Result]:
    """All nine tasks of one seed."""
    found = []
    for task, value in zip(TASKS, ORACLE[model], strict=True):
        if task == without:
            continue
        splits = ["validation_matched", "validation_mismatched"] if task == "mnli" else ["validation"]
        for split in splits:
            for metric in METRICS.get(task, ["accuracy"]):
                number = None if task == undefined else value / 100 + shift
                found.append(score(model, f"glue/{task}", number, seed=seed, metric=metric, split=split))
    return found


def test_the_oracle_of_the_protocol() -> None:
    board = leaderboard(to_frame([*glue("bert-base-uncased", 1), *glue("distilbert-base-uncased", 1)]))
    found = {mean.name: {label: round(100 * e.value, 2) for label, e in mean.scores.items()} for mean in board.averages}
    assert found["distilbert"] == {"bert-base-uncased": 79.5, "distilbert-base-uncased": 77.0}
    assert found["no_wnli"] == {"bert-base-uncased": 82.75, "distilbert-base-uncased": 79.59}
    assert list(found) == ["official", "bert", "distilbert", "no_wnli"]
    assert "GLUE average no\\_wnli" in board_table(board, "markdown")
    assert "glue_average official sd" in board_table(board, "csv")
    board_table(board, "json")


def test_over_seeds_it_is_the_mean_with_its_spread() -> None:
    shifts = {1: 0.0, 2: 0.01, 3: -0.02}
    rows = [each for seed, shift in shifts.items() for each in glue("bert-base-uncased", seed, shift)]
    (mean,) = (mean for mean in leaderboard(to_frame(rows)).averages if mean.name == "distilbert")
    found = mean.scores["bert-base-uncased"]
    assert found.value == pytest.approx(0.795 + statistics.mean(shifts.values()), abs=1e-6)
    assert found.sd == pytest.approx(statistics.stdev(shifts.values()))
    assert found.seeds == 3
    assert "3 seeds with sd 1.53" in found.basis


@pytest.mark.parametrize("how", ["without", "undefined"])
def test_one_seed_without_a_task_blocks_the_average_and_says_which(how: str) -> None:
    rows = [*glue("bert-base-uncased", 1), *glue("bert-base-uncased", 2, **{how: "stsb"})]
    board = leaderboard(to_frame(rows))
    for mean in board.averages:
        assert mean.scores == {}
        assert {label.partition("/")[0] for label in mean.blocked["bert-base-uncased"]} == {"stsb"}
    (note,) = (note for note in board.notes if "has no average" in note)
    assert "bert-base-uncased has no average official, bert, distilbert and no_wnli: missing or undefined stsb." in note


def test_a_few_tasks_are_no_glue_and_samples_do_not_count() -> None:
    few = [each for each in glue("bert-base-uncased", 1) if each.job.spec["task"] in {"glue/sst2", "glue/cola"}]
    assert leaderboard(to_frame(few)).averages == ()


def test_a_collapsed_seed_stays_in_the_share_that_a_student_keeps() -> None:
    names = ("distilbert-base-uncased", "bert-base-uncased", "distilbert")
    teacher = [each for seed in (1, 2) for each in glue("bert-base-uncased", seed)]
    student = [*glue("distilbert-base-uncased", 1), *glue("distilbert-base-uncased", 2, shift=-0.4)]
    found = retention(to_frame([*teacher, *student]), *names)
    assert isinstance(found, Measured)
    assert found.value == pytest.approx((77.0 / 79.5 + 37.0 / 79.5) / 2, abs=1e-4)
    broken = [*glue("distilbert-base-uncased", 1), *glue("distilbert-base-uncased", 2, undefined="stsb")]
    refused = retention(to_frame([*teacher, *broken]), *names)
    assert isinstance(refused, Unknown)
    assert refused.reason == "undefined with seed 2 of distilbert-base-uncased: stsb/pearson"
