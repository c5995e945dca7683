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


@pytest.mark.parametrize(
    ("predictions", "references", "words"),
    [
        ([0.9, 0.2, 0.8], [0, 0, 0], r"prediction 0 \(from 0\) is 0.9: it should be a class"),
        ([0, 1], [0, None], "reference 1 .* is None"),
        ([0, -1], [0, 0], "prediction 1 .* is -1"),
        ([10**6, 0], [0, 0], "prediction 0 .* is 1000000"),
    ],
)
def test_what_is_no_class_is_refused_with_its_place(predictions, references, words):
    for name in ("accuracy", "f1", "matthews_correlation"):
        with pytest.raises(DataError, match=words):
            as_evaluate.load(name).compute(predictions=predictions, references=references)


def test_a_correlation_and_a_share_combine_only_on_classes():
    import evaluate

    both = evaluate.combine([as_evaluate.load("pearson"), as_evaluate.load("accuracy")])
    found = both.compute(predictions=[1, 2, 0], references=[1, 2, 1])
    assert found["accuracy"] == pytest.approx(2 / 3)
    with pytest.raises(DataError, match="should be a class"):
        both.compute(predictions=[1.9, 2.9, 0.7], references=[1, 2, 0])


def test_squad_v2_names_the_question_without_a_null_probability():
    predictions = [{"id": "a", "prediction_text": "x", "no_answer_probability": float("nan")}]
    references = [{"id": "a", "answers": {"text": ["x"], "answer_start": [0]}}]
    with pytest.raises(DataError, match="question 'a' has no no_answer_probability"):
        as_evaluate.load("squad_v2").compute(predictions=predictions, references=references)


def test_a_missing_answer_is_no_text() -> None:
    references = [{"id": "a", "answers": {"text": ["None"], "answer_start": [0]}}]
    with pytest.raises(DataError, match="question 'a': the prediction is None"):
        as_evaluate.compute("squad", [{"id": "a", "prediction_text": None}], references)
