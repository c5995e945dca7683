"""The corpus: its size and words, and that word meaning can be learned from it."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

import numpy as np

from benchbert import registry
from benchbert.tasks.miniature import lexicon as lx
from benchbert.tasks.miniature.datasets import REGISTERED


@cache
def tokens(split: str) -> list[list[str]]:
    texts = registry.find("datasets", "builtin/corpus").generate("", split)["text"]
    return [re.findall(r"\w+|[^\w\s]", text.lower()) for text in texts]


def test_size():
    assert 3_200_000 < sum(map(len, tokens("train"))) < 3_400_000
    assert all(len(document) > 15 for document in tokens("train"))


def test_vocabulary_is_small_and_the_corpus_has_every_word_of_every_task():
    corpus = Counter(word for document in tokens("train") for word in document if word.isalpha())
    tasks: set[str] = set()
    for data in REGISTERED:
        for config, made in data.configs.items():
            for split in (*made.rows, *made.kept):
                columns = data.labelled(config, split)
                texts = [v for c, column in columns.items() if c not in {"id", "title", "phenomenon"} for v in column]
                tasks |= {w.lower() for t in texts if isinstance(t, str) for w in re.findall(r"[A-Za-z]+", t)}
    assert 600 <= len(tasks | set(corpus)) <= 900
    assert {word for word in tasks if corpus[word] < 50} == set()


def test_facts_hold_within_a_document():
    texts = registry.find("datasets", "builtin/corpus").generate("", "train")["text"]
    homes = 0
    for text in texts[:5000]:
        told: dict[str, set[str]] = {}
        for who, town in re.findall(
            r"(?!(?:She|He) )([A-Z]\w+)(?: [A-Z]\w+)? (?:lives|has a home) in ([A-Z]\w+)", text
        ):
            told.setdefault(who, set()).add(town)
        homes += sum(len(towns) for towns in told.values())
        assert all(len(towns) == 1 for towns in told.values()), text
    assert homes > 300


def vectors() -> dict[str, np.ndarray]:
    """Word vectors by counting: positive pointwise mutual information of neighbours by position, reduced by SVD."""
    documents = tokens("train")[:12_000]
    counts = Counter(word for document in documents for word in document)
    names = [word for word, n in counts.items() if n >= 20]
    index = {word: i for i, word in enumerate(names)}
    offsets = (-4, -3, -2, -1, 1, 2, 3, 4)
    flat = np.array([index.get(w, -1) for d in documents for w in (*d, *["<end>"] * 4)])
    matrix = np.zeros((len(names), len(offsets) * len(names)), dtype=np.float32)
    for k, offset in enumerate(offsets):
        a, b = (flat[:-offset], flat[offset:]) if offset > 0 else (flat[-offset:], flat[:offset])
        both = (a >= 0) & (b >= 0)
        np.add.at(matrix, (a[both], b[both] + k * len(names)), 1)
    expected = matrix.sum(1, keepdims=True) * matrix.sum(0, keepdims=True) / matrix.sum()
    information = np.log(np.maximum(matrix, 1e-9) / np.maximum(expected, 1e-9)).clip(0)
    values, axes = np.linalg.eigh(information @ information.T)
    reduced = axes[:, -100:] * np.sqrt(values[-100:].clip(0)) ** 0.5
    reduced /= np.linalg.norm(reduced, axis=1, keepdims=True)
    return {word: reduced[i] for word, i in index.items()}


def test_geometry_synonyms_sides_and_categories_are_neighbours():
    space = vectors()

    def nearest(word: str, among: list[str]) -> str:
        return max((w for w in among if w != word), key=lambda w: float(space[word] @ space[w]))

    adjectives = [w for c in {**lx.ADJECTIVES, **lx.PERSON_ADJECTIVES} for w in lx.SYNONYMS.get(c, (c,)) if w in space]
    alone = {c for c in {**lx.ADJECTIVES, **lx.PERSON_ADJECTIVES} if c not in lx.SYNONYMS}
    synonym = {w: set(words) for words in lx.SYNONYMS.values() for w in words}
    asked = [w for w in adjectives if w not in alone]
    assert np.mean([nearest(w, adjectives) in synonym[w] for w in asked]) > 0.6

    verbs = [lx.FORMS[w].past for words in lx.SYNONYMS.values() if words[0] in lx.FORMS for w in words]
    pairs = {
        lx.FORMS[w].past: {lx.FORMS[v].past for v in words}
        for words in lx.SYNONYMS.values()
        if words[0] in lx.FORMS
        for w in words
    }
    assert np.mean([nearest(w, verbs) in pairs[w] for w in verbs]) > 0.6

    polar = list(lx.POSITIVE + lx.NEGATIVE)
    assert np.mean([(nearest(w, polar) in lx.POSITIVE) == (w in lx.POSITIVE) for w in polar]) > 0.9

    nouns = {n: c for c, members in lx.NOUNS.items() for n in members if n in space}
    assert np.mean([nouns[nearest(n, list(nouns))] == c for n, c in nouns.items()]) > 0.8
