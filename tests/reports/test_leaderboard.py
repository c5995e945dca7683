from __future__ import annotations

import io
import random
import statistics

import pytest
from handmade import cost, failure, full_board, score
from rich.console import Console

from benchbert.reports.leaderboard import leaderboard, render_terminal
from benchbert.statistics.seeds import t_interval
from benchbert.store.frame import empty_frame, to_frame


def board_of(*results):
    return leaderboard(to_frame(results))


def ranks(board):
    return {row.label: row.rank for row in board.rows}


def test_rank_is_one_plus_the_models_that_are_surely_better_and_overlap_is_a_tie() -> None:
    values = {"a": 0.80, "b": 0.77, "c": 0.74, "d": 0.60}
    board = board_of(*(score(model, "t", value, half=0.02) for model, value in values.items()))
    # a ties with b, b with c, but a is above c: ties are not transitive.
    assert ranks(board) == {"a": 1, "b": 1, "c": 2, "d": 4}
    assert board.ranked_by == "t"
    assert [row.label for row in board.leaders] == ["a", "b"]
    assert any("overlapping intervals are tied" in note for note in board.notes)


def test_a_loss_ranks_the_lower_first() -> None:
    values = {"a": 2.0, "b": 2.03, "c": 3.0}
    board = board_of(*(score(m, "t", v, direction="lower", unit="nats", metric="loss") for m, v in values.items()))
    assert ranks(board) == {"a": 1, "b": 1, "c": 3}
    assert [row.label for row in board.rows] == ["a", "b", "c"]


def test_ranks_agree_with_the_definition_on_random_intervals() -> None:
    generator = random.Random(3)
    spans = {f"m{i}": (generator.random(), generator.random() / 5) for i in range(40)}
    board = board_of(*(score(model, "t", value, half=half) for model, (value, half) in spans.items()))
    for model, (value, half) in spans.items():
        better = sum(v - h > value + half for v, h in spans.values())
        assert ranks(board)[model] == 1 + better


def test_without_intervals_nothing_is_surely_better() -> None:
    assert ranks(board_of(score("a", "t", 0.9, half=None), score("b", "t", 0.1, half=None))) == {"a": 1, "b": 1}


def test_random_under_trained_and_scoreless_models_are_shown_but_not_ranked() -> None:
    board = board_of(
        score("good", "t", 0.7),
        score("control", "t", 0.9, weights="random"),
        score("raw", "t", 0.9, provenance={"under_trained": "200 of 1,000 steps"}),
        cost("fast", "latency_ms", 3.0),
        cost("shape", "latency_ms", 3.0, weights="random"),
    )
    reasons = {row.label: row.unranked for row in board.unranked}
    assert ranks(board)["good"] == 1
    assert reasons == {
        "control": "random weights: a control, never ranked",
        "raw": "under-trained: 200 of 1,000 steps",
        "fast": "no score",
        "shape": "random weights, profiled only",
    }
    assert board.best(board.columns[0]) == {"good"}


def test_macro_is_named_blocks_on_a_missing_task_and_says_which() -> None:
    board = board_of(score("a", "s", 0.8), score("a", "t", 0.6), score("b", "s", 0.7), failure("b", "t", "no network"))
    rows = {row.label: row for row in board.rows}
    assert board.macro_name == "macro over 2 tasks"
    assert rows["a"].macro.value == pytest.approx(0.7)
    assert rows["b"].macro is None
    assert rows["b"].unranked == "no score on t"
    assert rows["b"].absent == {"t": "failed: no network"}
    assert not any("average" in note and "GLUE" in note for note in board.notes)


def test_a_sample_is_marked_and_never_averaged() -> None:
    board = board_of(*(score("a", task, 0.5, complete=task != "u") for task in "stu"))
    assert board.macro_name == "macro over 2 tasks"
    assert board.macro_tasks == ("s", "t")
    assert any(note.startswith("Sample, not comparable") and "u" in note for note in board.notes)


def test_only_samples_give_ranks_in_columns_but_no_overall_rank() -> None:
    board = board_of(*(score(m, t, v, complete=False) for m, v in {"a": 0.9, "b": 0.1}.items() for t in "st"))
    assert (board.macro_name, board.ranked_by) == ("", "")
    assert ranks(board) == {"a": None, "b": None}
    assert [row.task_ranks for row in sorted(board.rows, key=lambda r: r.label)] == [{"s": 1, "t": 1}, {"s": 2, "t": 2}]


def test_macro_over_seeds_is_the_t_interval_of_the_seeds_macros() -> None:
    s, t = [0.70, 0.74, 0.72], [0.50, 0.51, 0.58]
    results = [score("a", task, v, seed=i) for task, values in (("s", s), ("t", t)) for i, v in enumerate(values)]
    macro = board_of(*results).rows[0].macro
    each = [statistics.mean(pair) for pair in zip(s, t, strict=True)]
    assert (macro.low, macro.high) == pytest.approx(t_interval(each))
    assert (macro.kind, macro.seeds) == ("t over seeds", 3)


def test_macro_of_one_seed_combines_the_intervals_of_independent_tasks() -> None:
    macro = board_of(score("a", "s", 0.5, half=0.03), score("a", "t", 0.7, half=0.04)).rows[0].macro
    assert (macro.low, macro.high) == pytest.approx((0.6 - 0.025, 0.6 + 0.025))  # sqrt(.03^2 + .04^2) / 2
    assert "independent" in macro.kind


