"""Predictions on tasks over the user's own files, scored by the table of their suite."""

from __future__ import annotations

import pytest
from sklearn.metrics import f1_score

from benchbert.errors import DataError, UnavailableError, UsageError
from benchbert.tasks.score_file import score_predictions


@pytest.fixture
def suite(tmp_path, monkeypatch):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "train.csv").write_text("text,label\na,good\nb,bad\nc,fair\n", encoding="utf-8")
    (tmp_path / "dev.csv").write_text("id,text,label\nx,a,good\ny,b,bad\nz,c,bad\n", encoding="utf-8")
    (tmp_path / "n.csv").write_text("text,label\na,1\nb,2\nc,4\n", encoding="utf-8")
    (tmp_path / "more.csv").write_text("text,label\na,1\nb,2\nc,3\n", encoding="utf-8")
    path = tmp_path / "s.toml"
    path.write_text(
        """
name = "s"
models = [{name = "m", architecture = "bert-tiny"}]
tasks = [
  "builtin/glue/sst2",
  {name = "reviews", train = "train.csv", validation = "dev.csv", text = ["text"], metrics = ["macro_f1", "accuracy"]},
  {name = "stars", train = "n.csv", validation = "more.csv", text = ["text"], head = "regression", metrics = ["mse"]},
  {name = "tags", train = "train.csv", validation = "dev.csv", text = ["text"], head = "multi_label", separator = ";"},
]
""",
        encoding="utf-8",
    )
    return path


def test_classes_are_scored_by_the_metrics_of_the_table(suite, write):
    path = write("p.tsv", "id\tprediction\nx\tgood\ny\tbad\nz\tgood\n")
    found = score_predictions("reviews", path, suite=suite)
    assert found["accuracy"] == pytest.approx(2 / 3)
    truth, guesses = ["good", "bad", "bad"], ["good", "bad", "good"]
    assert found["macro_f1"] == pytest.approx(
        f1_score(truth, guesses, labels=["bad", "fair", "good"], average="macro", zero_division=0)
    )
    assert (found["complete"], found["split"], found["warnings"]) == (True, "validation", [])


def test_numbers_too(suite, write):
    found = score_predictions("stars", write("p.tsv", "index\tprediction\n0\t1\n1\t2\n2\t5\n"), suite=suite)
    assert found["mse"] == pytest.approx(4 / 3)


def test_the_checks_of_glue_hold(suite, write):
    with pytest.raises(DataError, match="no prediction for index z"):
        score_predictions("reviews", write("p.tsv", "id\tprediction\nx\tgood\ny\tbad\n"), suite=suite)
    with pytest.raises(DataError, match="'fine' is no label of reviews: use bad, fair, good"):
        score_predictions("reviews", write("p.tsv", "id\tprediction\nx\tgood\ny\tbad\nz\tfine\n"), suite=suite)


def test_what_is_no_such_table_says_what_there_is(suite, write, tmp_path):
    path = write("p.tsv", "id\tprediction\nx\tgood\n")
    with pytest.raises(UsageError, match=r"no table of a task named 'review' \(it has reviews, stars, tags\)"):
        score_predictions("review", path, suite=suite)
    with pytest.raises(UsageError, match="the head 'multi_label' are scored by the run"):
        score_predictions("tags", path, suite=suite)
    (tmp_path / "dev.csv").write_text("text,label\na\n", encoding="utf-8")
    with pytest.raises(UnavailableError, match=r"dev.csv, line 2: 1 fields"):
        score_predictions("reviews", path, suite=suite)
