"""Classification and regression from rows to scores."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from datasets import Dataset, NamedSplit
from scipy import stats

from benchbert import registry
from benchbert.errors import DataError
from benchbert.tasks.heads import DecodeSettings, decode, encode, score
from benchbert.tasks.labels import logit_order

COLA, MRPC, STSB, MNLI = (registry.find("tasks", f"glue/{name}") for name in ("cola", "mrpc", "stsb", "mnli"))


def single(labels, split="validation"):
    texts = [f"the old mill {'town ' * i}" for i in range(len(labels))]
    ids = [10 + i for i in range(len(labels))]
    return Dataset.from_dict({"sentence": texts, "label": labels, "idx": ids}, split=NamedSplit(split))


def pair(labels, columns=("sentence1", "sentence2")):
    return Dataset.from_dict(
        {columns[0]: ["the mill"] * len(labels), columns[1]: ["a town"] * len(labels), "label": labels}
    )


def predicted(task, rows, tokenizer, logits, **settings):
    features = encode(task, rows, tokenizer, max_length=16, train=False)
    return decode(task, features, rows, {"logits": np.asarray(logits, np.float32)}, settings=DecodeSettings(**settings))


def test_tokens_are_the_tokenizers(tokenizer, bare_tokenizer):
    rows = single([0, 1, 1])
    features = encode(COLA, rows, tokenizer, max_length=8, train=True)
    encoded = features.encoded
    assert features.windows is None
    for row in range(3):
        expected = tokenizer(rows["sentence"][row], truncation=True, max_length=8)["input_ids"]
        assert encoded.tokens[encoded.starts[row] : encoded.starts[row + 1]].tolist() == expected
    assert encoded.labels["labels"].dtype == np.int64
    assert encoded.labels["labels"].tolist() == [0, 1, 1]
    pairs = encode(MRPC, pair([1]), tokenizer, max_length=16, train=True).encoded
    assert pairs.token_types.tolist() == tokenizer("the mill", "a town")["token_type_ids"]
    bare = encode(MRPC, pair([1]), bare_tokenizer, max_length=16, train=True).encoded
    assert (bare.tokens == pairs.tokens).all()
    assert not bare.token_types.any()


def test_the_longer_text_of_a_pair_is_cut(tokenizer):
    rows = Dataset.from_dict({"sentence1": ["mill"], "sentence2": ["town " * 40], "label": [0]})
    encoded = encode(MRPC, rows, tokenizer, max_length=12, train=False).encoded
    assert encoded.lengths.tolist() == [12]
    assert tokenizer.decode(encoded.tokens).startswith("[CLS] mill [SEP] town")


def test_targets(tokenizer):
    labels = encode(STSB, pair([2.5, 5.0]), tokenizer, max_length=16, train=True).encoded.labels["labels"]
    assert (labels.dtype, labels.tolist()) == (np.float32, [2.5, 5.0])
    assert encode(COLA, single([-1, -1], "test"), tokenizer, max_length=16, train=False).encoded.labels == {}
    with pytest.raises(DataError, match="max_length 2"):
        encode(COLA, single([0]), tokenizer, max_length=2, train=True)


def test_more_rows_than_a_chunk(tokenizer):
    rows = Dataset.from_dict({"sentence": ["mill", "the town"] * 1100, "label": [0, 1] * 1100})
    encoded = encode(COLA, rows, tokenizer, max_length=16, train=True).encoded
    assert len(encoded) == 2200
    assert (encoded.example == np.arange(2200)).all()
    assert encoded.lengths[:2].tolist() == encoded.lengths[-2:].tolist()


def test_one_row_an_example(tokenizer):
    rows = single([0, 1])
    table = predicted(COLA, rows, tokenizer, [[2, 1], [3, 0.5]])
    assert table.column_names == ["id", "label", "prediction", "scores", "input_hash"]
    first = table.to_pylist()[0]
    digest = hashlib.sha256(rows["sentence"][0].encode()).hexdigest()[:16]
    assert first == {"id": "10", "label": 0, "prediction": 0, "scores": [2.0, 1.0], "input_hash": digest}
    value = predicted(STSB, pair([2.5]), tokenizer, [[6.25]]).to_pylist()[0]
    assert (value["prediction"], value["label"]) == (6.25, 2.5)  # not clipped: only the submission is


def test_remapped_outputs_score_as_the_right_ones(tokenizer):
    rows = pair([0, 1, 2], ("premise", "hypothesis"))
    names = {0: "CONTRADICTION", 1: "ENTAILMENT", 2: "NEUTRAL"}
    logits = np.eye(3)[:, [2, 0, 1]] * 5  # a perfect model whose outputs stand in that order
    order = tuple(logit_order(names, MNLI.labels))
    right = predicted(MNLI, rows, tokenizer, logits, logit_order=order)
    assert right["prediction"].to_pylist() == [0, 1, 2]
    assert predicted(MNLI, rows, tokenizer, logits)["prediction"].to_pylist() != [0, 1, 2]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_logits_that_are_no_numbers_name_the_id(tokenizer, bad):
    with pytest.raises(DataError, match="id '11'"):
        predicted(COLA, single([0, 1]), tokenizer, [[0, 1], [0, bad]])
    with pytest.raises(DataError, match="shape"):
        predicted(COLA, single([0, 1]), tokenizer, [[0, 1, 2], [0, 1, 2]])


def test_scores_with_intervals(tokenizer):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 300)
    guesses = np.where(rng.random(300) < 0.8, labels, 1 - labels)
    table = predicted(MRPC, pair(labels.tolist()), tokenizer, np.eye(2)[guesses])
    f1, accuracy = score(MRPC, table, split="validation", complete=False)
    assert (f1.metric, accuracy.metric) == ("f1", "accuracy")
    assert accuracy.value == pytest.approx((labels == guesses).mean())
    half = 1.96 * np.sqrt(accuracy.value * (1 - accuracy.value) / 300)
    assert (accuracy.ci_high - accuracy.ci_low) / 2 == pytest.approx(half, rel=0.15)
    assert (accuracy.direction, accuracy.n, accuracy.split, accuracy.complete) == ("higher", 300, "validation", False)
    assert (accuracy.ci_kind, accuracy.ci_level) == ("bootstrap over examples", 0.95)


def test_regression_scores(tokenizer):
    rng = np.random.default_rng(1)
    labels = np.round(rng.uniform(0, 5, 80), 1)
    guesses = (labels + rng.normal(size=80)).astype(np.float32)
    pearson, spearman = score(
        STSB, predicted(STSB, pair(labels.tolist()), tokenizer, guesses), split="validation", complete=True
    )
    assert pearson.value == pytest.approx(stats.pearsonr(labels, guesses)[0])
    assert spearman.value == pytest.approx(stats.spearmanr(labels, guesses)[0])
    assert pearson.ci_low < pearson.value < pearson.ci_high


def test_constant_predictions(tokenizer):
    (mcc,) = score(
        COLA, predicted(COLA, single([0, 1, 1]), tokenizer, [[0, 1]] * 3), split="validation", complete=False
    )
    assert (mcc.value, mcc.ci_low) == (0.0, None)
    assert mcc.ci_kind == "none: all resamples of the examples score the same"
    constant = predicted(STSB, pair([1.0, 2.0, 3.0]), tokenizer, [2.0, 2.0, 2.0])
    for value in score(STSB, constant, split="validation", complete=False):
        assert (value.value, value.ci_low, value.ci_kind) == (None, None, "none: undefined")


def test_unlabelled_and_half_labelled_splits(tokenizer):
    hidden = predicted(COLA, single([-1, -1], "test"), tokenizer, [[0, 1]] * 2)
    assert score(COLA, hidden, split="test", complete=True) == ()
    with pytest.raises(DataError, match="id '11' has no label"):
        score(COLA, predicted(COLA, single([1, -1]), tokenizer, [[0, 1]] * 2), split="validation", complete=False)
