"""Prediction restores the order and agrees with the plain way of doing it, for every head."""

from __future__ import annotations

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForQuestionAnswering, AutoModelForSequenceClassification

from benchbert.tasks.encoding import Encoded
from benchbert.training import predict
from benchbert.training.predict import forward

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
