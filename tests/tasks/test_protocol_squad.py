"""SQuAD as the protocol has it: windows, null scores and the scoring of predictions files."""

from __future__ import annotations

import inspect
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchbert import registry
from benchbert.errors import DataError, SuiteError
from benchbert.suite import read_suite, suite_from
from benchbert.tasks.heads import DecodeSettings, decode, encode, score
from benchbert.tasks.score_file import score_predictions
from benchbert.tasks.windows import STRIDE

SQUAD, SQUAD_V2 = registry.find("tasks", "squad"), registry.find("tasks", "squad_v2")
SUITES = Path(__file__).parents[2] / "suites"
WORDS = " ".join(["the old mill", "a long film", "they took tea"] * 40)


def logits(features, value=-9.0):
    return {f"{side}_logits": np.full(features.encoded.tokens.size, value, np.float32) for side in ("start", "end")}


# --- windows --------------------------------------------------------------------------------------------------------


def test_numbers_of_the_protocol():
    assert (DecodeSettings().n_best, DecodeSettings().max_answer_tokens, DecodeSettings().null_threshold) == (20, 30, 0)
    assert STRIDE == 128 == inspect.signature(encode).parameters["stride"].default
    finetune = read_suite(SUITES / "glue.toml").finetune
    for task in ("squad", "squad_v2"):
        chosen = finetune.settings("bert-base-uncased", task, "span")
        assert (chosen.max_length, chosen.stride) == (384, 128)


def test_the_step_of_the_original_code_is_no_setting_under_our_name():
    # The original's doc_stride is the step between window starts; a suite that gives it would mean other windows.
    with pytest.raises(SuiteError, match="doc_stride"):
        suite_from({"name": "x", "models": ["bert-tiny"], "tasks": ["squad"], "finetune": {"doc_stride": 128}})


