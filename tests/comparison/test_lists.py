"""Rows with many labels or words: every metric against scikit-learn and naive code, resample by resample."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score
from stored_runs import keep, lists

from benchbert.comparison.compare import EXCHANGED, MCNEMAR, compare
from benchbert.comparison.contest import Contest
from benchbert.comparison.judge import Judge
from benchbert.comparison.retention import retention
from benchbert.comparison.stored import stored_models
from benchbert.types import DatasetRef, Split, Task

RNG = np.random.default_rng(8)
N, CLASSES = 80, 3
TAGS = ("O", "B-DOG", "I-DOG", "B-OWL")


def task(head: str, *metrics: str) -> Task:
    return Task(
        name="own",
        dataset=DatasetRef(id="files/own"),
        head=head,
        text=("text",),
        labels=TAGS if head == "token_classification" else ("x", "y", "z", "never"),
        evaluation=(Split(name="validation", rows=N),),
        metrics=metrics,
    )


def noisy_sets(sets: np.ndarray, wrong: float) -> np.ndarray:
    return np.where(RNG.random(sets.shape) < wrong, 1 - sets, sets)


def as_lists(sets: np.ndarray) -> list[list[int]]:
    return [np.flatnonzero(row).tolist() for row in sets]


SETS = RNG.integers(0, 2, (N, CLASSES))
GOOD, BAD = noisy_sets(SETS, 0.1), noisy_sets(SETS, 0.3)
LENGTHS = RNG.integers(1, 7, N)
WORDS = [RNG.integers(0, 4, length).tolist() for length in LENGTHS]


def noisy_words(wrong: float) -> list[list[int]]:
    return [[int(RNG.integers(0, 4)) if RNG.random() < wrong else tag for tag in row] for row in WORDS]


GOOD_WORDS, BAD_WORDS = noisy_words(0.15), noisy_words(0.6)


def with_sets(folder: Path, *metrics: str) -> Path:
    own = task("multi_label", *metrics)
    keep(folder, "a", "own", lists(as_lists(SETS), as_lists(GOOD)), own=own)
    keep(folder, "b", "own", lists(as_lists(SETS), as_lists(BAD)), own=own)
    return folder


def with_words(folder: Path, *metrics: str) -> Path:
    own = task("token_classification", *metrics)
    keep(folder, "a", "own", lists(WORDS, GOOD_WORDS, words=True), own=own)
    keep(folder, "b", "own", lists(WORDS, BAD_WORDS, words=True), own=own)
    return folder


def sklearn_f1(average: str, rows: np.ndarray, guesses: np.ndarray) -> float:
    # The fourth class is declared, never held and never said: macro F1 counts it as 0.
    pad = np.zeros((len(rows), 1), dtype=int)
    truth, said = np.hstack([SETS[rows], pad]), np.hstack([guesses[rows], pad])
    return float(f1_score(truth, said, average=average, zero_division=0))


def entity_f1(rows: np.ndarray, guesses: list[list[int]]) -> float:
    def spans(row: int, tags: list[int]) -> set[tuple[str, int, int]]:
        found, start, kind = set(), -1, ""
        for place, tag in enumerate([*(TAGS[t] for t in tags), "O"]):
            inside = tag.startswith("I-") and kind == tag[2:]
            if kind and not inside:
                found.add((kind, start, place))
                kind = ""
            if not inside and tag != "O":
                start, kind = place, tag[2:]
        return found

    hits = golds = said = 0
    for row in rows:
        truth, guess = spans(row, WORDS[row]), spans(row, guesses[row])
        hits, golds, said = hits + len(truth & guess), golds + len(truth), said + len(guess)
    return 2 * hits / (golds + said)


def token_accuracy(rows: np.ndarray, guesses: list[list[int]]) -> float:
    pairs = [(a, b) for row in rows for a, b in zip(WORDS[row], guesses[row], strict=True)]
    return float(np.mean([a == b for a, b in pairs]))


ORACLES = {
    "micro_f1": (with_sets, lambda rows, ours: sklearn_f1("micro", rows, GOOD if ours else BAD)),
    "macro_f1": (with_sets, lambda rows, ours: sklearn_f1("macro", rows, GOOD if ours else BAD)),
    "subset_accuracy": (with_sets, lambda rows, ours: accuracy_score(SETS[rows], (GOOD if ours else BAD)[rows])),
    "entity_f1": (with_words, lambda rows, ours: entity_f1(rows, GOOD_WORDS if ours else BAD_WORDS)),
    "token_accuracy": (with_words, lambda rows, ours: token_accuracy(rows, GOOD_WORDS if ours else BAD_WORDS)),
}


@pytest.mark.parametrize("metric", ORACLES)
def test_scores_and_interval_are_those_of_a_naive_bootstrap(tmp_path: Path, metric: str) -> None:
    make, oracle = ORACLES[metric]
    (found,) = compare(make(tmp_path, metric), ("a", "b"), resamples=1000).tasks
    whole = np.arange(N)
    assert (found.ours, found.theirs) == pytest.approx((oracle(whole, True), oracle(whole, False)))
    assert (found.verdict, found.test) == ("better", MCNEMAR if metric == "subset_accuracy" else EXCHANGED)
    draws = [RNG.integers(0, N, N) for _ in range(400)]
    naive = np.quantile([oracle(rows, True) - oracle(rows, False) for rows in draws], [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx(tuple(naive), abs=0.035)


def test_examples_won_and_lost_are_shown_by_the_names_of_their_labels(tmp_path: Path) -> None:
    (found,) = compare(with_sets(tmp_path, "subset_accuracy"), ("a", "b"), resamples=100).tasks
    won = [(GOOD[i] == SETS[i]).all() and not (BAD[i] == SETS[i]).all() for i in range(N)]
    assert found.outcomes.won == sum(won)
    first = next(i for i, is_won in enumerate(won) if is_won)
    assert found.outcomes.listed_won[0].label == " ".join("xyz"[k] for k in np.flatnonzero(SETS[first])) or "(none)"


def test_a_row_of_words_is_won_by_its_entities(tmp_path: Path) -> None:
    (found,) = compare(with_words(tmp_path, "entity_f1"), ("a", "b"), resamples=100).tasks
    assert found.outcomes.won > found.outcomes.lost
    assert set(found.outcomes.listed_won[0].ours.split()) <= set(TAGS)


@pytest.mark.parametrize(("make", "metric"), [(with_sets, "micro_f1"), (with_words, "entity_f1")])
def test_agreement_is_of_whole_rows(tmp_path: Path, make, metric: str) -> None:
    (found,) = retention(make(tmp_path, metric), "b", "a", resamples=100).tasks
    ours, theirs, truth = (
        (BAD_WORDS, GOOD_WORDS, WORDS) if make is with_words else (as_lists(BAD), as_lists(GOOD), as_lists(SETS))
    )
    agreement = found.agreement
    assert agreement.agreement == pytest.approx(np.mean([a == b for a, b in zip(ours, theirs, strict=True)]))
    lost = [a != t == b for a, b, t in zip(ours, theirs, truth, strict=True)]
    assert agreement.flipped_to_wrong == pytest.approx(np.mean(lost))
    assert (agreement.student_ece is None) == (make is with_words)


def naive_ece(confidence: np.ndarray, right: np.ndarray) -> float:
    error = 0.0
    for low in np.arange(15) / 15:
        inside = (confidence > low) & (confidence <= low + 1 / 15)
        if inside.any():
            error += inside.mean() * abs(confidence[inside].mean() - right[inside].mean())
    return error


def test_labels_of_a_row_are_calibrated_each_by_itself(tmp_path: Path) -> None:
    own = task("multi_label", "micro_f1")
    logits = RNG.normal(0, 2, (N, CLASSES))
    table = lists(as_lists(SETS), as_lists((logits > 0).astype(int)))
    table = table.set_column(table.column_names.index("scores"), "scores", [logits.tolist()])
    keep(tmp_path, "student", "own", table, own=own)
    keep(tmp_path, "teacher", "own", lists(as_lists(SETS), as_lists(GOOD)), own=own)
    (found,) = retention(tmp_path, "student", "teacher", resamples=100).tasks
    probability = 1 / (1 + np.exp(-logits))
    expected = naive_ece(np.maximum(probability, 1 - probability).ravel(), ((logits > 0) == SETS).ravel())
    assert found.agreement.student_ece == pytest.approx(expected)


def test_words_are_calibrated_where_their_logits_were_stored(tmp_path: Path) -> None:
    own = task("token_classification", "entity_f1")
    logits = [RNG.normal(0, 2, (length, 4)) for length in LENGTHS]
    said = [row.argmax(axis=1).tolist() for row in logits]
    # The first word has no token: no logits, and the tag that stands in for one.
    scores = [row.tolist() for row in logits]
    scores[0][0] = []
    table = lists(WORDS, said, words=True).append_column("scores", [scores])
    keep(tmp_path, "student", "own", table, own=own)
    keep(tmp_path, "teacher", "own", lists(WORDS, GOOD_WORDS, words=True), own=own)
    found = retention(tmp_path, "student", "teacher", resamples=100)
    flat = np.concatenate(logits)[1:]
    probability = np.exp(flat) / np.exp(flat).sum(axis=1, keepdims=True)
    right = np.array([a == b for x, y in zip(said, WORDS, strict=True) for a, b in zip(x, y, strict=True)])[1:]
    (words,) = found.tasks
    assert words.agreement.student_ece == pytest.approx(naive_ece(probability.max(axis=1), right))
    assert words.agreement.teacher_ece is None
    assert words.metric == "entity_f1"


def test_entities_without_the_names_of_their_tags_are_not_compared(tmp_path: Path) -> None:
    folder = with_words(tmp_path, "entity_f1")
    (folder / "lock.json").unlink()
    contest = Contest(
        task="own", split="validation", task_version=1, dataset_fingerprint="f0", convention="", metric="entity_f1"
    )
    models = stored_models(folder)
    judge = Judge(models, resamples=100)
    assert judge.pair(models[0].variant, models[1].variant, [[contest]]) is None
    assert "keep lock.json" in judge.problems[0]
