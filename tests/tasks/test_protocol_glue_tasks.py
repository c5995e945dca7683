"""GLUE's tasks as the protocol's table has them, and what happens to labels that are hidden or bounded."""

from __future__ import annotations

import numpy as np
import pytest
from datasets import Dataset, NamedSplit

from benchbert import registry
from benchbert.metrics.averages import column
from benchbert.statistics.seeds import summarise
from benchbert.store.frame import to_frame
from benchbert.tasks.heads import decode, encode, score
from benchbert.types import Job, Result, ResultKey

TABLE = {
    # task: head, texts, metrics (major first)
    "cola": ("classification", 1, ("matthews_correlation",)),
    "sst2": ("classification", 1, ("accuracy",)),
    "mrpc": ("classification", 2, ("f1", "accuracy")),
    "stsb": ("regression", 2, ("pearson", "spearman")),
    "qqp": ("classification", 2, ("f1", "accuracy")),
    "mnli": ("classification", 2, ("accuracy",)),
    "qnli": ("classification", 2, ("accuracy",)),
    "rte": ("classification", 2, ("accuracy",)),
    "wnli": ("classification", 2, ("accuracy",)),
    "ax": ("classification", 2, ("matthews_correlation",)),
}


def rows_of(task, labels, split="validation"):
    columns = {name: ["the mill"] * len(labels) for name in task.text}
    return Dataset.from_dict(columns | {"label": labels}, split=NamedSplit(split))


def scored(task, labels, logits, tokenizer, split="validation"):
    rows = rows_of(task, labels, split)
    features = encode(task, rows, tokenizer, max_length=32, train=False)
    table = decode(task, features, rows, {"logits": np.asarray(logits, np.float32)})
    return score(task, table, split=split, complete=True), table


@pytest.mark.parametrize("name", TABLE)
def test_heads_texts_and_metrics(name):
    task = registry.find("tasks", f"glue/{name}")
    assert (task.head, len(task.text), task.metrics) == TABLE[name]


def test_the_halves_of_mnli_are_two_numbers(tokenizer):
    task = registry.find("tasks", "glue/mnli")
    results = []
    for split, right in zip((s.name for s in task.evaluation), (3, 1), strict=True):
        labels = [0, 1, 2]
        guesses = [label if i < right else (label + 1) % 3 for i, label in enumerate(labels)]
        values, _ = scored(task, labels, np.eye(3)[guesses], tokenizer, split)
        job = Job(kind="predict", spec={"model": "m", "task": task.name, "weights": "published"}, seed=1)
        key = ResultKey(job_id=job.id, machine_id="box", environment_id="e")
        results.append(Result(key=key, job=job, status="ok", values=values))
    summary = summarise(to_frame(results))
    found = {column(r.task, r.split, r.metric): r.mean for r in summary.itertuples()}
    assert found == {"mnli_matched/accuracy": 1.0, "mnli_mismatched/accuracy": pytest.approx(1 / 3)}


def test_the_diagnostics_of_the_hub_have_no_labels_and_no_score(tokenizer):
    task = registry.find("tasks", "glue/ax")
    values, table = scored(task, [-1, -1], [[1, 0, 0], [0, 1, 0]], tokenizer, "test")
    assert values == ()
    assert table["prediction"].to_pylist() == [0, 1]
    assert (task.head_of, task.evaluation) == ("glue/mnli", ())


def test_scores_of_sentence_similarity_are_not_clipped(tokenizer):
    task = registry.find("tasks", "glue/stsb")
    values, table = scored(task, [0.0, 2.5, 5.0], [[-1.0], [2.0], [7.5]], tokenizer)
    assert table["prediction"].to_pylist() == [-1.0, 2.0, 7.5]
    clipped, _ = scored(task, [0.0, 2.5, 5.0], [[0.0], [2.0], [5.0]], tokenizer)
    assert values[0].value != clipped[0].value


def test_a_collapsed_seed_counts(tokenizer):
    task = registry.find("tasks", "glue/cola")
    results = []
    for seed, guesses in enumerate(([0, 1, 0, 1], [0, 1, 0, 1], [1, 1, 1, 1]), 1):
        values, _ = scored(task, [0, 1, 0, 1], np.eye(2)[guesses], tokenizer)
        job = Job(kind="predict", spec={"model": "m", "task": task.name, "weights": "published"}, seed=seed)
        key = ResultKey(job_id=job.id, machine_id="box", environment_id="e")
        results.append(Result(key=key, job=job, status="ok", values=values))
    (row,) = summarise(to_frame(results)).itertuples()
    assert (row.seeds, row.undefined, row.mean) == (3, 0, pytest.approx(2 / 3))
