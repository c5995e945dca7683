"""Pairs, means over tasks and rank intervals against naive loops; what is kept, and when it is made anew."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet
from sklearn.metrics import f1_score
from stored_runs import classes, keep, noisy, numbers

from benchbert.comparison.compare import CROSSED, MCNEMAR, PAIRED, compare
from benchbert.comparison.contest import Contest
from benchbert.comparison.judge import Judge, judge_of
from benchbert.comparison.stored import stored_models
from benchbert.store.files import COMPARISONS, read_results

RNG = np.random.default_rng(21)
N = 150
LABELS = RNG.integers(0, 2, N)


def contest(task: str, metric: str = "accuracy", split: str = "validation") -> Contest:
    return Contest(task=task, split=split, task_version=1, dataset_fingerprint="f0", convention="", metric=metric)


SST2, RTE, MRPC = contest("glue/sst2"), contest("glue/rte"), contest("glue/mrpc", "f1")
MNLI = [contest("glue/mnli", split=f"validation_{half}") for half in ("matched", "mismatched")]


def variant(model: str) -> tuple[str, ...]:
    return model, "r0", "float32", "eager"


def judge(folder: Path) -> Judge:
    return judge_of(folder, read_results(folder))


def store(folder: Path, model: str, task: str, right: float, seeds: int = 1, **more) -> list[list[int]]:
    """Predictions of every seed, stored."""
    found = [noisy(LABELS, right, RNG) for _ in range(seeds)]
    for seed, guesses in enumerate(found):
        keep(folder, model, task, classes(LABELS.tolist(), guesses), seed=seed, **more)
    return found


def test_a_column_is_judged_as_compare_does(tmp_path: Path) -> None:
    for model, right in (("a", 0.85), ("b", 0.75)):
        store(tmp_path, model, "glue/mrpc", right, seeds=2)
        store(tmp_path, model, "glue/sst2", right)
    tasks = {task.task: task for task in compare(tmp_path, ("a", "b")).tasks}
    for where, test in ((SST2, MCNEMAR), (MRPC, PAIRED)):
        found, expected = judge(tmp_path).pair(variant("a"), variant("b"), [[where]]), tasks[where.task]
        assert (found.test, found.claim, found.effect) == (test, "checkpoints", pytest.approx(expected.effect))
        assert found.p == pytest.approx(expected.p, abs=0.02)
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.02)


def test_a_mean_over_tasks_is_that_of_a_naive_bootstrap_that_draws_each_task_apart(tmp_path: Path) -> None:
    said = {
        (m, t): store(tmp_path, m, t, r, 2) for m, r in (("a", 0.85), ("b", 0.8)) for t in ("glue/sst2", "glue/mrpc")
    }
    for (m, r), half in [(pair, half) for pair in (("a", 0.8), ("b", 0.7)) for half in MNLI]:
        said[m, half.split] = store(tmp_path, m, "glue/mnli", r, 2, split=half.split)
    found = judge(tmp_path).pair(variant("a"), variant("b"), [[SST2], [MRPC], MNLI])

    def score(model: str, name: str, rows: np.ndarray) -> float:
        metric = f1_score if name == "glue/mrpc" else lambda truth, guess: float(np.mean(truth == guess))
        return float(np.mean([metric(LABELS[rows], np.array(guess)[rows]) for guess in said[model, name]]))

    def macro(draw) -> float:
        parts = {name: draw() for name in ("glue/sst2", "glue/mrpc", *(half.split for half in MNLI))}
        each = {name: score("a", name, rows) - score("b", name, rows) for name, rows in parts.items()}
        halves = [each.pop(half.split) for half in MNLI]
        return float(np.mean([*each.values(), np.mean(halves)]))

    assert found.effect == pytest.approx(macro(lambda: np.arange(N)))
    naive = [macro(lambda: RNG.integers(0, N, N)) for _ in range(300)]
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(naive, [0.025, 0.975])), abs=0.012)
    assert (found.seeds, found.claim) == (2, "checkpoints")


def test_from_five_seeds_on_the_claim_is_about_models_and_the_interval_takes_in_their_seeds(tmp_path: Path) -> None:
    for model, right in (("a", 0.9), ("b", 0.7)):
        store(tmp_path, model, "glue/sst2", right, 5)
        store(tmp_path, model, "glue/rte", right, 4 if model == "b" else 5)
    asked = judge(tmp_path)
    pair = variant("a"), variant("b")
    assert (asked.pair(*pair, [[SST2]]).claim, asked.pair(*pair, [[SST2]]).test) == ("models", CROSSED)
    assert asked.pair(*pair, [[SST2], [RTE]]).claim == "checkpoints"
    (expected,) = compare(tmp_path, ("a", "b"), "glue/sst2").tasks
    assert asked.pair(*pair, [[SST2]]).low == pytest.approx(expected.low, abs=0.02)


def test_either_side_sees_the_same_difference_whoever_else_is_there(tmp_path: Path) -> None:
    for model, right in (("a", 0.9), ("b", 0.85)):
        store(tmp_path, model, "glue/mrpc", right, 5)
    pair = variant("a"), variant("b")
    ours, theirs = (judge(tmp_path).pair(*each, [[MRPC]]) for each in (pair, pair[::-1]))
    assert (theirs.effect, theirs.low, theirs.high, theirs.p) == (-ours.effect, -ours.high, -ours.low, ours.p)
    store(tmp_path, "c", "glue/mrpc", 0.6, 5)
    assert judge(tmp_path).pair(*pair, [[MRPC]]) == ours


def test_predictions_that_are_not_there_or_of_other_protocol_are_no_comparison(tmp_path: Path) -> None:
    for model in "ab":
        store(tmp_path, model, "glue/sst2", 0.8)
    store(tmp_path, "c", "glue/sst2", 0.8, protocol="prediction-2")
    asked = judge(tmp_path)
    assert asked.pair(variant("a"), variant("c"), [[SST2]]) is None
    assert asked.pair(variant("a"), variant("nobody"), [[SST2]]) is None
    assert asked.pair(variant("a"), variant("b"), [[SST2], [RTE]]) is None
    assert asked.problems == ()
    for path in (tmp_path / "predictions").iterdir():
        path.unlink()
    gone = judge(tmp_path)
    assert (gone.pair(variant("a"), variant("b"), [[SST2]]), gone.problems) == (None, ())


def test_a_damaged_file_costs_only_its_own_model(tmp_path: Path) -> None:
    paths = {m: keep(tmp_path, m, "glue/sst2", classes(LABELS.tolist(), noisy(LABELS, 0.8, RNG))) for m in "abc"}
    for bad in "ac":
        paths[bad].write_bytes(b"PAR1 nonsense")
        asked = judge(tmp_path)
        others = [variant(m) for m in "abc" if m != bad]
        if bad == "a":
            assert asked.pair(*others, [[SST2]]) is not None
        assert asked.pair(variant(bad), variant("b"), [[SST2]]) is None
        assert any("is not what its result says" in problem for problem in asked.problems)


def test_an_undefined_score_is_judged_as_undefined(tmp_path: Path) -> None:
    truth = RNG.uniform(0, 5, 40)
    keep(tmp_path, "a", "glue/stsb", numbers(truth, truth))
    keep(tmp_path, "b", "glue/stsb", numbers(truth, [2.5] * 40))
    found = judge(tmp_path).pair(variant("a"), variant("b"), [[contest("glue/stsb", "pearson")]])
    assert (found.effect, found.p, found.interval_kind) == (None, None, "none: undefined")


# --- what is kept ---------------------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path: Path) -> Path:
    for model, right in (("a", 0.9), ("b", 0.7)):
        store(tmp_path, model, "glue/sst2", right)
    return tmp_path


def asked_of(folder: Path):
    asked = judge(folder)
    found = asked.pair(variant("a"), variant("b"), [[SST2]])
    asked.save()
    return found


def test_a_second_judge_reads_what_the_first_kept_and_no_predictions(run: Path) -> None:
    first = asked_of(run)
    kept = (run / COMPARISONS).read_bytes()
    for path in (run / "predictions").iterdir():
        path.unlink()
    assert asked_of(run) == first
    assert (run / COMPARISONS).read_bytes() == kept
    assert len(read_results(run).results) == 2


def test_other_predictions_are_another_comparison_and_the_old_one_goes(run: Path) -> None:
    first = asked_of(run)
    store(run, "b", "glue/sst2", 0.5)
    second = asked_of(run)
    assert second.effect != first.effect
    assert len(json.loads((run / COMPARISONS).read_text())["pairs"]) == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "[]",
        lambda text: text.replace('"schema": 1', '"schema": 9'),
        lambda text: text.replace('"p": ', '"p": -'),
        lambda text: text.replace('"p": ', '"p": "x", "q": '),
        lambda text: text.replace('"effect": ', '"effect": NaN, "q": '),
    ],
)
def test_a_damaged_file_is_made_anew(run: Path, damage) -> None:
    first = asked_of(run)
    text = (run / COMPARISONS).read_text()
    (run / COMPARISONS).write_text(damage(text))
    assert damage(text) != text
    assert asked_of(run) == first
    assert (run / COMPARISONS).read_text() == text


def test_a_folder_that_cannot_be_written_is_judged_all_the_same(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, value: object) -> None:
        raise PermissionError(13, "Read-only file system")

    monkeypatch.setattr("benchbert.comparison.kept.write_json", refuse)
    assert asked_of(run) is not None
    assert not (run / COMPARISONS).exists()


def test_runs_in_a_folder_bring_what_they_kept(run: Path) -> None:
    first = asked_of(run)
    whole = run.parent / "results"
    whole.mkdir()
    run.rename(whole / "one")
    for path in (whole / "one" / "predictions").iterdir():
        path.unlink()
    assert asked_of(whole) == first
    (whole / COMPARISONS).write_text((whole / "one" / COMPARISONS).read_text())
    assert len(read_results(whole).results) == 2
    assert read_results(whole).problems == []


def test_a_file_changed_behind_its_result_is_not_compared(run: Path) -> None:
    (path, *_) = (run / "predictions").iterdir()
    parquet.write_table(classes(LABELS.tolist(), [1] * N), path)
    assert asked_of(run) is None


# --- many models ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seeds", [1, 5])
def test_every_resample_ranks_all_models(tmp_path: Path, seeds: int) -> None:
    rights = np.linspace(0.55, 0.95, 6)
    said = {f"m{i}": store(tmp_path, f"m{i}", "glue/sst2", right, seeds) for i, right in enumerate(rights)}
    asked = judge(tmp_path)
    variants = [variant(model) for model in said]
    found = asked.ranks(variants, [[SST2]])
    right = {model: np.array([np.array(guess) == LABELS for guess in each]) for model, each in said.items()}
    ranks = []
    for _ in range(2000):
        rows = RNG.integers(0, N, N)
        scores = []
        for each in right.values():
            # From five seeds on each model's seeds are drawn too, S - 1 of S.
            chosen = RNG.integers(0, seeds, seeds - 1) if seeds > 1 else [0]
            scores.append(round(float(each[chosen][:, rows].mean()), 12))
        ranks.append([1 + sum(other > score for other in scores) for score in scores])
    low, high = np.quantile(ranks, [0.025, 0.975], axis=0, method="inverted_cdf")
    for place, each in enumerate(variants):
        assert found[each] == pytest.approx((low[place], high[place]), abs=1)
    assert asked.claim(variants, [[SST2]]) == ("models" if seeds == 5 else "checkpoints")
    asked.save()
    for path in (tmp_path / "predictions").iterdir():
        path.unlink()
    assert judge(tmp_path).ranks(variants, [[SST2]]) == found
    assert judge(tmp_path).ranks(variants[:-1], [[SST2]]) is None
    assert judge(tmp_path).ranks(variants, [[SST2]], higher=False) is None


def test_agreement_is_the_mean_share_of_same_answers_and_is_kept(tmp_path: Path) -> None:
    said = {(m, t): store(tmp_path, m, t, 0.8, 2) for m in "ab" for t in ("glue/sst2", "glue/mrpc")}
    for model in "ab":
        keep(tmp_path, model, "glue/stsb", numbers([1.0, 2.0, 3.0], [1.0, 2.5, 2.0]))
    naive = np.mean(
        [
            np.mean(np.array(said["a", task][seed]) == np.array(said["b", task][seed]))
            for task in ("glue/sst2", "glue/mrpc")
            for seed in (0, 1)
        ]
    )
    first = judge(tmp_path)
    assert first.agreement(variant("a"), variant("b")) == pytest.approx(naive)
    first.save()
    for file in tmp_path.rglob("*.parquet"):
        file.unlink()
    assert judge(tmp_path).agreement(variant("a"), variant("b")) == pytest.approx(naive)
    assert judge(tmp_path).agreement(variant("a"), variant("no such model")) is None


def test_seeds_of_the_last_way_of_fine_tuning_count_however_runs_interleave(tmp_path: Path) -> None:
    for seed in range(3):
        for way, rate in (("a", 2e-5), ("b", 5e-5)):
            at = f"2026-01-02T03:0{seed}:0{int(way == 'b')}Z"
            keep(
                tmp_path,
                "m",
                "glue/rte",
                classes(LABELS.tolist(), noisy(LABELS, 0.8, RNG)),
                seed=seed,
                settings={"learning_rate": rate},
                started_at=at,
            )
    (model,) = stored_models(tmp_path)
    (ground,) = model.grounds()
    assert [stored.seed for stored in model.on(ground)] == [0, 1, 2]
