"""What the published results of the embedded suites say, held against independent baselines made here."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import benchbert
from benchbert import registry
from benchbert.reports.leaderboard import leaderboard_of

RESULTS = Path(__file__).parent.parent / "results"
MINIATURE = sorted(RESULTS.glob("*/miniature"))
CONTROLS = sorted(RESULTS.glob("*/miniature-controls"))
GLUE = ("cola", "sst2", "mrpc", "stsb", "qqp", "mnli", "qnli", "rte", "wnli")
TEXT = {
    "cola": ("sentence",),
    "sst2": ("sentence",),
    "mrpc": ("sentence1", "sentence2"),
    "stsb": ("sentence1", "sentence2"),
    "qqp": ("question1", "question2"),
    "mnli": ("premise", "hypothesis"),
    "qnli": ("question", "sentence"),
    "rte": ("sentence1", "sentence2"),
    "wnli": ("sentence1", "sentence2"),
}
METRICS = dict.fromkeys(TEXT, "accuracy") | {"cola": "matthews_correlation", "stsb": "pearson"}


@cache
def scores(folder: Path) -> pd.DataFrame:
    """Mean over seeds, of MNLI on its matched split: task x (model, metric)."""
    frame = benchbert.load_results(folder)
    frame = frame[(frame.kind == "predict") & (frame.status == "ok") & ~frame.split.str.endswith("mismatched")]
    return frame.groupby(["task", "metric", "model"])["value"].agg(["mean", "std", "count", "min", "max"])


def mean(folder: Path, task: str, metric: str, model: str) -> float:
    return float(scores(folder).loc[(task, metric, model), "mean"])


def bag_of_words(config: str, columns: tuple[str, ...]) -> float:
    """Logistic regression, of likeness ridge regression, on the words of each column, on the hidden test split."""
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.metrics import matthews_corrcoef

    data = registry.find("datasets", "builtin/glue")
    test = next(split for split in data.rows[config] if split.startswith("test"))
    train, held = data.labelled(config, "train"), data.labelled(config, test)
    bags = [CountVectorizer(binary=True, token_pattern=r"\w+").fit(train[c]) for c in columns]
    features = [hstack([b.transform(d[c]) for b, c in zip(bags, columns, strict=True)]).tocsr() for d in (train, held)]
    model = Ridge(alpha=10.0) if config == "stsb" else LogisticRegression(max_iter=300)
    predicted = model.fit(features[0], train["label"]).predict(features[1])
    labels = np.asarray(held["label"])
    if config == "stsb":
        return float(np.corrcoef(labels, predicted)[0, 1])
    return float(matthews_corrcoef(labels, predicted)) if config == "cola" else float((labels == predicted).mean())


def test_there_are_results_to_hold_against_something() -> None:
    assert MINIATURE
    assert CONTROLS


@pytest.mark.parametrize("folder", MINIATURE, ids=lambda path: path.parent.name)
def test_words_alone_stay_clearly_below_the_teacher_on_five_tasks(folder: Path) -> None:
    clear = []
    for config, columns in TEXT.items():
        teacher = mean(folder, f"builtin/glue/{config}", METRICS[config], "bert")
        words = [bag_of_words(config, columns)] + ([bag_of_words(config, columns[1:])] if len(columns) > 1 else [])
        if teacher > max(words) + 0.05:
            clear.append(config)
    assert len(clear) >= 5, clear


@pytest.mark.parametrize("folder", MINIATURE, ids=lambda path: path.parent.name)
def test_the_teacher_beats_the_majority_on_most_tasks(folder: Path) -> None:
    board = leaderboard_of(folder)
    check = next(check for check in board.baseline_checks if check.model == "bert")
    # A constant has no correlation: there the teacher's must lie above 0.
    similarity = board.row("bert").scores["builtin/glue/stsb"]
    beaten = {*check.above} | ({"builtin/glue/stsb"} if (similarity.low or 0) > 0 else set())
    assert {"builtin/squad", "builtin/squad_v2"} <= beaten
    columns = {column.label: column.task for column in board.columns}
    tasks = {columns[label].removeprefix("builtin/glue/") for label in beaten} & set(GLUE)
    assert len(tasks) >= 7, tasks


@pytest.mark.parametrize("folder", MINIATURE, ids=lambda path: path.parent.name)
def test_no_task_is_solved(folder: Path) -> None:
    frame = scores(folder)["max"].unstack()
    tasks = [registry.find("tasks", name) for name in registry.entries("tasks") if name.startswith("builtin/")]
    table = frame.loc[[(task.name, task.main_metric) for task in tasks]]
    assert len(table) == 12
    assert table.max().max() < 1.0


@pytest.mark.parametrize("folder", MINIATURE, ids=lambda path: path.parent.name)
def test_the_student_lies_above_itself_untrained_and_without_a_teacher(folder: Path) -> None:
    pairs = {pair.control: pair for pair in leaderboard_of(folder).controls if pair.model == "distilbert"}
    for control in ("distilbert-random", "distilbert-alone"):
        macro = pairs[control].macro
        assert macro is not None
        assert macro.verdict == "above"


@pytest.mark.parametrize("folder", CONTROLS, ids=lambda path: path.parent.name)
def test_depth_helps(folder: Path) -> None:
    pair = next(pair for pair in leaderboard_of(folder).controls if pair.control == "bert-2-layers")
    assert sum(found.verdict == "above" for found in pair.columns.values()) >= 2
