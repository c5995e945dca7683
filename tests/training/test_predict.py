"""A predict job scores the splits that it names, and says how it computed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from pyarrow import parquet
from sklearn.metrics import matthews_corrcoef
from transformers import AutoConfig, AutoModelForSequenceClassification

from benchbert.execution.execute import execute
from benchbert.machine import machine
from benchbert.plan import make_plan
from benchbert.resolve import resolve
from benchbert.store.files import RunFolder
from benchbert.suite import suite_from
from benchbert.training.wordpiece import train_wordpiece

VOCABULARY = 50


def config(outputs: int = 3):
    return AutoConfig.for_model(
        "bert",
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        vocab_size=VOCABULARY,
        max_position_embeddings=64,
        num_labels=outputs,
        initializer_range=0.3,
    )


def test_the_splits_of_the_job_are_scored_with_the_labels_that_the_generator_keeps(tmp_path: Path) -> None:
    tokenizer = train_wordpiece(["an old dog walks to a river"], vocabulary=60)
    tokenizer.save_pretrained(tmp_path / "model")
    torch.manual_seed(0)
    shape = config()
    shape.vocab_size, shape.max_position_embeddings = len(tokenizer), 128
    shape.id2label = dict(enumerate(("entailment", "neutral", "contradiction")))
    shape.label2id = {label: i for i, label in shape.id2label.items()}
    AutoModelForSequenceClassification.from_config(shape).save_pretrained(tmp_path / "model")
    models = [{"name": "m", "folder": str(tmp_path / "model")}]
    data = {"name": "s", "models": models, "tasks": ["builtin/glue/ax"], "finetune": False, "scored_on": "test"}
    suite = suite_from(data | {"majority": False, "predict_dtype": "float32"})
    lock = resolve(suite, folder=tmp_path)
    (job,) = make_plan(suite, lock).jobs
    run = RunFolder(tmp_path / "run")
    result = execute(job, lock, run, "r", lambda done, total, note: None)
    assert result.status == "ok", result.traceback or result.error
    rows = parquet.read_table(tmp_path / "run" / result.artefacts[0].path)
    expected = matthews_corrcoef(rows["label"].to_pylist(), rows["prediction"].to_pylist())
    (value,) = result.values
    assert (value.split, value.n, value.complete) == ("hidden_test", 280, True)
    assert abs(value.value - expected) < 1e-9
    assert set(rows["label"].to_pylist()) == {0, 1, 2}
    computed = result.provenance["computed"]
    assert (job.dtype, job.spec["precision"]) == ("float32", "forced")
    assert (computed["dtype"], computed["layout"], computed["decided_in_float32"]) == (
        "float32",
        "packed",
        {"hidden_test": 0},
    )
    assert [path.suffix for path in run.token_cache.iterdir()] == [".tokens"]


@pytest.mark.parametrize("wanted", ["auto", "float32", "bfloat16"])
def test_the_dtype_of_predictions_is_part_of_their_job_and_of_no_other(tmp_path: Path, wanted: str) -> None:
    data = {
        "name": "s",
        "models": ["bert-tiny"],
        "weights": "random",
        "tasks": ["builtin/glue/cola"],
        "majority": False,
    }
    jobs = {}
    for dtype in ("auto", "float32", "bfloat16"):
        suite = suite_from(data | {"predict_dtype": dtype})
        jobs[dtype] = make_plan(suite, resolve(suite, folder=tmp_path)).jobs
    head, predict = jobs[wanted]
    others = [jobs[dtype] for dtype in jobs if dtype != wanted]
    assert all(head.id == other[0].id and predict.id != other[1].id for other in others)
    auto = "bfloat16" if machine().fast_bfloat16 or machine().gpus else "float32"
    assert predict.dtype == (auto if wanted == "auto" else wanted)
