"""SQuAD's answers as the protocol has them, against a second scorer that shares no code with ours."""

from __future__ import annotations

import math
import string
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchbert.metrics.span import (
    exact_match,
    normalise,
    score_v1,
    score_v2,
    summary_v1,
    summary_v2,
    token_f1,
    with_null_threshold,
)

UNICODE_PUNCTUATION = "\u2013\u2014\u2018\u2019\u201c\u201d\u2026\u00bf\u00a1\u3002\uff0c\u00ab\u00bb"
letters = st.text(st.sampled_from("abthenAN TH19.,'-$%" + UNICODE_PUNCTUATION + "éßİ\u00a0\t"), max_size=14)


def naive_tokens(text: str) -> list[str]:
    """Lower case, no ASCII punctuation, no article that stands alone; character by character."""
    kept = [c for c in text.lower() if not (ord(c) < 128 and unicodedata.category(c)[0] in "PS")]
    words, word = [], ""
    for c in [*kept, " "]:
        if c.isalnum() or c == "_":
            word += c
        else:
            words += [" " if word in {"a", "an", "the"} else word, c]
            word = ""
    return "".join(words).split()


def naive_pair(prediction: str, gold: str) -> tuple[float, float]:
    """EM and F1 of 2.0."""
    p, g = naive_tokens(prediction), naive_tokens(gold)
    exact = float(" ".join(p) == " ".join(g))
    if not p or not g:
        return exact, float(p == g)
    common = sum(min(p.count(token), g.count(token)) for token in set(p))
    return exact, 2 * common / (len(p) + len(g))


def test_only_ascii_punctuation_goes():
    assert normalise(f"x{string.punctuation}y") == "xy"
    for mark in UNICODE_PUNCTUATION:
        assert normalise(f"x{mark}y") == f"x{mark}y"
        assert exact_match(f"x{mark}", "x") == 0.0
    assert exact_match("1066\u20131087", "1066-1087") == 0.0
    assert exact_match("1066-1087", "10661087") == 1.0


@given(letters, letters)
@settings(max_examples=150, deadline=None)
def test_a_second_scorer_agrees(prediction, gold):
    exact, overlap = naive_pair(prediction, gold)
    assert exact_match(prediction, gold) == exact
    assert token_f1(prediction, gold, empty_is_answer=True) == pytest.approx(overlap)
    in_v1 = 0.0 if not naive_tokens(prediction) or not naive_tokens(gold) else overlap
    assert token_f1(prediction, gold, empty_is_answer=False) == pytest.approx(in_v1)
    assert 0.0 <= overlap <= 1.0
    assert not exact or overlap == 1.0


def test_f1_counts_repeated_words_as_often_as_both_have_them():
    assert token_f1("new new york", "new york york", empty_is_answer=True) == pytest.approx(2 / 3)
    assert token_f1("new", "new new new", empty_is_answer=True) == pytest.approx(0.5)


rows = st.lists(st.tuples(st.lists(letters, max_size=3), letters, st.integers(-5, 5)), min_size=1, max_size=8)


@given(rows, st.randoms(use_true_random=False))
@settings(max_examples=80, deadline=None)
def test_v2_by_a_second_scorer_in_any_order(cases, random):
    golds = {str(i): answers for i, (answers, _, _) in enumerate(cases)}
    texts = {str(i): text for i, (_, text, _) in enumerate(cases)}
    pairs = []
    for answers, text, _ in cases:
        kept = [gold for gold in answers if naive_tokens(gold)] or [""]
        pairs.append((max(naive_pair(text, g)[0] for g in kept), max(naive_pair(text, g)[1] for g in kept)))
    found = summary_v2(score_v2(golds, texts))
    assert found["exact"] == pytest.approx(100 * sum(p[0] for p in pairs) / len(pairs))
    assert found["f1"] == pytest.approx(100 * sum(p[1] for p in pairs) / len(pairs))
    parts = {prefix: found.get(f"{prefix}_total", 0) for prefix in ("HasAns", "NoAns")}
    assert parts == {"HasAns": sum(bool(c[0]) for c in cases), "NoAns": sum(not c[0] for c in cases)}
    mixed = dict(random.sample(list(golds.items()), len(golds)))
    repeated = {q: [*answers, *reversed(answers)] for q, answers in mixed.items()}
    assert summary_v2(score_v2(repeated, texts)) == pytest.approx(found)


@given(rows)
@settings(max_examples=60, deadline=None)
def test_best_is_never_below_the_headline_and_never_in_its_place(cases):
    golds = {str(i): answers for i, (answers, _, _) in enumerate(cases)}
    texts = {str(i): f"x{text}" for i, (_, text, _) in enumerate(cases)}
    null = {str(i): float(score) + i / 100 for i, (_, _, score) in enumerate(cases)}
    scores = score_v2(golds, texts)
    headline = summary_v2(scores, null, threshold=0.0)
    assert headline["exact"] == pytest.approx(100 * with_null_threshold(scores, null, 0.0).exact.mean())
    assert headline["best_exact"] >= headline["exact"] - 1e-9
    assert headline["best_f1"] >= headline["f1"] - 1e-9
    assert {"best_exact_thresh", "best_f1_thresh"} <= set(headline)
    assert math.isfinite(headline["best_f1_thresh"])


def test_a_null_score_at_the_threshold_is_answered():
    golds, texts = {"a": ["x"], "b": []}, {"a": "x", "b": "y"}
    scores = score_v2(golds, texts)
    assert summary_v2(scores, {"a": 1.0, "b": 1.0})["exact"] == 50.0
    assert summary_v2(scores, {"a": 1.0, "b": 1.0000001})["exact"] == 100.0
    assert summary_v2(scores, {"a": 0.0, "b": 0.1}, threshold=0.0)["exact"] == 100.0


def test_a_missing_prediction_is_zero_in_one_and_left_out_of_the_other():
    golds, texts = {"a": ["x"], "b": ["y"], "c": ["z"]}, {"a": "x", "b": "w"}
    one, two = score_v1(golds, texts), score_v2(golds, texts)
    assert summary_v1(one)["exact_match"] == pytest.approx(100 / 3)
    assert (summary_v2(two)["exact"], summary_v2(two)["total"]) == (50.0, 2)
    assert one.missing == two.missing == ("c",)
    # An empty text is a prediction, not a missing one.
    assert summary_v2(score_v2(golds, texts | {"c": ""}))["total"] == 3
