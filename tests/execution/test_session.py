"""A run from a suite file to a report: whole, again, killed, damaged, and with parts that cannot be had."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from transformers import AutoModel, AutoTokenizer

import benchbert
from benchbert.errors import SchemaError, StoreError
from benchbert.execution.session import prepare, run_prepared

from .conftest import SUITE, scores


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of the tiny suite, made once for the tests that only look at it."""
    from .conftest import STUDENT, TEACHER

    folder = tmp_path_factory.mktemp("finished")
    for name, text in (("teacher", TEACHER), ("student", STUDENT), ("tiny", SUITE)):
        (folder / f"{name}.toml").write_text(text)
    benchbert.run(folder / "tiny.toml", out=folder / "run", progress=False)
    return folder / "run"


def test_every_job_ends_well_and_leaves_what_it_should(finished: Path) -> None:
    frame = benchbert.load_results(finished)
    assert set(frame.status) == {"ok"}
    assert set(frame.kind) == {"pretrain", "distil", "finetune", "predict", "profile"}
    assert {"pearson", "f1", "latency_ms", "parameters_stored", "held_out_mlm_loss"} <= set(frame.metric)
    latency = frame[frame.metric == "latency_ms"]
    assert (latency.value > 0).all()
    assert latency.ci_kind.str.contains("replicates = 1").all()
    assert latency.steady.notna().all()
    assert (finished / "report.html").stat().st_size > 100_000
    for name in ("lock.json", "machine.json", "suite.toml"):
        assert (finished / name).is_file()


def test_predictions_are_stored_one_row_an_example(finished: Path) -> None:
    from pyarrow import parquet

    files = sorted((finished / "predictions").glob("*.parquet"))
    assert len(files) == 6  # of two models and the majority baseline, on two tasks
    for path in files:
        table = parquet.read_table(path)
        assert table.num_rows == 500
        assert {"id", "input_hash"} <= set(table.column_names)
        assert len(set(table.column("id").to_pylist())) == 500


def test_a_model_of_a_recipe_is_an_ordinary_model_with_a_card(finished: Path) -> None:
    for path in (finished / "results").glob("distil*.json"):
        place = finished / json.loads(path.read_text())["artefacts"][0]["path"]
        model, tokenizer = AutoModel.from_pretrained(place), AutoTokenizer.from_pretrained(place)
        assert model.config.model_type == "distilbert"
        assert (
            model(**tokenizer("the dog", return_tensors="pt", return_token_type_ids=False))
            .last_hidden_state.isfinite()
            .all()
        )
        card = (place / "README.md").read_text()
        assert "tiny-bert" in card
        assert "builtin/corpus" in card


def test_the_second_run_does_nothing(finished: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in (finished / "results").iterdir()}
    prepared = prepare(finished.parent / "tiny.toml", out=finished)
    tally = run_prepared(prepared)
    assert (tally.done, tally.failed) == (0, {})
    assert tally.skipped == len(prepared.plan.jobs)
    assert before == {p: p.stat().st_mtime_ns for p in (finished / "results").iterdir()}


def _command(suite: Path, out: Path) -> list[str]:
    return [sys.executable, "-m", "benchbert", "run", str(suite), "--out", str(out)]


