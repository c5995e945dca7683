"""SQuAD scoring against a second, deliberately plain implementation and hand-worked cases."""

from __future__ import annotations

import string

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchbert.errors import DataError
from benchbert.metrics.span import (
    best_threshold,
    exact_match,
    normalise,
    score_v1,
    score_v2,
    summary_v1,
    summary_v2,
    token_f1,
    with_null_threshold,
)

words = st.sampled_from(["the", "a", "An", "Normans", "in", "1066", "U.S.", "café", "—", "x-y", "!", "", "İ"])
texts = st.lists(words, max_size=5).map(" ".join)
answerable = st.lists(texts, min_size=1, max_size=3)


def plain(text):
    """Normalisation without regular expressions."""
    kept = "".join(c for c in text.lower() if c not in string.punctuation)
    out, word = [], ""
    for c in [*kept, " "]:
        if c.isalnum() or c == "_":
            word += c
            continue
        out += [" " if word in ("a", "an", "the") else word, c]
        word = ""
    return " ".join("".join(out).split())


def plain_f1(prediction, gold, v2):
    p, g = plain(prediction).split(), plain(gold).split()
    if v2 and (not p or not g):
        return float(p == g)
    left, common = list(g), 0
    for token in p:
        if token in left:
            left.remove(token)
            common += 1
    return 2 * common / (len(p) + len(g)) if common else 0.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The  Quick, brown\tFox!", "quick brown fox"),
        ("a theatre", "theatre"),
        ("U.S.A.", "usa"),
        ("1066\u20131087", "1066\u20131087"),
        ("\u201cquoted\u201d", "\u201cquoted\u201d"),
        ("An", ""),
        ("", ""),
    ],
)
def test_normalise(text, expected):
    assert normalise(text) == expected == plain(text)


@given(texts, texts)
@settings(max_examples=200, deadline=None)
def test_pairs_agree_with_the_plain_scorer(prediction, gold):
    assert exact_match(prediction, gold) == (plain(prediction) == plain(gold))
    for v2 in (False, True):
        assert token_f1(prediction, gold, empty_is_answer=v2) == pytest.approx(plain_f1(prediction, gold, v2))
        assert token_f1(prediction, gold, empty_is_answer=v2) == token_f1(gold, prediction, empty_is_answer=v2)


@given(texts)
@settings(max_examples=100, deadline=None)
def test_case_punctuation_and_white_space_do_not_matter(text):
    assert normalise(normalise(text)) == normalise(text)
    if text.isascii():
        assert exact_match(f"  {text.upper()} !?", text) == 1.0


questions = st.lists(st.tuples(answerable, texts), min_size=1, max_size=8)


@given(questions, st.randoms())
@settings(max_examples=80, deadline=None)
def test_v1_is_the_maximum_over_golds_in_any_order(rows, random):
    golds = {str(i): g for i, (g, _) in enumerate(rows)}
    predictions = {str(i): p for i, (_, p) in enumerate(rows)}
    expected = [max(plain_f1(p, g, False) for g in gs) for gs, p in rows]
    assert summary_v1(score_v1(golds, predictions))["f1"] == pytest.approx(100 * np.mean(expected))
    mixed = {k: random.sample(v, len(v)) * 2 for k, v in random.sample(list(golds.items()), len(golds))}
    assert summary_v1(score_v1(mixed, predictions)) == pytest.approx(summary_v1(score_v1(golds, predictions)))


def test_v1_scores_a_missing_prediction_zero():
    scores = score_v1({"a": ["x"], "b": ["y"]}, {"a": "X"})
    assert summary_v1(scores) == {"exact_match": 50.0, "f1": 50.0}
    assert scores.missing == ("b",)


def test_v1_refuses_a_question_without_gold():
    with pytest.raises(DataError, match="'b'"):
        score_v1({"a": ["x"], "b": []}, {"a": "x", "b": ""})


def test_v1_and_v2_differ_on_two_empty_answers():
    assert token_f1("the", "a", empty_is_answer=False) == 0.0
    assert token_f1("the", "a", empty_is_answer=True) == 1.0
    assert exact_match("the", "a") == 1.0


GOLDS = {"h1": ["Paris", "the Paris"], "h2": ["The", "blue sky"], "n1": [], "n2": [], "h3": ["the"]}


