"""The majority baseline against what a few lines find in the same rows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from sklearn.metrics import accuracy_score, matthews_corrcoef

from benchbert import registry
from benchbert.execution.execute import execute
from benchbert.plan import make_plan
from benchbert.resolve import resolve
from benchbert.store.files import RunFolder
from benchbert.suite import suite_from
from benchbert.types import Result

CARD = """---
configs:
- config_name: {config}
  data_files:
  - {{split: train, path: {config}/train.parquet}}
  - {{split: validation, path: {config}/validation.parquet}}
---
"""


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mirror that is still empty, with a cache of its own."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    return tmp_path / "mirror"


def write(mirror: Path, dataset: str, config: str, **splits: pa.Table) -> None:
    folder = mirror / dataset
    (folder / config).mkdir(parents=True)
    (folder / "README.md").write_text(CARD.format(config=config))
    for name, table in splits.items():
        parquet.write_table(table, folder / config / f"{name}.parquet")


def glue(labels: list[float]) -> pa.Table:
    texts = [f"text {i}" for i in range(len(labels))]
    return pa.table({"sentence1": texts, "sentence2": texts, "label": labels, "idx": list(range(len(labels)))})


def squad(answers: list[list[str]]) -> pa.Table:
    context = "The Rhine, a river, and London."
    golds = [{"text": texts, "answer_start": [context.index(text) for text in texts]} for texts in answers]
    count = len(answers)
    ids = [f"q{i}" for i in range(count)]
    answer = pa.struct([("text", pa.list_(pa.string())), ("answer_start", pa.list_(pa.int32()))])
    columns = {"id": ids, "question": ["Where?"] * count, "context": [context] * count}
    return pa.table(columns | {"answers": pa.array(golds, answer)})


def predicted(folder: Path, *tasks: str, mirror: Path | None = None, **changes: object) -> dict[str, Result]:
    """Task -> result of the baseline."""
    data = {"name": "s", "models": [{"name": "m", "architecture": "bert-tiny"}], "tasks": list(tasks), "seeds": [3, 4]}
    suite = suite_from(data | changes)
    lock = resolve(suite, folder=folder, mirror=mirror)
    jobs = [job for job in make_plan(suite, lock).jobs if job.spec["model"] == "majority"]
    run = RunFolder(folder / "run")
    return {str(job.spec["task"]): execute(job, lock, run, "r", lambda done, total, note: None) for job in jobs}


def table(folder: Path, result: Result, index: int = 0) -> pa.Table:
    return parquet.read_table(folder / "run" / result.artefacts[index].path)


def test_classes_of_generated_tasks(tmp_path: Path) -> None:
    results = predicted(tmp_path, "builtin/glue/cola", "builtin/glue/mrpc", scored_on="test")
    for name, result in results.items():
        task, data = registry.find("tasks", name), registry.find("datasets", "builtin/glue")
        seen = Counter(data.generate(task.dataset.config, "train")["label"])
        most = min(seen, key=lambda label: (-seen[label], label))
        truth = data.hidden_labels(task.dataset.config)
        found = table(tmp_path, result)
        assert found["label"].to_pylist() == truth
        assert set(found["prediction"].to_pylist()) == {most}
        shares = np.exp(found["scores"].to_pylist()[0])
        assert shares == pytest.approx([seen[label] / seen.total() for label in range(len(task.labels))])
        values = {value.metric: value for value in result.values}
        assert {value.split for value in result.values} == {"hidden_test"}
        assert all(value.complete for value in result.values)
        if "accuracy" in values:
            assert values["accuracy"].value == pytest.approx(accuracy_score(truth, [most] * len(truth)))
        else:
            assert values["matthews_correlation"].value == matthews_corrcoef(truth, [most] * len(truth)) == 0.0
        assert (result.provenance["constant"], result.provenance["training_rows"]) == (task.labels[most], seen.total())


def test_the_diagnostics_get_the_most_frequent_label_of_mnli(tmp_path: Path) -> None:
    results = predicted(tmp_path, "builtin/glue/mnli", "builtin/glue/ax", scored_on="test")
    mnli, ax = results["builtin/glue/mnli"], results["builtin/glue/ax"]
    assert ax.provenance["constant"] == mnli.provenance["constant"]
    assert [value.split for value in mnli.values] == ["hidden_test_matched", "hidden_test_mismatched"]
    assert [(value.metric, value.value, value.n) for value in ax.values] == [("matthews_correlation", 0.0, 280)]
    unlabelled = predicted(tmp_path, "builtin/glue/mnli", "builtin/glue/ax")["builtin/glue/ax"]
    assert (unlabelled.status, unlabelled.values) == ("ok", ())


def test_a_mean_has_no_correlation(tmp_path: Path) -> None:
    result = predicted(tmp_path, "builtin/glue/stsb")["builtin/glue/stsb"]
    mean = np.mean(registry.find("datasets", "builtin/glue").generate("stsb", "train")["label"])
    assert table(tmp_path, result)["prediction"].to_pylist() == pytest.approx([mean] * 500)
    assert [(value.metric, value.value, value.ci_kind) for value in result.values] == [
        ("pearson", None, "none: undefined"),
        ("spearman", None, "none: undefined"),
    ]


@pytest.mark.parametrize(
    ("labels", "constant", "shares"),
    [([1, 0, 0, 1], "entailment", [0.5, 0.5]), ([1, 1], "not_entailment", [0.25, 1.0])],
)
def test_ties_go_to_the_first_label_and_unseen_labels_stay_finite(
    tmp_path: Path, mirror: Path, labels: list[float], constant: str, shares: list[float]
) -> None:
    write(mirror, "nyu-mll/glue", "rte", train=glue(labels), validation=glue([0, 1, 1, 1]))
    result = predicted(tmp_path, "glue/rte", mirror=mirror)["glue/rte"]
    assert result.provenance["constant"] == constant
    assert [value.value for value in result.values] == [0.25 if constant == "entailment" else 0.75]
    assert np.exp(table(tmp_path, result)["scores"].to_pylist()) == pytest.approx(np.array([shares] * 4))


def test_spans_are_compared_as_the_scorer_compares_them(tmp_path: Path, mirror: Path) -> None:
    golds = [["London"], ["river"], ["a river"], ["The Rhine"], ["Rhine"]]
    write(
        mirror, "rajpurkar/squad", "plain_text", train=squad(golds), validation=squad([["river", "London"], ["London"]])
    )
    result = predicted(tmp_path, "squad", mirror=mirror)["squad"]
    assert result.provenance["constant"] == "rhine"  # tied with "river", and first in sorted order
    assert table(tmp_path, result)["prediction_text"].to_pylist() == ["rhine", "rhine"]
    assert {value.metric: value.value for value in result.values} == {"f1": 0.0, "exact_match": 0.0}
    assert not any(value.complete for value in result.values)


@pytest.mark.parametrize(
    ("golds", "text", "best", "exact"),
    [
        ([[], [], ["London"]], "", "london", 1 / 3),
        ([[], ["London"], ["London"]], "london", "london", 2 / 3),
        ([[], ["London"]], "", "london", 1 / 3),
        ([[], []], "", "", 1 / 3),
        ([["London"]], "london", "london", 2 / 3),
    ],
)
def test_no_answer_is_an_answer_where_questions_may_have_none(
    tmp_path: Path, mirror: Path, golds: list[list[str]], text: str, best: str, exact: float
) -> None:
    validation = squad([["London"], [], ["London", "river"]])
    write(mirror, "rajpurkar/squad_v2", "squad_v2", train=squad(golds), validation=validation)
    result = predicted(tmp_path, "squad_v2", mirror=mirror)["squad_v2"]
    found = table(tmp_path, result)
    assert set(found["prediction_text"].to_pylist()) == {text}
    assert set(found["best_text"].to_pylist()) == {best}
    assert all((difference > 0) <= (text == "") for difference in found["null_score_difference"].to_pylist())
    values = {value.metric: value.value for value in result.values}
    assert values["exact_match"] == pytest.approx(exact)
    assert values["NoAns_exact"] == float(text == "")


def test_what_cannot_be_learned_from_fails_with_its_reason(tmp_path: Path, mirror: Path) -> None:
    write(mirror, "nyu-mll/glue", "rte", train=glue([0, -1]), validation=glue([0, 1]))
    result = predicted(tmp_path, "glue/rte", mirror=mirror)["glue/rte"]
    assert result.status == "failed"
    assert "split train: row 1 has no label" in result.error
    (mirror / "nyu-mll/glue/rte/train.parquet").unlink()
    result = predicted(tmp_path, "glue/rte", mirror=mirror)["glue/rte"]
    assert result.status == "failed"
    assert "train" in result.error
