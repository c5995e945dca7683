"""Ranks by paired comparisons of stored predictions, and by intervals where these are not there."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from benchbert.reports.build import build_report
from benchbert.reports.findings import findings, headline
from benchbert.reports.leaderboard import leaderboard, leaderboard_of
from benchbert.reports.tables import board_table
from benchbert.store.files import COMPARISONS
from benchbert.store.frame import load_results
from tests.comparison.stored_runs import classes, keep, noisy

N = 200
LABELS = np.random.default_rng(1).integers(0, 2, N)


def wrong_on(*rows: range) -> list[int]:
    """Right but for these rows."""
    wrong = {row for each in rows for row in each}
    return [int(1 - label if row in wrong else label) for row, label in enumerate(LABELS)]


def stored(folder: Path, said: dict[str, list[int]], task: str = "glue/sst2", **more) -> Path:
    for model, guesses in said.items():
        keep(folder, model, task, classes(LABELS.tolist(), guesses), **more)
    return folder


def ranks(board) -> dict[str, int | None]:
    return {row.label: row.rank for row in board.rows}


def test_ties_are_not_transitive(tmp_path: Path) -> None:
    said = {"a": wrong_on(range(0)), "b": wrong_on(range(6)), "c": wrong_on(range(12))}
    board = leaderboard_of(stored(tmp_path, said))
    assert [stats.binomtest(0, n, 0.5).pvalue < 0.05 for n in (6, 12)] == [True, True]
    # By Holm: .0005 x 3, then .031 x 2 > .05 for both neighbours.
    assert ranks(board) == {"a": 1, "b": 1, "c": 2}
    assert headline(board).startswith("a and b share the first rank on glue/sst2: comparing their answers")
    assert "Not told apart, though their ranks differ: b and c." in list(findings(board))
    assert any("Ties are not transitive" in note for note in board.notes)


def test_ranks_are_those_of_naive_mcnemar_tests_and_holm(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    said = {f"m{i}": noisy(LABELS, right, rng) for i, right in enumerate((0.95, 0.9, 0.88, 0.8, 0.7, 0.65))}
    right = {model: np.array(guesses) == LABELS for model, guesses in said.items()}
    pairs = [(a, b) for a in said for b in said if a < b]
    p = {}
    for a, b in pairs:
        won, lost = int((right[a] & ~right[b]).sum()), int((right[b] & ~right[a]).sum())
        p[a, b] = stats.binomtest(won, won + lost, 0.5).pvalue
    beaten = dict.fromkeys(said, 0)
    for step, (a, b) in enumerate(sorted(p, key=p.get)):
        if p[a, b] * (len(p) - step) >= 0.05:
            break
        beaten[b if right[a].sum() > right[b].sum() else a] += 1
    board = leaderboard_of(stored(tmp_path, said))
    assert ranks(board) == {model: 1 + count for model, count in beaten.items()}
    assert (board.ranking.pairs, board.ranking.by_interval, board.ranking.claims) == (15, 0, ("checkpoints",))
    assert {pair.difference.p < 0.05 for pair in board.ranked_pairs if pair.is_better} == {True}


def test_the_macro_is_compared_as_a_mean_over_tasks_and_columns_by_themselves(tmp_path: Path) -> None:
    for task in ("glue/sst2", "glue/rte", "glue/qnli"):
        stored(tmp_path, {"a": wrong_on(range(10)), "b": wrong_on(range(14))}, task)
    board = leaderboard_of(tmp_path)
    # Four examples a task are too few to tell (exact p .125), twelve over all tasks are not.
    assert ranks(board) == {"a": 1, "b": 2}
    assert {rank for row in board.rows for rank in row.task_ranks.values()} == {1}
    (pair,) = board.ranked_pairs
    assert (pair.model, pair.difference.value) == ("a", pytest.approx(0.02))
    notes = " ".join(board.notes)
    assert "adjusted by Holm over 1 pair." in notes
    assert "Ranks within a column come from paired comparisons of stored predictions too" in notes
    assert "about these very checkpoints" in notes
    assert "that takes 5 seeds of each model or more" in notes


def test_from_five_seeds_on_the_notes_speak_of_methods(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    for seed in range(5):
        stored(tmp_path, {"a": noisy(LABELS, 0.9, rng), "b": noisy(LABELS, 0.7, rng)}, seed=seed)
    board = leaderboard_of(tmp_path)
    assert (ranks(board), board.ranking.claims) == ({"a": 1, "b": 2}, ("models",))
    assert any(note.startswith("Comparisons of predictions are about the models as methods") for note in board.notes)


def test_where_predictions_are_gone_intervals_decide_and_the_notes_say_so(tmp_path: Path) -> None:
    said = {"a": wrong_on(range(10)), "b": wrong_on(range(20)), "c": wrong_on(range(100))}
    stored(tmp_path, said)
    gone = keep(tmp_path, "d", "glue/sst2", classes(LABELS.tolist(), wrong_on(range(15))))
    gone.unlink()
    board = leaderboard_of(tmp_path)
    assert ranks(board) == {"a": 1, "b": 2, "c": 4, "d": 1}
    assert (board.ranking.pairs, board.ranking.by_interval) == (3, 3)
    assert any("The predictions of 3 more pairs cannot be compared" in note for note in board.notes)
    for path in (tmp_path / "predictions").iterdir():
        path.unlink()
    (tmp_path / COMPARISONS).unlink()
    board = leaderboard_of(tmp_path)
    assert ranks(board) == {"a": 1, "b": 1, "c": 4, "d": 1}
    assert any("interval lies wholly above" in n and "No stored predictions were compared" in n for n in board.notes)


def test_predictions_that_cannot_be_used_are_said(tmp_path: Path) -> None:
    stored(tmp_path, {"a": wrong_on(range(10)), "b": wrong_on(range(20))})
    next((tmp_path / "predictions").iterdir()).write_bytes(b"damaged")
    assert any(note.startswith("Not compared by predictions: ") for note in leaderboard_of(tmp_path).notes)


def test_baseline_and_control_are_judged_by_the_same_comparison(tmp_path: Path) -> None:
    stored(tmp_path, {"good": wrong_on(range(60)), "raw": wrong_on(range(62))})
    stored(tmp_path, {"majority": wrong_on(range(75))}, weights="constant")
    for model, rows in (("good", range(95)), ("raw", range(57, 120))):
        control = {"control_of": model}
        stored(tmp_path, {f"{model}-random": wrong_on(rows)}, weights="random", provenance=control)
    board = leaderboard_of(tmp_path)
    # By intervals neither is above the baseline: on the same examples both are, but raw not above its control.
    assert ranks(leaderboard(load_results(tmp_path)))["good"] is None
    assert ranks(board)["good"] == 1
    assert {check.model: check.beats for check in board.baseline_checks} == {"good": True, "raw": True}
    reasons = {row.label: row.unranked for row in board.unranked}
    assert reasons["raw"].endswith("the same model from random weights, significantly")
    said = " ".join(findings(board))
    assert "good lies significantly above the same model from random weights on glue/sst2" in said
    assert "Every ranked model beats the majority baseline" in said
    difference = next(pair for pair in board.controls if pair.model == "good").columns["glue/sst2"]
    assert (difference.claim, difference.verdict) == ("checkpoints", "above")
    # Two families: one of the models and their controls, so that each p is at least McNemar's own.
    assert difference.p >= stats.binomtest(0, 35, 0.5).pvalue


def test_models_of_one_rank_are_called_tied_only_where_no_comparison_tells_them_apart(tmp_path: Path) -> None:
    board = leaderboard_of(stored(tmp_path, {m: wrong_on(range(10 * i)) for i, m in enumerate("abc")}))
    rows = tuple(replace(row, rank=1 if row.label == "a" else 2) for row in board.rows)
    for is_better, what in ((True, "Of the same rank, though not all tied with each other"), (False, "Tied, not told")):
        pairs = tuple(replace(pair, is_better=is_better or pair.model == "a") for pair in board.ranked_pairs)
        (said,) = findings(replace(board, rows=rows, ranked_pairs=pairs))
        assert said.startswith(what)
        assert said.endswith("b and c (rank 2=).")


def test_above_thirty_models_a_rank_is_an_interval(tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    said = {f"m{i:02}": noisy(LABELS, 0.95 - 0.01 * i, rng) for i in range(31)}
    board = leaderboard_of(stored(tmp_path, said))
    assert board.ranking.is_bootstrapped
    assert board.ranked_pairs == ()
    scores = {row.label: row.scores["glue/sst2"].value for row in board.rows}
    for row in board.rows:
        own = 1 + sum(score > scores[row.label] for score in scores.values())
        assert row.rank <= own <= row.rank_high
        assert board.rank_text(row) in {f"{row.rank}", f"{row.rank}–{row.rank_high}"}
    assert headline(board).endswith("may be the first on glue/sst2: their rank intervals begin at 1")
    assert "ranks all models; a rank is the interval" in " ".join(board.notes)
    assert f"| {board.rows[5].rank}–{board.rows[5].rank_high} |" in board_table(board)
    assert json.loads(board_table(board, "json"))["rows"][5]["rank_high"] == board.rows[5].rank_high
    keep(tmp_path, "gone", "glue/sst2", classes(LABELS.tolist(), wrong_on(range(3)))).unlink()
    board = leaderboard_of(tmp_path)
    assert not board.ranking.by_predictions
    assert any("No stored predictions were compared" in note for note in board.notes)


def test_thirty_models_are_still_compared_pair_by_pair(tmp_path: Path) -> None:
    board = leaderboard_of(stored(tmp_path, {f"m{i:02}": wrong_on(range(4 * i)) for i in range(30)}))
    assert (board.ranking.pairs, board.ranking.is_bootstrapped) == (30 * 29 // 2, False)


def test_the_report_says_the_rule_and_keeps_its_comparisons(tmp_path: Path) -> None:
    for task in ("glue/sst2", "glue/rte"):
        stored(tmp_path, {"a": wrong_on(range(5)), "b": wrong_on(range(30))}, task)
    stored(tmp_path, {"majority": wrong_on(range(90))}, weights="constant")
    page = build_report(tmp_path, tmp_path / "report.html").read_text()
    assert "1 + number of ranked models that are significantly better" in page
    assert "Beaten: the model is significantly better" in page
    kept = (tmp_path / COMPARISONS).read_bytes()
    for path in (tmp_path / "predictions").iterdir():
        path.unlink()
    assert build_report(tmp_path, tmp_path / "report.html").read_text() == page
    assert (tmp_path / COMPARISONS).read_bytes() == kept
    data = json.loads(board_table(leaderboard_of(tmp_path), "json"))
    assert data["ranked_pairs"][0]["is_better"] is True
    assert data["ranking"] == {"pairs": 1, "by_interval": 0, "claims": ["checkpoints"], "is_bootstrapped": False}
