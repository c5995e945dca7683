"""Label maps: remapped, refused, or asked for."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from benchbert.errors import LabelError
from benchbert.tasks.labels import logit_order

MNLI = ("entailment", "neutral", "contradiction")


def test_every_permutation_in_any_spelling_is_undone():
    truth = np.eye(3)
    for names in itertools.permutations(MNLI):
        order = logit_order({i: name.upper() for i, name in enumerate(names)}, MNLI)
        columns = truth[:, [MNLI.index(name) for name in names]]  # a perfect model with that order of outputs
        assert (columns[:, order] == truth).all()
    assert logit_order({"1": "Not Entailment", "0": "entailment"}, ("not-entailment", "Entailment")) == [1, 0]


def test_default_names_need_declared_ones():
    defaults = {i: f"LABEL_{i}" for i in range(3)}
    with pytest.raises(LabelError, match=r"labels = \['entailment', 'neutral', 'contradiction'\]"):
        logit_order(defaults, MNLI)
    assert logit_order(defaults, MNLI, ("contradiction", "entailment", "neutral")) == [1, 2, 0]
    assert logit_order({0: "yes", 1: "no"}, ("a", "b"), ("b", "a")) == [1, 0]


@pytest.mark.parametrize(
    ("id2label", "labels", "declared", "words"),
    [
        ({0: "neg", 1: "pos"}, ("negative", "positive"), (), "are not the task's"),
        ({0: "a", 1: "b", 2: "c"}, ("a", "b"), (), "3 outputs"),
        ({0: "a", 1: "A"}, ("a", "b"), (), "are not the task's"),
        ({0: "a", 2: "b"}, ("a", "b"), (), "0 to 1"),
        ({0: "LABEL_0", 1: "LABEL_1"}, ("a", "b"), ("a", "c"), "in the suite are not the task's"),
        ({0: "a", 1: "b"}, ("a", "b"), ("b", "a"), "contradict"),
        ({0: "a", 1: "b"}, (), (), "one output"),
    ],
)
def test_other_names_are_errors(id2label, labels, declared, words):
    with pytest.raises(LabelError, match=words):
        logit_order(id2label, labels, declared)


def test_regression_has_one_output():
    assert logit_order({0: "LABEL_0"}, ()) == [0]
