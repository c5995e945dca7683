"""What is claimed of a handful of examples: no more alarms between equals than stated, nothing where nothing can."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from stored_runs import classes, keep, noisy, texts

from benchbert.comparison.aligned import Aligned
from benchbert.comparison.compare import CROSSED, EXCHANGED, compare
from benchbert.comparison.contest import Contest
from benchbert.comparison.evidence import Evidence
from benchbert.comparison.exchanged import differing, exchange_of
from benchbert.comparison.judge import Judge, judge_of
from benchbert.comparison.judged import judged
from benchbert.comparison.kept import key_of
from benchbert.comparison.outcomes import outcomes_of
from benchbert.comparison.retention import retention
from benchbert.errors import StoreError
from benchbert.statistics.sides import SEEDS_FOR_METHODS, resampled_sides
from benchbert.store.files import COMPARISONS, read_results

_SIMULATED = 300
_ALLOWED = 0.05 + 3.1 * np.sqrt(0.05 * 0.95 / _SIMULATED)
"""The stated rate, and what 300 simulations may show above it once in a thousand times."""


def p_of(aligned: Aligned, metric: str, ours: int, *, seeds: bool = False) -> float:
    (outcomes,) = outcomes_of(aligned, (metric,), labels=("no", "yes"))
    both = slice(ours), slice(ours, None)
    evidence = Evidence(
        examples=len(aligned.ids),
        differing=differing(outcomes, *both),
        exchanges=lambda: [exchange_of(outcomes, *both)],
    )
    sides = resampled_sides(outcomes.statistic, outcomes.cells, ours, resamples=200, seeds=(seeds, seeds))
    return judged(sides, "models" if seeds else "checkpoints", evidence).p or 1.0


def of_classes(labels: np.ndarray, guesses: np.ndarray) -> Aligned:
    tables = tuple(pa.table({"label": labels, "prediction": guess}) for guess in guesses)
    return Aligned(head="classification", ids=tuple(map(str, range(labels.size))), tables=tables)


def equals(kind: str, n: int, rng: np.random.Generator) -> float:
    """The p-value of two models that are equally good, on n examples."""
    labels = rng.integers(0, 2, n)
    if kind == "regression":
        truth = rng.normal(size=n)
        said = [truth + rng.normal(0, 1, n) for _ in range(2)]
        tables = tuple(pa.table({"label": truth, "prediction": each}) for each in said)
        return p_of(Aligned(head="regression", ids=tuple(map(str, range(n))), tables=tables), "pearson", 1)
    if kind == "spans":
        words = ["one", "two", "three", "four", "five", "six", "seven", "eight"]
        golds = [[" ".join(words)]] * n
        said = [[" ".join(words[: rng.integers(0, 9)]) for _ in range(n)] for _ in range(2)]
        tables = tuple(pa.table({"golds": golds, "prediction_text": each}) for each in said)
        return p_of(Aligned(head="span", ids=tuple(map(str, range(n))), tables=tables), "f1", 1)
    checkpoints = 10 if kind == "models" else 4
    hard = 1 / (1 + np.exp(-rng.normal(0.5, 1, n)))
    guesses = np.where(rng.random((checkpoints, n)) < hard, labels, 1 - labels)
    metric = "f1" if kind == "f1" else "accuracy"
    return p_of(of_classes(labels, guesses), metric, checkpoints // 2, seeds=kind == "models")


@pytest.mark.parametrize("n", [4, 6, 10, 15, 30])
@pytest.mark.parametrize("kind", ["accuracy", "f1", "models", "spans"])
def test_equals_are_called_different_no_more_often_than_stated(kind: str, n: int) -> None:
    rng = np.random.default_rng(31)
    alarms = sum(equals(kind, n, rng) < 0.05 for _ in range(_SIMULATED))
    assert alarms / _SIMULATED <= _ALLOWED


@pytest.mark.parametrize("n", [6, 9])
def test_equal_correlations_too(n: int) -> None:
    rng = np.random.default_rng(32)
    assert sum(equals("regression", n, rng) < 0.05 for _ in range(80)) / 80 <= 0.05 + 3.1 * np.sqrt(0.0475 / 80)


def three_questions(folder: Path) -> Path:
    keep(folder, "a", "squad", texts([["x"], ["y"], ["z"]], ["x", "y", "z"]))
    keep(folder, "b", "squad", texts([["x"], ["y"], ["z"]], ["q", "q", "q"]))
    return folder


def test_three_questions_tell_nothing(tmp_path: Path) -> None:
    found = compare(three_questions(tmp_path), ("a", "b"), resamples=200, margin=0.01)
    (task,) = found.tasks
    assert (task.p, task.verdict, task.test) == (0.25, "too few examples to tell", EXCHANGED)
    assert (task.low, task.high) == (None, None)
    assert "3 of 3 examples differ, it takes 6" in task.interval_kind
    assert (task.non_inferiority.shown, task.non_inferiority.p) == (False, None)
    notes = " ".join(found.notes)
    for part in (
        "Of 3, even all won would be no sign",
        "exchange test, which is exact there",
        "Not worse on squad: too",
    ):
        assert part in notes
    kept = retention(tmp_path, "b", "a", resamples=200).tasks[0].kept
    assert (kept.share, kept.low) == (0.0, None)
    assert "too few examples to tell" in kept.kind


def test_few_that_differ_among_many_are_few_examples(tmp_path: Path) -> None:
    golds = [["x"]] * 400
    keep(tmp_path, "a", "squad", texts(golds, ["x"] * 400))
    keep(tmp_path, "b", "squad", texts(golds, ["x"] * 396 + ["q"] * 4))
    (task,) = compare(tmp_path, ("a", "b"), resamples=200).tasks
    # A bootstrap would say 2 * exp(-4), and call it.
    assert (task.p, task.verdict, task.low) == (0.125, "not told apart", None)


def test_enough_examples_are_told_apart_by_the_exchange_test(tmp_path: Path) -> None:
    rng = np.random.default_rng(34)
    labels = rng.integers(0, 2, 40)
    for seed in range(2):
        keep(tmp_path, "a", "glue/mrpc", classes(labels.tolist(), noisy(labels, 0.95, rng)), seed=seed)
        keep(tmp_path, "b", "glue/mrpc", classes(labels.tolist(), noisy(labels, 0.5, rng)), seed=seed)
    (task,) = compare(tmp_path, ("a", "b"), resamples=400).tasks
    assert (task.verdict, task.test) == ("better", EXCHANGED)
    assert -1 <= task.low < task.effect < task.high <= 1
    assert "Student's t over few examples" in task.interval_kind


def test_models_of_five_seeds_must_pass_both_tests(tmp_path: Path) -> None:
    rng = np.random.default_rng(35)
    labels = [0, 1] * 20
    for seed in range(5):
        keep(tmp_path, "a", "glue/rte", classes(labels, noisy(np.array(labels), 0.85, rng)), seed=seed)
        keep(tmp_path, "b", "glue/rte", classes(labels, noisy(np.array(labels), 0.4, rng)), seed=seed)
    (task,) = compare(tmp_path, ("a", "b"), "glue/rte", resamples=300).tasks
    assert (task.claim, task.test, task.verdict) == ("models", f"{CROSSED}, {EXCHANGED}", "better")


def test_not_worse_is_not_shown_by_two_models_that_say_the_same_of_few(tmp_path: Path) -> None:
    labels = [0, 1] * 40
    for model in "ab":
        keep(tmp_path, model, "glue/sst2", classes(labels, labels))
    narrow, wide = (compare(tmp_path, ("a", "b"), resamples=200, margin=m).tasks[0] for m in (0.001, 0.1))
    assert not narrow.non_inferiority.shown
    assert narrow.non_inferiority.p > 0.5
    assert wide.non_inferiority.shown
    assert (wide.low, wide.high) == pytest.approx((-0.0458, 0.0458), abs=1e-4)


# --- means over tasks, ranks, and what was kept ---------------------------------------------------------------------


def contest(task: str, metric: str) -> Contest:
    return Contest(
        task=task, split="validation", task_version=1, dataset_fingerprint="f0", convention="", metric=metric
    )


def variant(model: str) -> tuple[str, ...]:
    return model, "r0", "float32", "eager"


def judge(folder: Path) -> Judge:
    return judge_of(folder, read_results(folder))


def test_a_mean_over_tasks_of_a_handful_is_judged_by_exchanges_too(tmp_path: Path) -> None:
    three_questions(tmp_path)
    for model, said in (("a", [0, 1]), ("b", [1, 0])):
        keep(tmp_path, model, "glue/rte", classes([0, 1], said))
    tasks = [[contest("squad", "f1")], [contest("glue/rte", "accuracy")]]
    found = judge(tmp_path).pair(variant("a"), variant("b"), tasks)
    # Five examples, all won: two of the 32 ways are as extreme.
    assert (found.effect, found.p, found.low) == (1.0, 2 / 32, None)


def test_ranks_of_a_handful_are_as_wide_as_there_are_models(tmp_path: Path) -> None:
    three_questions(tmp_path)
    spans = judge(tmp_path).ranks([variant("a"), variant("b")], [[contest("squad", "f1")]])
    assert set(spans.values()) == {(1, 2)}


@pytest.mark.parametrize(("n", "is_read"), [(150, True), (60, False)])
def test_what_the_older_rule_found_is_read_where_it_was_right_and_predictions_are_gone(
    tmp_path: Path, n: int, is_read: bool
) -> None:
    rng = np.random.default_rng(36)
    labels = rng.integers(0, 2, n)
    for model in "ab":
        for seed in range(2):
            keep(tmp_path, model, "glue/mrpc", classes(labels.tolist(), noisy(labels, 0.8, rng)), seed=seed)
    where = [[contest("glue/mrpc", "f1")]]
    first = judge(tmp_path)
    found = first.pair(variant("a"), variant("b"), where)
    first.save()
    file = tmp_path / COMPARISONS
    older = json.loads(file.read_text())
    sides = sorted(
        [[[s.sha256 for s in m.predictions], "prediction-1", False]] for m in judge(tmp_path)._models.values()
    )
    facts = [first.resamples, first.level, SEEDS_FOR_METHODS, [[vars(each) for each in same] for same in where], *sides]
    (kept,) = older["pairs"].values()
    older["pairs"] = {key_of("pair", 1, *facts): kept | {"p": 0.5}}
    file.write_text(json.dumps(older))
    # Where predictions are there, they are judged again.
    assert judge(tmp_path).pair(variant("a"), variant("b"), where).p == found.p
    for path in (tmp_path / "predictions").iterdir():
        path.unlink()
    gone = judge(tmp_path).pair(variant("a"), variant("b"), where)
    assert (gone.p if gone else None) == (0.5 if is_read else None)


@pytest.mark.parametrize("verb", [compare, lambda folder, pair: retention(folder, *pair)])
def test_without_predictions_it_is_said_what_can_be_had(tmp_path: Path, verb) -> None:
    three_questions(tmp_path)
    for path in (tmp_path / "predictions").iterdir():
        path.unlink()
    with pytest.raises(StoreError, match=r"2 of 2 files.*benchbert table.*benchbert report.*run the suite again"):
        verb(tmp_path, ("a", "b"))