@pytest.mark.slow
@pytest.mark.parametrize("after", [2, 5])
def test_a_killed_run_goes_on_to_the_same_scores(suite: Path, finished: Path, after: int) -> None:
    out = suite.parent / "run"
    process = subprocess.Popen(_command(suite, out), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 400
    while len(list((out / "results").glob("*.json"))) < after:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    kept = {p.name: p.stat().st_mtime_ns for p in (out / "results").glob("*.json")}
    done = subprocess.run(_command(suite, out), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "already stored" in done.stderr
    assert all((out / "results" / name).stat().st_mtime_ns == when for name, when in kept.items())
    assert scores(out) == scores(finished)


def test_a_damaged_result_is_reported_and_made_anew(suite: Path) -> None:
    out = suite.parent / "run"
    only = "size.teacher*"
    run_prepared(prepare(suite, out=out, only=only))
    (path,) = (out / "results").glob("size*.json")
    whole = path.read_text()
    path.write_text(whole[: len(whole) // 2])
    tally = run_prepared(prepare(suite, out=out, only=only))
    assert str(path) in tally.damaged[0]
    assert tally.done == 1
    assert json.loads(path.read_text())["status"] == "ok"


def test_what_cannot_be_had_fails_its_own_cells_and_the_rest_runs(tmp_path: Path) -> None:
    suite = {
        "name": "partly",
        "models": [{"name": "here", "architecture": "bert-tiny"}, {"name": "broken", "folder": str(tmp_path)}],
        "profile": {"profilers": ["size"]},
    }
    frame = benchbert.run(suite, out=tmp_path / "run", progress=False)
    by_model = dict(zip(frame.model, frame.status, strict=True))
    assert by_model == {"here": "ok", "broken": "failed"}
    assert frame[frame.model == "broken"].error.str.contains("config.json").all()


def test_a_recipe_that_fails_takes_along_only_what_stands_on_it(suite: Path) -> None:
    broken = suite.parent / "student.toml"
    broken.write_text(broken.read_text() + "[model.config]\ndim = 8\n")
    suite.write_text(
        SUITE.replace('["size", "latency"]', '["size"]').replace('["builtin/glue/stsb", "builtin/squad"]', "[]")
    )
    tally = run_prepared(prepare(suite, out=suite.parent / "run"))
    assert set(tally.failed) == {slug for slug in tally.failed if "student" in slug or "distil" in slug}
    assert any("compares hidden states of one width" in why for why in tally.failed.values())
    assert any("stands on distil.tiny-distilbert" in why for why in tally.failed.values())
    assert tally.done == 2


def test_a_job_that_takes_too_long_is_stopped_and_said(suite: Path) -> None:
    suite.write_text(SUITE.replace('name = "tiny"', 'name = "tiny"\ntime_limit = 0.5'))
    tally = run_prepared(prepare(suite, out=suite.parent / "run", only="pretrain*"))
    assert "time_limit = 0.5" in tally.failed["pretrain.tiny-bert"]
    assert benchbert.load_results(suite.parent / "run").status.tolist() == ["timeout"]


def test_settings_that_change_put_old_results_away(suite: Path) -> None:
    out = suite.parent / "run"
    text = SUITE.replace('["size", "latency"]', '["size"]').replace('["builtin/glue/stsb", "builtin/squad"]', "[]")
    suite.write_text(text)
    run_prepared(prepare(suite, out=out))
    teacher = suite.parent / "teacher.toml"
    teacher.write_text(teacher.read_text().replace("steps = 6", "steps = 5"))
    run_prepared(prepare(suite, out=out))
    slugs = [json.loads(p.read_text())["job"]["slug"] for p in (out / "results").glob("*.json")]
    assert len(slugs) == len(set(slugs)) == 4
    assert len(list((out / "stale").glob("*.json"))) == 4
    teacher.write_text(teacher.read_text().replace("steps = 5", "steps = 6"))
    back = run_prepared(prepare(suite, out=out))
    assert (back.done, back.skipped) == (0, 4)  # the old results were put away, not lost


def test_models_that_the_suite_no_longer_names_leave_the_board(tmp_path: Path) -> None:
    def run(*names: str) -> set[str]:
        models = [{"name": name, "architecture": "bert-tiny"} for name in names]
        suite = {"name": "s", "models": models, "profile": {"profilers": ["size"]}}
        return set(benchbert.run(suite, out=tmp_path / "run", progress=False).model)

    assert run("x y", "x-y") == {"x y", "x-y"}  # names that are one word in a file name are still two models
    assert run("x y") == {"x y"}


def test_a_part_of_a_suite_leaves_the_rest_of_its_results_and_checkpoints_alone(suite: Path) -> None:
    out = suite.parent / "run"
    run_prepared(prepare(suite, out=out, only="size.teacher*"))
    left = out / "artefacts" / f"{prepare(suite).plan.jobs[1].short_id}.work"
    left.mkdir()
    run_prepared(prepare(suite, out=out, only="pretrain*"))
    assert left.is_dir()
    assert len(list((out / "results").glob("size*"))) == 1


def test_a_damaged_artefact_is_reported_and_made_anew(suite: Path) -> None:
    out = suite.parent / "run"
    prepared = prepare(suite, out=out, only="pretrain*")
    run_prepared(prepared)
    weights = out / "artefacts" / prepared.plan.jobs[0].short_id / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    tally = run_prepared(prepare(suite, out=out, only="pretrain*"))
    assert tally.done == 1
    assert "is not what" in tally.damaged[0]
    assert weights.read_bytes() == whole  # and training is deterministic


def test_labels_that_contradict_the_model_are_refused_and_swapped_ones_are_mapped(
    finished: Path, tmp_path: Path
) -> None:
    """A two-class head with the names in the other order scores the same; the names against the config do not score."""
    from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

    source = next(p.parent for p in finished.glob("artefacts/*/tokenizer.json"))
    config = AutoConfig.for_model(
        "bert", hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    config.vocab_size = len(AutoTokenizer.from_pretrained(source))
    for name, labels in {"same": ["negative", "positive"], "swapped": ["positive", "negative"]}.items():
        config.id2label, config.label2id = dict(enumerate(labels)), {label: i for i, label in enumerate(labels)}
        torch.manual_seed(0)
        model = AutoModelForSequenceClassification.from_config(config)
        if name == "swapped":
            with torch.no_grad():
                model.classifier.weight.copy_(model.classifier.weight.flip(0))
        model.save_pretrained(tmp_path / name)
        AutoTokenizer.from_pretrained(source).save_pretrained(tmp_path / name)
    against = {"name": "against", "folder": str(tmp_path / "same"), "labels": ["positive", "negative"]}
    models = [{"name": n, "folder": str(tmp_path / n)} for n in ("same", "swapped")] + [against]
    suite = {"name": "s", "models": models, "tasks": ["builtin/glue/sst2"], "finetune": False}
    frame = benchbert.run(suite, out=tmp_path / "run", progress=False).set_index("model")
    assert frame.loc["same", "value"] == frame.loc["swapped", "value"]
    assert frame.loc["against", "status"] == "failed"
    assert "contradict" in frame.loc["against", "error"] or "labels" in frame.loc["against", "error"]


def test_a_later_schema_stops_the_run_and_is_left_alone(suite: Path) -> None:
    out = suite.parent / "run"
    run_prepared(prepare(suite, out=out, only="size.teacher*"))
    (path,) = (out / "results").glob("size*.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": 99}))
    before = path.read_bytes()
    with pytest.raises(SchemaError, match="schema 99"):
        run_prepared(prepare(suite, out=out, only="size.teacher*"))
    assert path.read_bytes() == before


def test_two_runs_in_one_folder_are_refused(suite: Path) -> None:
    from filelock import FileLock

    out = suite.parent / "run"
    out.mkdir()
    with FileLock(out / ".lock"), pytest.raises(StoreError, match="another run is at work"):
        run_prepared(prepare(suite, out=out))


def test_a_folder_that_cannot_be_written_is_one_clear_line(suite: Path) -> None:
    blocker = suite.parent / "file"
    blocker.write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        run_prepared(prepare(suite, out=blocker / "run"))
