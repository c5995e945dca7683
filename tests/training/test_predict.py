"""Prediction restores the order and agrees with the plain way of doing it, for every head."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from pyarrow import parquet
from sklearn.metrics import matthews_corrcoef
from transformers import AutoConfig, AutoModelForQuestionAnswering, AutoModelForSequenceClassification

from benchbert.execution.execute import execute
from benchbert.plan import make_plan
from benchbert.resolve import resolve
from benchbert.store.files import RunFolder
from benchbert.suite import suite_from
from benchbert.tasks.encoding import Encoded
from benchbert.training import predict
from benchbert.training.predict import forward
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


def examples() -> list[list[int]]:
    generator = np.random.default_rng(0)
    return [generator.integers(5, VOCABULARY, generator.integers(3, 40)).tolist() for _ in range(37)]


def encoded(rows: list[list[int]]) -> Encoded:
    return Encoded.from_lists(rows, [[0] * len(row) for row in rows])


def test_logits_are_those_of_one_example_at_a_time(monkeypatch) -> None:
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_config(config()).eval()
    rows = examples()
    monkeypatch.setitem(predict.TOKEN_BUDGET, "cpu", 100)
    found = forward(model, encoded(rows), 0, "cpu")["logits"]
    with torch.no_grad():
        plain = np.concatenate([model(torch.tensor([row])).logits.numpy() for row in rows])
    assert found.shape == (37, 3)
    assert np.allclose(found, plain, atol=1e-5)


def test_span_logits_are_aligned_with_the_tokens() -> None:
    torch.manual_seed(0)
    model = AutoModelForQuestionAnswering.from_config(config(2)).eval()
    rows = examples()
    data = encoded(rows)
    found = forward(model, data, 0, "cpu")
    assert found["start_logits"].shape == (sum(map(len, rows)),)
    with torch.no_grad():
        for i, row in enumerate(rows):
            plain = model(torch.tensor([row]))
            part = slice(data.starts[i], data.starts[i + 1])
            assert np.allclose(found["start_logits"][part], plain.start_logits[0].numpy(), atol=1e-5)
            assert np.allclose(found["end_logits"][part], plain.end_logits[0].numpy(), atol=1e-5)


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
    suite = suite_from(data | {"majority": False})
    lock = resolve(suite, folder=tmp_path)
    (job,) = make_plan(suite, lock).jobs
    result = execute(job, lock, RunFolder(tmp_path / "run"), "r", lambda done, total, note: None)
    assert result.status == "ok", result.traceback or result.error
    rows = parquet.read_table(tmp_path / "run" / result.artefacts[0].path)
    expected = matthews_corrcoef(rows["label"].to_pylist(), rows["prediction"].to_pylist())
    (value,) = result.values
    assert (value.split, value.n, value.complete) == ("hidden_test", 280, True)
    assert abs(value.value - expected) < 1e-9
    assert set(rows["label"].to_pylist()) == {0, 1, 2}
