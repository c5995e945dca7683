from __future__ import annotations

import random

import pytest
from handmade import controlled_board, full_board, majority, score
from scipy import stats

from benchbert.reports.findings import findings, headline
from benchbert.reports.leaderboard import leaderboard
from benchbert.reports.notes import not_ranked_notes
from benchbert.reports.tables import table
from benchbert.statistics.differences import COMBINED, PAIRED
from benchbert.store.frame import to_frame


def board_of(*results):
    return leaderboard(to_frame(results))


def said(*results) -> str:
    return " ".join(findings(board_of(*results)))


def control(model: str, task: str, value: float, **how):
    return score(f"{model}-random", task, value, weights="random", provenance={"control_of": model}, **how)


def test_first_sentences_say_what_controls_and_baseline_show() -> None:
    board = board_of(*controlled_board())
    text = " ".join(findings(board))
    assert headline(board).startswith("bert-a and distil-a share the first rank")
    assert (
        "bert-a, distil-a and albert-a lie above the same models from random weights on macro over 4 tasks by more "
        "than the intervals (bert-a +28.1 [26.0, 30.2], " in text
    )
    assert "; mobile-a is not told apart from the same model from random weights (+0.4 [" in text
    assert (
        "On macro over 4 tasks distil-a lies above its control distil-a-alone by more than the interval (+7.8" in text
    )
    assert f"95% {COMBINED}, 1 seed" in text
    assert "Every ranked model beats the majority baseline (on the mean over 3 tasks" in text
    assert "raw-a does not beat the majority baseline by more than the intervals and is not ranked" in text
    assert "Labelled under-trained and not ranked: mobile-a." in text


def test_a_difference_of_macros_pairs_the_seeds() -> None:
    generator = random.Random(1)
    ours, theirs = ({(task, seed): generator.random() for task in "st" for seed in (1, 2, 3)} for _ in range(2))
    board = board_of(
        *(score("a", task, value, seed=seed) for (task, seed), value in ours.items()),
        *(control("a", task, value, seed=seed) for (task, seed), value in theirs.items()),
    )
    [pair] = board.controls
    macros = [[(values["s", seed] + values["t", seed]) / 2 for seed in (1, 2, 3)] for values in (ours, theirs)]
    expected = stats.ttest_rel(*macros).confidence_interval(0.95)
    assert (pair.macro.low, pair.macro.high) == pytest.approx((expected.low, expected.high))
    assert (pair.macro.kind, pair.macro.seeds) == (PAIRED, 3)
    assert set(pair.columns) == {"s", "t"}


def test_a_loss_lies_below_where_it_is_better() -> None:
    how = {"direction": "lower", "unit": "nats", "metric": "loss"}
    text = said(score("a", "t", 1.0, **how), control("a", "t", 3.0, **how))
    assert "a lies below the same model from random weights on t by more than the interval (-2.00 [" in text
    assert "lies above" not in text


def test_a_control_that_misses_a_task_is_compared_by_column() -> None:
    board = board_of(score("a", "s", 0.9), score("a", "t", 0.9), control("a", "s", 0.5))
    assert board.controls[0].macro is None
    assert "a is better than a-random on 1 of 1 columns" in " ".join(findings(board))


def test_random_weights_without_a_model_are_compared_as_the_best_control() -> None:
    assert "3 of 3 ranked models lie above the best control with random weights (control, 45.0" in said(*full_board())
    how = {"direction": "lower", "unit": "nats", "metric": "loss"}
    losses = {"a": 1.0, "r1": 2.0, "r2": 3.0}
    text = said(*(score(m, "t", v, weights="random" if m != "a" else "recipe", **how) for m, v in losses.items()))
    assert "1 of 1 ranked models lie below the best control with random weights (r1, 2.00 [" in text


def test_without_controls_baseline_or_ties_nothing_is_said() -> None:
    assert said(score("a", "t", 0.9), score("b", "t", 0.5)) == ""


def test_nobody_beats_the_baseline() -> None:
    board = board_of(score("a", "t", 0.5), score("b", "t", 0.4), *majority({"t": 0.5}))
    assert headline(board) == "No model can be ranked on these results"
    assert list(findings(board)) == [
        "a and b do not beat the majority baseline (on t, 50.0 [48.0, 52.0]) by more than the intervals and are not "
        "ranked: under-trained or unfit."
    ]


def test_what_is_labelled_under_trained_is_named() -> None:
    raw = score("raw", "t", 0.9, provenance={"under_trained": "200 of 1,000 steps"})
    assert said(score("a", "t", 0.9), raw) == "Labelled under-trained and not ranked: raw."


def test_ties_below_the_first_rank_are_told() -> None:
    values = {"a": 0.9, "b": 0.7, "c": 0.7}
    text = said(*(score(model, "t", value, half=0.02) for model, value in values.items()))
    assert text == "Tied, not told apart by these results: b and c (rank 2=)."


def test_overlap_across_ranks_is_told() -> None:
    values = {"a": 0.80, "b": 0.77, "c": 0.74}
    text = said(*(score(model, "t", value, half=0.02) for model, value in values.items()))
    assert text == "Not told apart, though their ranks differ: b and c."


def test_many_controls_stand_together_and_a_shared_rank_has_a_sign() -> None:
    frame = to_frame(controlled_board())
    notes = list(not_ranked_notes(leaderboard(frame)))
    assert sum("same architecture, random weights" in note for note in notes) == 1
    assert len(notes) == 5
    for format, start in {"markdown": "| 1= | bert-a |", "latex": "1= & bert-a &", "csv": "1,,bert-a,bert,"}.items():
        assert any(line.startswith(start) for line in table(frame, format).splitlines()), format
