"""From a run on made-up GLUE data to a submission: what it says, what it keeps, and what makes it impossible."""

from __future__ import annotations

import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pytest
import torch
from pyarrow import parquet
from scipy.stats import pearsonr
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from benchbert import registry
from benchbert.errors import StoreError, UnavailableError, UsageError
from benchbert.execution.execute import execute
from benchbert.execution.submit import submit
from benchbert.plan import make_plan
from benchbert.resolve import resolve
from benchbert.store.files import RunFolder, read_result, read_results, write_json
from benchbert.suite import suite_from
from benchbert.tasks.submission import FILES
from benchbert.tasks.submission_check import validate_submission
from benchbert.training import predict
from benchbert.types import Result, Task

from .made_up_glue import ROWS, make_mirror, make_model


@pytest.fixture(scope="module")
def patched(tmp_path_factory: pytest.TempPathFactory):
    """GLUE with splits of a few rows, and a cache of its own."""
    known = registry.entries("tasks")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))
        for name in [n for n in known if n.startswith("glue/")]:
            task = known[name]
            patch.setitem(known, name, replace(task, test=tuple(replace(s, rows=ROWS["test"]) for s in task.test)))
        yield


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory, patched: None) -> Path:
    return make_mirror(tmp_path_factory.mktemp("mirror"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, mirror: Path) -> Path:
    """A run folder of one model with one seed on all of GLUE; only copies of it are changed."""
    folder = tmp_path_factory.mktemp("run")
    make_model(folder / "model")
    finetune = {"epochs": 1, "batch_size": 8, "learning_rate": 1e-5, "max_length": 48, "dtype": "float32"}
    suite = suite_from(
        {
            "name": "s",
            "models": [{"name": "tiny", "folder": str(folder / "model")}],
            "tasks": ["glue/*"],
            "seeds": [7],
            "finetune": finetune | {"device": "cpu"},
            "majority": True,
        }
    )
    lock = resolve(suite, folder=folder, mirror=mirror)
    run = RunFolder(folder / "run")
    write_json(run.path / "lock.json", lock)
    for job in make_plan(suite, lock).jobs:
        result = execute(job, lock, run, "r", lambda done, total, note: None)
        assert result.status == "ok", result.traceback or result.error
    return run.path


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


def cells(path: Path) -> dict[str, list[str]]:
    with zipfile.ZipFile(path) as archive:
        return {
            name: [line.split("\t")[1] for line in archive.read(name).decode().splitlines()[1:]]
            for name in archive.namelist()
        }


def stored(run: Path, kind: str, task: str) -> Result:
    results = read_results(run).results
    (found,) = [r for r in results if (r.job.kind, r.job.spec["task"], r.job.spec["model"]) == (kind, task, "tiny")]
    return found


def rewrite(run: Path, result: Result, **changes: Any) -> None:
    """The stored result with another content at its place."""
    folder = RunFolder(run)
    path = folder.result_path(result.job, result.key.machine_id, result.key.environment_id)
    assert read_result(path) == result
    write_json(path, replace(result, **changes))


def plainly(run: Path, mirror: Path, task: Task, split: str) -> list[np.ndarray]:
    """Logits of the stored head, one example at a time and by nothing but transformers."""
    head = stored(run, "finetune", task.head_of or task.name)
    place = run / next(a.path for a in head.artefacts if a.role == "head")
    model, tokenizer = (
        AutoModelForSequenceClassification.from_pretrained(place).eval(),
        AutoTokenizer.from_pretrained(place),
    )
    rows = parquet.read_table(mirror / "nyu-mll" / "glue" / task.dataset.config / f"{split}-0.parquet").to_pylist()
    with torch.no_grad():
        return [
            model(**tokenizer(*(row[name] for name in task.text), return_tensors="pt")).logits[0].numpy()
            for row in rows
        ]


def test_the_zip_says_what_the_heads_say_of_the_test_splits(run: Path, mirror: Path, tmp_path: Path) -> None:
    made = submit(run, tmp_path / "glue.zip")
    assert (made.model, made.seed, made.path) == ("tiny", 7, tmp_path / "glue.zip")
    assert dict(made.rows) == {file.name: 5 for file in FILES}
    assert made.predicted == 10  # the run itself predicted the diagnostics, which have no labelled split
    assert validate_submission(made.path) == ()
    found = cells(made.path)
    words = {"MNLI-m.tsv", "MNLI-mm.tsv", "QNLI.tsv", "RTE.tsv", "AX.tsv"}
    for file in FILES:
        task = registry.find("tasks", file.task)
        logits = plainly(run, mirror, task, file.split)
        if file.name == "STS-B.tsv":
            assert [float(c) for c in found[file.name]] == pytest.approx(
                [min(max(float(x[0]), 0), 5) for x in logits], abs=1e-3
            )
        else:
            numbers = [int(x.argmax()) for x in logits]
            assert found[file.name] == [task.labels[n] if file.name in words else str(n) for n in numbers], file.name
    # No Result is stored: a test split has no score, and tables of the run stay as they were.
    assert len(read_results(run).results) == 9 + 10 + 10


def test_scores_of_stsb_are_clipped_in_the_submission_and_nowhere_else(run: Path, tmp_path: Path) -> None:
    result = stored(run, "predict", "glue/stsb")
    rows = parquet.read_table(run / next(a.path for a in result.artefacts if a.role == "predictions"))
    guesses, labels = rows["prediction"].to_numpy(), rows["label"].to_numpy()
    assert ((guesses < 0) | (guesses > 5)).any()
    value = next(v.value for v in result.values if v.metric == "pearson")
    assert value == pytest.approx(pearsonr(guesses, labels).statistic, abs=1e-9)
    assert value != pytest.approx(pearsonr(guesses.clip(0, 5), labels).statistic, abs=1e-3)
    before = set((run / "predictions").iterdir())
    submit(run, tmp_path / "glue.zip")
    assert {float(c) for c in cells(tmp_path / "glue.zip")["STS-B.tsv"]} & {0.0, 5.0}
    new = [parquet.read_table(path) for path in set((run / "predictions").iterdir()) - before]
    scores = [t["prediction"].to_numpy() for t in new if pa.types.is_floating(t.schema.field("prediction").type)]
    assert len(scores) == 1
    assert scores[0].min() < 0 or scores[0].max() > 5


def test_a_killed_submission_goes_on_and_a_finished_one_is_only_read(run: Path, tmp_path: Path, monkeypatch) -> None:
    real, calls = predict.run, []

    def counting(context: Any) -> Any:
        calls.append(context.job.slug)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(context)

    monkeypatch.setattr(predict, "run", counting)
    with pytest.raises(KeyboardInterrupt):
        submit(run, tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists()
    assert submit(run, tmp_path / "a.zip").predicted == 7
    assert submit(run, tmp_path / "b.zip").predicted == 0
    assert len(calls) == 11
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_damaged_and_foreign_predictions_are_made_anew(run: Path, tmp_path: Path) -> None:
    before = set((run / "predictions").iterdir())
    submit(run, tmp_path / "a.zip")
    test_files = sorted(set((run / "predictions").iterdir()) - before)
    test_files[0].write_bytes(b"cut")
    table = parquet.read_table(test_files[1])
    parquet.write_table(table.take(list(range(len(table)))[::-1]), test_files[1])
    assert submit(run, tmp_path / "b.zip").predicted == 2
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_a_choice_that_is_not_clear_lists_the_choices(run: Path, tmp_path: Path) -> None:
    folder, result = RunFolder(run), stored(run, "predict", "glue/rte")
    lock = json.loads((run / "lock.json").read_text())
    lock["compared"].append("other")
    write_json(run / "lock.json", lock)
    for model, seed in (("tiny", 8), ("other", 7)):
        job = replace(result.job, seed=seed, spec={**result.job.spec, "model": model}, slug=f"{model}{seed}")
        folder.write(replace(result, job=job, key=replace(result.key, job_id=job.id)))
    listed = "choose one model and seed with --model and --seed; there are tiny (seeds 7, 8); other (seed 7)"
    for asked, told in (
        ({}, "several results fit: "),
        ({"seed": 7}, "several results fit --seed 7: "),
        ({"model": "tiny"}, "several results fit --model tiny: "),
        ({"model": "bert"}, "no result fits --model bert: "),
        ({"model": "other", "seed": 8}, "no result fits --model other --seed 8: "),
        ({"model": "majority"}, "no result fits --model majority: "),
    ):
        with pytest.raises(UsageError) as caught:
            submit(run, tmp_path / "glue.zip", **asked)
        assert str(caught.value) == told + listed
    assert submit(run, tmp_path / "glue.zip", model="tiny", seed=7).seed == 7
    with pytest.raises(UnavailableError, match="other with seed 7 cannot be submitted") as lacking:
        submit(run, tmp_path / "glue.zip", model="other")
    assert str(lacking.value).count("the suite did not score it") == 8


def test_everything_that_is_lacking_is_told_at_once(run: Path, mirror: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(mirror, tmp_path / "mirror"))
    glue = other / "nyu-mll" / "glue"
    shutil.rmtree(glue / "mrpc")
    (glue / "sst2" / "test-0.parquet").unlink()
    for config, change in (("rte", lambda t: t.slice(0, 3)), ("wnli", lambda t: t.take([0, 1, 3, 2, 4]))):
        path = glue / config / "test-0.parquet"
        parquet.write_table(change(parquet.read_table(path)), path)
    head = stored(run, "finetune", "glue/stsb").artefacts[0]
    shutil.rmtree(run / head.path)
    damaged = run / stored(run, "finetune", "glue/qnli").artefacts[0].path / "config.json"
    damaged.write_text(damaged.read_text() + " ")
    rewrite(run, stored(run, "predict", "glue/qqp"), status="failed", values=(), error="no memory left")
    with pytest.raises(UnavailableError) as caught:
        submit(run, tmp_path / "glue.zip", mirror=other)
    first, *lines = str(caught.value).splitlines()
    assert "tiny with seed 7 cannot be submitted" in first
    told = {line.split(": ")[0].strip(): line for line in lines}
    assert set(told) == {"MRPC.tsv", "SST-2.tsv", "RTE.tsv", "WNLI.tsv", "glue/stsb", "glue/qnli", "glue/qqp"}
    assert "mrpc" in told["MRPC.tsv"]
    assert "dataset nyu-mll/glue/sst2" in told["SST-2.tsv"]
    assert "has 3 rows, the official number is 5: this is a sample" in told["RTE.tsv"]
    assert "row 3 has idx 7 after 10: the rows are not in the official order" in told["WNLI.tsv"]
    assert "is gone: run the suite again to make it" in told["glue/stsb"]
    assert "is not what its result says it was" in told["glue/qnli"]
    assert "no memory left" in told["glue/qqp"]
    assert not (tmp_path / "glue.zip").exists()


def test_results_of_another_version_of_a_task_are_stale(run: Path, tmp_path: Path, monkeypatch) -> None:
    known = registry.entries("tasks")
    monkeypatch.setitem(known, "glue/rte", replace(known["glue/rte"], version=2))
    with pytest.raises(
        UnavailableError, match="glue/rte: its results are of version 1 of the task, this benchbert has"
    ):
        submit(run, tmp_path / "glue.zip")


def test_two_jobs_for_one_task_are_not_chosen_between(run: Path, tmp_path: Path) -> None:
    result = stored(run, "predict", "glue/rte")
    job = replace(result.job, spec={**result.job.spec, "device": "cuda"}, slug="elsewhere")
    RunFolder(run).write(replace(result, job=job, key=replace(result.key, job_id=job.id)))
    with pytest.raises(UnavailableError, match="glue/rte: the results of several settings") as caught:
        submit(run, tmp_path / "glue.zip")
    assert job.short_id in str(caught.value)
    assert result.job.short_id in str(caught.value)


def test_generated_tasks_cannot_be_submitted(run: Path, tmp_path: Path) -> None:
    result = stored(run, "predict", "glue/rte")
    shutil.rmtree(run / "results")
    job = replace(result.job, spec={**result.job.spec, "task": "builtin/glue/rte"})
    RunFolder(run).write(replace(result, job=job, key=replace(result.key, job_id=job.id)))
    with pytest.raises(UsageError, match=r"its tasks: builtin/glue/rte.*generated tasks .* cannot be submitted"):
        submit(run, tmp_path / "glue.zip")


def test_what_is_no_run_folder(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"is no run folder \(it has no lock.json\)"):
        submit(tmp_path, tmp_path / "glue.zip")


def test_the_sample_at_hand_is_refused_with_all_that_it_lacks(run: Path, real_data: Path, tmp_path: Path) -> None:
    with pytest.raises(UnavailableError) as caught:
        submit(run, tmp_path / "glue.zip", mirror=real_data)
    lines = str(caught.value).splitlines()[1:]
    assert [line.split(": ")[0].strip() for line in lines] == [file.name for file in FILES]
    assert all("no split 'test'" in lines[i] for i in (0, 1, 8, 9))