def test_v2_by_hand():
    predictions = {"h1": "paris!", "h2": "blue", "n1": "", "n2": "something", "h3": ""}
    scores = score_v2(GOLDS, predictions)
    # h2: the gold "The" says nothing and is dropped. h3: its only gold too, so the empty text is right; yet it has one.
    assert scores.exact.tolist() == [1, 0, 1, 0, 1]
    assert scores.f1.tolist() == pytest.approx([1, 2 / 3, 1, 0, 1])
    assert scores.answerable.tolist() == [True, True, False, False, True]
    summary = summary_v2(scores)
    assert list(summary) == [
        *("exact", "f1", "total"),
        *("HasAns_exact", "HasAns_f1", "HasAns_total"),
        *("NoAns_exact", "NoAns_f1", "NoAns_total"),
    ]
    assert summary["exact"] == pytest.approx(60)
    assert summary["HasAns_exact"] == pytest.approx(200 / 3)
    assert (summary["HasAns_total"], summary["NoAns_total"], summary["NoAns_f1"]) == (3, 2, 50.0)


def test_v2_leaves_out_and_reports_what_is_missing():
    scores = score_v2(GOLDS, {"h1": "Paris", "n1": ""})
    assert (scores.ids, scores.missing) == (("h1", "n1"), ("h2", "n2", "h3"))
    assert summary_v2(scores)["total"] == 2
    with pytest.raises(DataError, match="no question"):
        summary_v2(score_v2(GOLDS, {}))


def plain_best(golds, predictions, null):
    """Every threshold tried outright, with distinct null scores."""
    results = []
    for threshold in [min(null.values()) - 1, *null.values()]:
        total = 0.0
        for q, gs in golds.items():
            text = "" if null[q] > threshold else predictions[q]
            kept = [g for g in gs if plain(g)] or [""]
            silent = null[q] > threshold
            total += float(not gs) if silent else max(plain_f1(text, g, True) for g in kept)
        results.append((total / len(golds), threshold))
    return max(r[0] for r in results)


@given(
    st.lists(st.tuples(st.one_of(st.just([]), answerable), texts), min_size=1, max_size=7),
    st.randoms(use_true_random=False),
)
@settings(max_examples=100, deadline=None)
def test_best_f1_is_the_best_of_all_thresholds(rows, random):
    golds = {str(i): g for i, (g, _) in enumerate(rows)}
    # Texts that normalise to nothing but are not empty are counted as answers by the official scorer: kept out here.
    predictions = {str(i): (p if plain(p) else "word") for i, (_, p) in enumerate(rows)}
    null = {q: float(v) for q, v in zip(golds, random.sample(range(1, 100), len(golds)), strict=True)}
    scores = score_v2(golds, predictions)
    best, threshold = best_threshold(scores, scores.f1, null)
    assert best == pytest.approx(plain_best(golds, predictions, null))
    reached = with_null_threshold(scores, null, threshold).f1.mean()
    assert reached == pytest.approx(best)


def test_null_probabilities_at_the_official_threshold():
    predictions = {"h1": "Paris", "h2": "blue sky", "n1": "no", "n2": "no", "h3": "no"}
    null = {"h1": 0.1, "h2": 0.9, "n1": 0.8, "n2": 0.2, "h3": 0.3}
    summary = summary_v2(score_v2(GOLDS, predictions), null)
    assert summary["exact"] == pytest.approx(40)
    # At 0.1 h1 is answered and both unanswerable ones are silent: 3 of 5, and no other threshold is better.
    assert (summary["best_exact"], summary["best_exact_thresh"]) == (pytest.approx(60), 0.1)
    assert summary_v2(score_v2(GOLDS, predictions), null, threshold=0.1)["exact"] == pytest.approx(60)


@pytest.mark.parametrize(("value", "words"), [(None, "no null probability"), (float("nan"), "not a number")])
def test_null_probabilities_must_be_there_and_finite(value, words):
    null = dict.fromkeys(GOLDS, 0.5)
    if value is None:
        del null["n1"]
    else:
        null["n1"] = value
    with pytest.raises(DataError, match=words):
        summary_v2(score_v2(GOLDS, dict.fromkeys(GOLDS, "x")), null)