def test_splits_are_columns_of_their_own_and_one_task_in_the_macro() -> None:
    parts = {"matched": 0.8, "mismatched": 0.6}
    board = board_of(*(score("a", "nli", v, split=split) for split, v in parts.items()), score("a", "t", 0.5))
    assert [column.label for column in board.columns] == ["nli matched", "nli mismatched", "t"]
    assert board.macro_name == "macro over 2 tasks"
    assert board.rows[0].macro.value == pytest.approx((0.7 + 0.5) / 2)


def test_other_data_or_versions_never_share_a_column() -> None:
    board = board_of(score("a", "t", 0.9), score("b", "t", 0.5, fingerprint="f1"), score("c", "t", 0.4, version=2))
    assert len(board.columns) == 3
    assert all(len(board.best(column)) == 1 for column in board.columns)
    assert {row.label: dict(row.task_ranks) for row in board.rows} == {
        "a": {"t v1 data f0": 1},
        "b": {"t v1 data f1": 1},
        "c": {"t v2 data f0": 1},
    }


def test_the_latency_cell_is_the_one_with_most_models_and_is_stated() -> None:
    results = [score("a", "t", 0.5), score("b", "t", 0.5)]
    results += [cost("a", "latency_ms", 5.0), cost("a", "latency_ms", 9.0, batch_size=8)]
    results += [cost("b", "latency_ms", 7.0, batch_size=8), cost("b", "latency_ms", 1.0, machine="other")]
    board = board_of(*results)
    assert {row.label: row.latency.value for row in board.rows} == {"a": 9.0, "b": 7.0}
    assert board.latency_cell.machine == "box-2c"
    assert "batch 8" in " ".join(board.notes)


def test_memory_is_that_of_the_device_whose_latency_is_shown() -> None:
    results = [score("a", "t", 0.5), cost("a", "latency_ms", 5.0, device="cuda")]
    results += [cost("a", name, 9.0, device="cuda") for name in ("memory_peak_mib", "device_memory_peak_allocated_mib")]
    board = board_of(*results, cost("a", "memory_peak_mib", 1.0))
    assert (board.memory_metric, board.memory_cell.device) == ("device_memory_peak_allocated_mib", "cuda")
    assert "Peak memory of the device" in " ".join(board.notes)


def test_a_score_never_stands_beside_the_latency_of_its_other_precision() -> None:
    results = [score("a", "t", 0.5), score("a", "t", 0.4, dtype="bfloat16"), cost("a", "latency_ms", 5.0)]
    latencies = {row.label: row.latency and row.latency.value for row in board_of(*results).rows}
    assert latencies == {"a (float32)": 5.0, "a (bfloat16)": None}


def test_the_dtype_of_scores_is_what_they_were_computed_in() -> None:
    def note(*dtypes: str) -> str:
        results = [
            score(name, "t", 0.5, dtype="bfloat16", provenance={"computed": {"dtype": dtype}} if dtype else None)
            for name, dtype in zip("abc", dtypes, strict=False)
        ]
        board = board_of(*results, cost("a", "latency_ms", 5.0, dtype="bfloat16"))
        return " ".join(each for each in board.notes if each.startswith("Scores were computed in"))

    assert note("bfloat16", "float32") == "Scores were computed in bfloat16, float32, latency in bfloat16."
    assert note("float32", "float32") == "Scores were computed in float32, latency in bfloat16."
    # Older results do not say: then it is the job's.
    assert note("bfloat16", "") == ""
    assert note("", "float32") == "Scores were computed in bfloat16, float32, latency in bfloat16."


def test_an_empty_table_is_an_empty_board() -> None:
    board = leaderboard(empty_frame())
    assert (board.rows, board.columns, board.ranked_by) == ((), (), "")


def test_terminal_shows_ranks_reasons_and_names_as_text() -> None:
    results = [*full_board(), score("[bold red]x[/]\x1b[2J", "sentiment", 0.4), score("x", "pairs", 0.2)]
    stream = io.StringIO()
    Console(file=stream, width=220).print(render_terminal(leaderboard(to_frame(results))))
    text = stream.getvalue()
    assert "[bold red]x[/]" in text
    assert "\x1b[2J" not in text
    assert "macro over 2 tasks" in text
    assert "Not ranked: control (random weights: a control, never ranked)" in text
    assert "nan" not in text.lower()


def test_other_protocols_never_share_a_column() -> None:
    results = [score("bert-a", "sentiment", 0.8, seed=seed) for seed in (1, 2)]
    results.append(score("distil-a", "sentiment", 0.7, protocol="prediction-1"))
    found = leaderboard(to_frame(results))
    labels = {row.model: list(row.scores) for row in found.rows}
    assert labels == {"bert-a": ["sentiment unknown protocol"], "distil-a": ["sentiment prediction-1"]}


def test_seeds_are_seeds_of_one_way_of_fine_tuning() -> None:
    short, long = {"epochs": 0.2, "learning_rate": 1e-6}, {"epochs": 12.0, "learning_rate": 6e-3}
    results = [score("bert-a", "sentiment", 0.5, seed=1, settings=short)]
    results += [score("bert-a", "sentiment", 0.8 + 0.01 * seed, seed=seed, settings=long) for seed in (2, 3)]
    results += [score("distil-a", "sentiment", 0.7, seed=seed, settings=short) for seed in (1, 2)]
    found = leaderboard(to_frame(results))
    (row,) = (row for row in found.rows if row.model == "bert-a")
    assert (row.scores["sentiment"].value, row.scores["sentiment"].seeds) == (pytest.approx(0.825), 2)
    (note,) = (note for note in found.notes if "more than one way" in note)
    assert note.startswith("bert-a was fine-tuned in more than one way")
    assert "1 on sentiment" in note
    assert "distil-a" not in note
