"""Every head from every format of file: fine-tuned, predicted and scored, and the scores are those of scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from scipy import stats
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from benchbert.execution.execute import execute
from benchbert.plan import make_plan
from benchbert.resolve import resolve
from benchbert.store.files import RunFolder, read_as, write_json
from benchbert.suite import suite_from
from benchbert.types import Result

from .conftest import save

WORDS = ["an", "old", "dog", "walks", "to", "a", "river"]
FORMATS = ["csv", "jsonl", "parquet"]


def texts(count: int, seed: int) -> list[str]:
    generator = np.random.default_rng(seed)
    return [" ".join(generator.choice(WORDS, generator.integers(3, 9))) for _ in range(count)]


def rows_of(head: str, count: int, seed: int) -> list[dict[str, Any]]:
    generator = np.random.default_rng(seed + 100)
    rows: list[dict[str, Any]] = []
    for i, text in enumerate(texts(count, seed)):
        if head == "classification":
            rows.append({"text": text, "label": ["good", "bad", "fair"][i % 3]})
        elif head == "pair":
            rows.append({"first": text, "second": text[::-1], "same": i % 2, "id": f"p{i}"})
        elif head == "regression":
            rows.append({"text": text, "stars": float(generator.integers(-1, 4))})
        elif head == "multi_label":
            chosen = [name for name in ("x", "y", "z") if generator.random() < 0.5]
            rows.append({"text": text, "topics": chosen})
        elif head == "token_classification":
            tokens = text.split()
            tags = [str(generator.choice(["O", "O", "B-DOG", "I-DOG", "B-RIVER"])) for _ in tokens]
            rows.append({"tokens": tokens, "tags": tags})
        else:
            answer = text.split()[1]
            found = {"text": [answer], "answer_start": [text.index(f" {answer}") + 1]} if i % 4 else {}
            rows.append(
                {
                    "id": f"q{i}",
                    "question": "which dog",
                    "context": text,
                    "answers": found or {"text": [], "answer_start": []},
                }
            )
    return rows


TASKS: dict[str, dict[str, Any]] = {
    "classification": {"text": ["text"]},
    "pair": {"text": ["first", "second"], "label": "same"},
    "regression": {"head": "regression", "text": ["text"], "label": "stars"},
    "multi_label": {"head": "multi_label", "text": ["text"], "label": "topics", "separator": " "},
    "token_classification": {"head": "token_classification", "separator": " "},
    "span": {"head": "span"},
}


def run(folder: Path, suite: dict[str, Any]) -> dict[str, Result]:
    """Slug -> result of every job, the Lock read from disk as a job's process reads it."""
    read = suite_from(suite, folder=folder)
    lock = resolve(read, folder=folder)
    out = RunFolder(folder / "run")
    write_json(out.path / "lock.json", lock)
    lock = read_as(out.path / "lock.json", type(lock))
    jobs = make_plan(read, lock).jobs
    for job in jobs:
        assert job.blocked == ""
    return {job.slug: execute(job, lock, out, "r", lambda done, total, note: None) for job in jobs}


def table(folder: Path, result: Result, split: str = "validation") -> pa.Table:
    (path,) = [a.path for a in result.artefacts if a.path.endswith(f"{split}.parquet")]
    return parquet.read_table(folder / "run" / path)


def sets(lists: list[list[int]], classes: int) -> np.ndarray[Any, Any]:
    found = np.zeros((len(lists), classes), dtype=int)
    for row, numbers in enumerate(lists):
        found[row, numbers] = 1
    return found


def expected(head: str, labels: list[Any], guesses: list[Any]) -> dict[str, float]:
    if head in {"classification", "pair"}:
        names = [0, 1, 2] if head == "classification" else [0, 1]
        both = {
            "accuracy": accuracy_score(labels, guesses),
            "macro_f1": f1_score(labels, guesses, labels=names, average="macro", zero_division=0),
            "matthews_correlation": matthews_corrcoef(labels, guesses),
        }
        return both | ({"f1": f1_score(labels, guesses, zero_division=0)} if head == "pair" else {})
    if head == "regression":
        return {
            "pearson": stats.pearsonr(labels, guesses).statistic,
            "spearman": stats.spearmanr(labels, guesses).statistic,
            "mse": float(np.mean((np.array(labels) - np.array(guesses)) ** 2)),
        }
    truth, found = sets(labels, 3), sets(guesses, 3)
    return {
        "micro_f1": f1_score(truth, found, average="micro", zero_division=0),
        "macro_f1": f1_score(truth, found, average="macro", zero_division=0),
        "subset_accuracy": accuracy_score(truth, found),
    }


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("head", list(TASKS))
def test_a_task_of_ones_own_is_learned_predicted_and_scored(
    tmp_path: Path, suite: Callable[..., dict[str, Any]], head: str, ending: str
) -> None:
    train = save(tmp_path / f"train.{ending}", rows_of(head, 24, 1))
    validation = save(tmp_path / f"dev.{ending}", rows_of(head, 12, 2))
    unlabelled = [{k: v for k, v in row.items() if k != _label(head)} for row in rows_of(head, 5, 3)]
    test = save(tmp_path / f"test.{ending}", unlabelled)
    found = run(tmp_path, suite(train=train, validation=validation, test=test, **TASKS[head]))
    assert {slug: r.error for slug, r in found.items()} == dict.fromkeys(
        ["finetune.m.mine.s1", "predict.m.mine.s1", "predict.majority.mine.s1"], ""
    )
    for name in ("m", "majority"):
        result = found[f"predict.{name}.mine.s1"]
        assert {value.split for value in result.values} == {"validation"}
        assert all(value.complete for value in result.values)
        predicted = table(tmp_path, result)
        assert predicted.num_rows == 12
        assert table(tmp_path, result, "test").num_rows == 5
        if head in {"span", "token_classification"}:
            continue
        labels, guesses = predicted["label"].to_pylist(), predicted["prediction"].to_pylist()
        if name == "majority" and head == "regression":
            values = {value.metric: value.value for value in result.values}
            assert values["pearson"] is None
            continue
        values = {value.metric: value.value for value in result.values}
        assert values == pytest.approx(expected(head, labels, guesses))
        assert result.values[0].metric == next(iter(expected(head, labels, guesses)))


