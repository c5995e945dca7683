"""The evaluate.Metric form: offline, combinable, and equal to the functions."""

from __future__ import annotations

import pytest
from sklearn.metrics import f1_score, matthews_corrcoef

from benchbert.errors import DataError, UnknownNameError
from benchbert.metrics import as_evaluate


def test_combined_in_batches():
    import evaluate

    both = evaluate.combine([as_evaluate.load(n) for n in ("accuracy", "f1", "matthews_correlation")])
    labels, guesses = [0, 1, 1, 0, 1, 1], [0, 1, 0, 0, 1, 0]
    both.add_batch(predictions=guesses[:3], references=labels[:3])
    both.add_batch(predictions=guesses[3:], references=labels[3:])
    found = both.compute()
    assert found["accuracy"] == pytest.approx(4 / 6)
    assert found["f1"] == pytest.approx(f1_score(labels, guesses))
    assert found["matthews_correlation"] == pytest.approx(matthews_corrcoef(labels, guesses))


def test_undefined_is_none_not_nan():
    assert as_evaluate.load("pearson").compute(predictions=[1.0, 1.0], references=[1.0, 2.0]) == {"pearson": None}
    assert as_evaluate.load("accuracy").compute(predictions=[], references=[]) == {"accuracy": None}
    assert as_evaluate.load("spearman").compute(predictions=[1.5, 2.5, 9.0], references=[1.0, 2.0, 3.0]) == {
        "spearman": pytest.approx(1.0)
    }


def test_squad_forms():
    references = [
        {"id": "1", "answers": {"text": ["Paris"], "answer_start": [0]}},
        {"id": "2", "answers": {"text": ["blue sky"], "answer_start": [3]}},
    ]
    predictions = [{"id": "1", "prediction_text": "paris"}, {"id": "2", "prediction_text": "sky"}]
    found = as_evaluate.load("squad").compute(predictions=predictions, references=references)
    assert found == {"exact_match": 50.0, "f1": pytest.approx(100 * (1 + 2 / 3) / 2)}
    with_null = [p | {"no_answer_probability": 0.0} for p in predictions]
    found = as_evaluate.load("squad_v2").compute(predictions=with_null, references=references)
    assert (found["exact"], found["total"], found["HasAns_total"], found["best_exact"]) == (50.0, 2, 2, 50.0)
    with pytest.raises(DataError, match="'2'"):
        as_evaluate.load("squad").compute(predictions=predictions[:1] * 1, references=references[1:])


def test_unknown_metric():
    with pytest.raises(UnknownNameError):
        as_evaluate.load("bleu")