def test_stride_is_the_overlap_not_the_step(tokenizer, squad_rows):
    rows = squad_rows(("q", "who ?", WORDS, ["mill"]))
    tokens = len(tokenizer(WORDS, add_special_tokens=False)["input_ids"])
    room = 64 - 3 - 2  # special tokens, and the question's two
    for overlap in (16, 40):
        made = len(encode(SQUAD, rows, tokenizer, max_length=64, train=False, stride=overlap).encoded)
        by_overlap = 1 + -(-(tokens - room) // (room - overlap))
        by_step = 1 + -(-(tokens - room) // overlap)
        assert made == by_overlap != by_step


def test_a_long_question_is_not_cut(tokenizer, squad_rows):
    question = " ".join(["town"] * 80)
    rows = squad_rows(("q", question, WORDS, ["mill"]))
    features = encode(SQUAD, rows, tokenizer, max_length=120, train=False, stride=16)
    town = tokenizer.convert_tokens_to_ids("town")
    starts = features.encoded.starts
    for first, last in itertools.pairwise(starts):
        assert (features.encoded.tokens[first:last] == town).sum() == 80


@given(st.text(st.sampled_from("the mill\u2013\u201c\u201déß漢字😀e\u0301\u00a0 \n"), min_size=1, max_size=40))
@settings(max_examples=40, deadline=None)
def test_offsets_are_the_exact_characters(tokenizer, squad_rows, text):
    context = f"mill {text} castle"
    rows = squad_rows(("q", "who ?", context, ["castle"]))
    features = encode(SQUAD, rows, tokenizer, max_length=200, train=False, stride=16)
    rng = np.random.default_rng(len(text))
    outputs = {name: rng.normal(size=v.size).astype(np.float32) for name, v in logits(features).items()}
    (answer,) = decode(SQUAD, features, rows, outputs).to_pylist()
    assert answer["n_best"]
    for entry in answer["n_best"]:
        assert entry["text"] == context[entry["start"] : entry["end"]] != ""
    inside = features.windows.offsets[features.windows.offsets[:, 0] >= 0]
    assert [context[a:b] for a, b in inside[[0, -1]]] == ["mill", "castle"]


# --- null answers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tokenizer", "last_class_tokenizer"])
def test_the_null_score_stands_where_the_tokenizer_puts_its_class_token(kind, request, squad_rows):
    tokenizer = request.getfixturevalue(kind)
    rows = squad_rows(("q", "who ?", "the castle fell", ["castle"]))
    features = encode(SQUAD_V2, rows, tokenizer, max_length=64, train=False, stride=16)
    outputs = logits(features)
    place = features.encoded.tokens.tolist().index(tokenizer.cls_token_id)
    assert (place == 0) == (kind == "tokenizer")
    (castle,) = np.flatnonzero(features.windows.offsets[:, 0] == len("the "))
    for side in ("start", "end"):
        outputs[f"{side}_logits"][castle] = 2.0
        outputs[f"{side}_logits"][place] = 3.5
    (answer,) = decode(SQUAD_V2, features, rows, outputs).to_pylist()
    assert (answer["null_score_difference"], answer["prediction_text"]) == (3.0, "")
    assert answer["best_text"] == "castle"


def test_at_difference_0_the_question_is_answered(tokenizer, squad_rows):
    rows = squad_rows(("q", "who ?", "the castle fell", ["castle"]))
    features = encode(SQUAD_V2, rows, tokenizer, max_length=64, train=False, stride=16)
    outputs = logits(features)
    (castle,) = np.flatnonzero(features.windows.offsets[:, 0] == len("the "))
    for side in ("start", "end"):
        outputs[f"{side}_logits"][[0, castle]] = 2.0
    table = decode(SQUAD_V2, features, rows, outputs)
    assert table["null_score_difference"].to_pylist() == [0.0]
    assert table["prediction_text"].to_pylist() == ["castle"]
    outputs["start_logits"][0] = 2.001
    assert decode(SQUAD_V2, features, rows, outputs)["prediction_text"].to_pylist() == [""]


def test_answers_have_at_most_30_tokens(tokenizer, squad_rows):
    rows = squad_rows(("q", "who ?", WORDS, ["mill"]))
    features = encode(SQUAD, rows, tokenizer, max_length=200, train=False, stride=16)
    outputs = logits(features)
    outputs["start_logits"][10] = 5.0
    for length, allowed in ((30, True), (31, False)):
        outputs["end_logits"][:] = -9.0
        outputs["end_logits"][10 + length - 1] = 5.0
        (answer,) = decode(SQUAD, features, rows, outputs).to_pylist()
        assert (answer["n_best"][0]["score"] == 10.0) == allowed


def test_headline_and_tuned_scores_have_names_of_their_own(tokenizer, squad_rows):
    rows = squad_rows(("a", "who ?", "the castle fell", ["castle"]), ("b", "what ?", "the castle fell", []))
    features = encode(SQUAD_V2, rows, tokenizer, max_length=64, train=False, stride=16)
    outputs = logits(features)
    for window in range(2):
        first = int(features.encoded.starts[window])
        place = first + int(np.flatnonzero(features.windows.offsets[first:, 0] == len("the "))[0])
        for side in ("start", "end"):
            outputs[f"{side}_logits"][place] = 2.0
            # Both are below threshold 0, so that both are answered, and the second is wrong.
            outputs[f"{side}_logits"][first] = 0.5 + window
    values = {v.metric: v for v in score(SQUAD_V2, decode(SQUAD_V2, features, rows, outputs), split="d", complete=True)}
    assert [m for m, v in values.items() if v.convention == "null threshold 0"] == [
        *("f1", "exact_match", "HasAns_exact", "HasAns_f1", "NoAns_exact", "NoAns_f1"),
    ]
    assert (values["exact_match"].value, values["best_exact"].value, values["best_exact_thresh"].value) == (0.5, 1, -3)
    assert SQUAD_V2.main_metric == "f1"
    assert not any(metric.startswith("best_") for metric in SQUAD_V2.metrics)


# --- predictions files ----------------------------------------------------------------------------------------------

GOLDS = {"h1": ["Paris"], "h2": ["blue sky"], "n1": [], "n2": []}


def dataset(golds):
    qas = [{"id": q, "answers": [{"text": t, "answer_start": 0} for t in g]} for q, g in golds.items()]
    return {"data": [{"paragraphs": [{"context": "c", "qas": qas}]}]}


def test_the_official_headline_threshold_is_1(write):
    references, texts = write("r.json", dataset(GOLDS)), dict.fromkeys(GOLDS, "Paris")
    path = write("p.json", texts)
    # Not above 1.0: all are answered. Probabilities above it are scores, and silence.
    at = score_predictions("squad_v2", path, references, write("n.json", dict.fromkeys(GOLDS, 1.0)))
    assert (at["exact"], at["NoAns_exact"], at["HasAns_exact"]) == (25.0, 0.0, 50.0)
    above = score_predictions("squad_v2", path, references, write("n.json", dict.fromkeys(GOLDS, 1.5)))
    assert (above["exact"], above["NoAns_exact"], above["HasAns_exact"]) == (50.0, 100.0, 0.0)
    assert {"best_exact", "best_f1_thresh"} <= set(at)
    without = score_predictions("squad_v2", path, references)
    assert {k: v for k, v in at.items() if not k.startswith("best_")} == without


@pytest.mark.parametrize("task", ["squad", "squad_v2"])
def test_missing_extra_and_repeated_ids(write, task):
    golds = {"a": ["x"], "b": ["y"], "c": ["z"]}
    references = write("r.json", dataset(golds))
    whole = score_predictions(task, write("p.json", {"a": "x", "b": "y", "c": "w"}), references)
    extra = score_predictions(task, write("e.json", {"a": "x", "zz": "x", "b": "y", "c": "w"}), references)
    assert any("1 predictions are for questions without reference (first 'zz')" in line for line in extra["warnings"])
    assert {k: v for k, v in extra.items() if k != "warnings"} == {k: v for k, v in whole.items() if k != "warnings"}
    part = write("m.json", {"a": "x", "b": "w"})
    with pytest.raises(DataError, match=r"no prediction for question 'c' \(1 missing"):
        score_predictions(task, part, references)
    found = score_predictions(task, part, references, allow_missing=True)
    exact, total = (found["exact_match"], 3) if task == "squad" else (found["exact"], 2)
    assert (exact, found["total"], found["missing"]) == (pytest.approx(100 / total), total, 1)
    how = "scored 0" if task == "squad" else "left out of the total"
    assert any(f"1 questions have no prediction (first 'c'): {how}" in line for line in found["warnings"])
    with pytest.raises(DataError, match="'a' stands there twice"):
        score_predictions(task, write("t.json", '{"a": "x", "b": "y", "c": "z", "a": "x"}'), references)
    twice = json.dumps(dataset(golds)).replace('"context": "c"', '"context": "c", "context": "d"')
    with pytest.raises(DataError, match="'context' stands there twice"):
        score_predictions(task, write("p.json", {"a": "x"}), write("rr.json", twice))
