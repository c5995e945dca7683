"""No task falls to words alone: bags of words, the second sentence only, and counts of shared words stay low."""

from __future__ import annotations

import numpy as np
import pytest

from benchbert import registry

TEXT = {
    "cola": ("sentence",),
    "sst2": ("sentence",),
    "mrpc": ("sentence1", "sentence2"),
    "qqp": ("question1", "question2"),
    "mnli": ("premise", "hypothesis"),
    "qnli": ("question", "sentence"),
    "rte": ("sentence1", "sentence2"),
    "wnli": ("sentence1", "sentence2"),
}
BAG = {"cola": 0.72, "sst2": 0.62, "mrpc": 0.66, "qqp": 0.62, "mnli": 0.56, "qnli": 0.62, "rte": 0.62, "wnli": 0.62}
"""Upper bound of the accuracy of a bag of words (one a sentence of a pair)."""
SHARED = {"mrpc": 0.78, "qqp": 0.72, "mnli": 0.45, "qnli": 0.78, "rte": 0.62, "wnli": 0.62}
"""Upper bound of the accuracy from the share of common words."""


def accuracy(config: str, columns: tuple[str, ...]) -> float:
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    train, held = splits(config)
    bags = [CountVectorizer(binary=True, token_pattern=r"\w+").fit(train[c][:2500]) for c in columns]
    features = [
        hstack([b.transform(d[c][:2500]) for b, c in zip(bags, columns, strict=True)]).tocsr() for d in (train, held)
    ]
    model = LogisticRegression(max_iter=200).fit(features[0], train["label"][:2500])
    return float(model.score(features[1], held["label"]))


def splits(config: str):
    data = registry.find("datasets", "builtin/glue")
    return data.labelled(config, "train"), data.labelled(
        config, next(s for s in data.rows[config] if s.startswith("val"))
    )


@pytest.mark.parametrize("config", TEXT)
def test_a_bag_of_words_is_not_enough(config):
    assert accuracy(config, TEXT[config]) < BAG[config]


@pytest.mark.parametrize("config", [c for c, text in TEXT.items() if len(text) == 2])
def test_the_second_sentence_alone_tells_next_to_nothing(config):
    labels = splits(config)[1]["label"]
    assert accuracy(config, TEXT[config][1:]) < np.bincount(labels).max() / len(labels) + 0.09


@pytest.mark.parametrize("config", SHARED)
def test_shared_words_are_not_enough(config):
    from sklearn.tree import DecisionTreeClassifier

    def share(columns) -> np.ndarray:
        pairs = zip(*(columns[c] for c in TEXT[config]), strict=True)
        sets = [(set(a.lower().split()), set(b.lower().split())) for a, b in pairs]
        return np.array([[len(a & b) / len(a | b)] for a, b in sets])

    train, held = splits(config)
    tree = DecisionTreeClassifier(max_depth=3, random_state=0).fit(share(train), train["label"])
    assert tree.score(share(held), held["label"]) < SHARED[config]