def _label(head: str) -> str:
    return {"span": "answers", "token_classification": "tags"}.get(head, TASKS[head].get("label", "label"))


def test_an_error_is_less_of_what_is_better_and_has_a_unit(
    tmp_path: Path, suite: Callable[..., dict[str, Any]]
) -> None:
    files = [save(tmp_path / f"{name}.csv", rows_of("regression", 12, i)) for i, name in enumerate("ab")]
    data = suite(train=files[0], validation=files[1], metrics=["mse"], **TASKS["regression"])
    (value,) = run(tmp_path, data)["predict.majority.mine.s1"].values
    stars = [[float(row["stars"]) for row in rows_of("regression", 12, i)] for i in range(2)]
    assert value.value == pytest.approx(np.mean((np.array(stars[1]) - np.mean(stars[0])) ** 2))
    assert (value.metric, value.direction, value.unit) == ("mse", "lower", "label²")


def test_a_long_row_of_tokens_has_a_tag_for_every_word(tmp_path: Path, suite: Callable[..., dict[str, Any]]) -> None:
    """Rows far longer than max_length become several sequences; words unknown to the vocabulary become many tokens."""
    long = {"tokens": ["river", "walksriver"] * 40, "tags": ["O", "B-X"] * 40}
    short = {"tokens": ["dog"], "tags": ["I-X"]}
    save(tmp_path / "a.jsonl", [long, short] * 4)
    save(tmp_path / "b.jsonl", [short, long])
    found = run(tmp_path, suite(train="a.jsonl", validation="b.jsonl", head="token_classification"))
    predicted = table(tmp_path, found["predict.m.mine.s1"])
    assert [len(row) for row in predicted["prediction"].to_pylist()] == [1, 80]
    labels, guesses = predicted["label"].to_pylist(), predicted["prediction"].to_pylist()
    accuracy = np.mean([a == b for x, y in zip(labels, guesses, strict=True) for a, b in zip(x, y, strict=True)])
    values = {value.metric: value.value for value in found["predict.m.mine.s1"].values}
    assert list(values) == ["entity_f1", "token_accuracy"]
    assert values["token_accuracy"] == pytest.approx(accuracy)


def test_a_changed_file_or_other_columns_run_the_jobs_again(
    tmp_path: Path, suite: Callable[..., dict[str, Any]]
) -> None:
    rows = [row | {"title": "dog"} for row in rows_of("classification", 9, 1)]
    save(tmp_path / "a.csv", rows)
    save(tmp_path / "b.csv", rows)

    def ids(**changes: Any) -> dict[str, str]:
        data = suite(**({"train": "a.csv", "validation": "b.csv", "text": ["text"]} | changes))
        read = suite_from(data, folder=tmp_path)
        return {job.slug: job.id for job in make_plan(read, resolve(read, folder=tmp_path)).jobs}

    def same(before: dict[str, str], after: dict[str, str]) -> set[str]:
        return {slug.split(".")[0] for slug in before if before[slug] == after[slug]}

    first = ids()
    assert ids() == first
    assert same(first, ids(text=["title"])) == set()
    assert same(first, ids(labels=["fair", "good", "bad"])) == set()
    assert same(first, ids(metrics=["macro_f1"])) == {"finetune"}
    save(tmp_path / "b.csv", rows[1:])
    assert same(first, ids()) == set()


def test_a_run_of_a_task_of_ones_own_is_stored_reported_and_not_done_twice(
    tmp_path: Path, suite: Callable[..., dict[str, Any]]
) -> None:
    import benchbert

    save(tmp_path / "a.csv", rows_of("multi_label", 16, 1))
    save(tmp_path / "b.jsonl", rows_of("multi_label", 8, 2))
    data = suite(train=str(tmp_path / "a.csv"), validation=str(tmp_path / "b.jsonl"), **TASKS["multi_label"])
    frame = benchbert.run(data, out=tmp_path / "run", progress=False)
    assert set(frame.status) == {"ok"}
    assert {"micro_f1", "macro_f1", "subset_accuracy"} <= set(frame.metric)
    assert "mine" in (tmp_path / "run" / "report.html").read_text()
    before = sorted((p.name, p.stat().st_mtime_ns) for p in (tmp_path / "run" / "results").iterdir())
    benchbert.run(data, out=tmp_path / "run", progress=False)
    assert before == sorted((p.name, p.stat().st_mtime_ns) for p in (tmp_path / "run" / "results").iterdir())
