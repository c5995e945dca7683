from __future__ import annotations

import pytest
from handmade import controlled_board, majority, score

from benchbert.reports.leaderboard import leaderboard
from benchbert.store.frame import to_frame


def board_of(*results):
    return leaderboard(to_frame(results))


def ranks(board):
    return {row.label: row.rank for row in board.rows}


def test_a_model_that_does_not_beat_the_baseline_has_no_rank_and_says_why() -> None:
    values = {"good": 0.80, "close": 0.53, "worse": 0.40}
    board = board_of(
        *(score(model, task, value) for model, value in values.items() for task in "st"),
        *majority({"s": 0.5, "t": 0.52}),
    )
    assert ranks(board) == {"good": 1, "close": None, "worse": None, "majority": None}
    reasons = {row.label: row.unranked for row in board.unranked}
    assert reasons["close"] == (
        "under-trained or unfit: on macro over 2 tasks, 53.0 [51.6, 54.4] does not beat the majority baseline, "
        "51.0 [49.6, 52.4], by more than the intervals"
    )
    assert reasons["majority"] == "majority baseline: one constant answer a task"
    assert board.rows[-1].is_baseline
    assert {row.label for row in board.rows if row.task_ranks} == {"good"}


def test_where_a_constant_has_no_score_both_are_compared_on_the_other_tasks() -> None:
    # On all three tasks `lucky` has the better macro; without the correlation it is no better than the constant.
    scores = {"good": (0.8, 0.8, 0.2), "lucky": (0.5, 0.5, 0.9)}
    board = board_of(
        *(score(m, task, v) for m, values in scores.items() for task, v in zip("stu", values, strict=True)),
        *majority({"s": 0.5, "t": 0.5, "u": None}),
    )
    assert ranks(board) == {"good": 1, "lucky": None, "majority": None}
    [lucky] = [check for check in board.baseline_checks if check.model == "lucky"]
    assert (lucky.over, lucky.left_out, lucky.beats) == ("the mean over 2 tasks", ("u",), False)
    assert (lucky.score.value, lucky.bar.value) == pytest.approx((0.5, 0.5))
    assert (lucky.above, lucky.not_above, lucky.uncompared) == ((), ("s", "t"), ("u",))
    assert any("a constant has no score on u" in note for note in board.notes)


def test_a_baseline_without_any_common_score_checks_nobody_and_says_so() -> None:
    board = board_of(score("a", "t", 0.1), *majority({"t": None}))
    assert ranks(board) == {"a": 1, "majority": None}
    assert "The majority baseline has no score on t: no model was checked against it." in board.notes


@pytest.mark.parametrize(("direction", "winner"), [("lower", "low"), ("higher", "high")])
def test_the_better_side_is_that_of_the_metric(direction: str, winner: str) -> None:
    how = {"direction": direction, "unit": "nats", "metric": "loss"}
    values = {"low": 1.0, "high": 3.0}
    board = board_of(
        *(score(m, "t", v, **how) for m, v in values.items()),
        score("majority", "t", 2.0, weights="constant", **how),
    )
    assert [row.label for row in board.ranked] == [winner]


def test_without_an_overall_rank_the_rule_holds_by_column() -> None:
    values = {"a": {"s": 0.9, "t": 0.5}, "b": {"s": 0.5, "t": 0.9}}
    board = board_of(
        *(score(m, task, v, complete=False) for m, of in values.items() for task, v in of.items()),
        *majority({"s": 0.5, "t": 0.5}, complete=False),
    )
    assert board.ranked_by == ""
    assert {row.label: dict(row.task_ranks) for row in board.rows} == {"a": {"s": 1}, "b": {"t": 1}, "majority": {}}


def test_a_score_without_interval_is_never_sure_to_beat_it_and_an_exact_baseline_is_a_point() -> None:
    board = board_of(
        score("vague", "t", 0.9, half=None),
        score("sure", "t", 0.6, half=0.05),
        *majority({"t": 0.5}, half=None),
    )
    assert ranks(board) == {"sure": 1, "vague": None, "majority": None}


@pytest.mark.parametrize("seeds", [(1,), (1, 2, 3)])
def test_controls_and_baseline_stand_last_and_are_never_ranked(seeds) -> None:
    board = board_of(*controlled_board(seeds))
    kinds = ["model" if r.is_competitor else "control" if r.is_control else "baseline" for r in board.rows]
    assert kinds == ["model"] * 5 + ["control"] * 5 + ["baseline"]
    assert not any(row.task_ranks or row.rank for row in board.rows if not row.is_competitor)
    reasons = {row.label: row.unranked for row in board.rows}
    assert reasons["bert-a-random"] == "control of bert-a: same architecture, random weights"
    assert reasons["distil-a-alone"].startswith("control of distil-a: ")


def test_a_table_without_the_column_of_controls_has_none() -> None:
    frame = to_frame(controlled_board()).drop(columns="control_of")
    board = leaderboard(frame)
    assert board.controls == ()
    assert [row.label for row in board.rows if row.is_control] == [
        row.label for row in board.rows if row.weights == "random"
    ]
