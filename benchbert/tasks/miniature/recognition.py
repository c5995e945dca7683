"""RTE in miniature: does a statement follow from what is told of two people?

A statement that does not follow is true of the other one; both are told of, so shared words do not decide. Jobs and
pets may be named by their category.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from benchbert.tasks.miniature import facts
from benchbert.tasks.miniature import lexicon as lx
from benchbert.tasks.miniature.text_pairs import Rows, build_pairs
from benchbert.tasks.miniature.world import Person, people

__all__ = ["build"]

_VALUE = {
    "job": "job",
    "home": "home",
    "work": "work",
    "pet": "pet",
    "instrument": "instrument",
    "food": "food",
    "trait": "trait",
    "birth": "birth_month",
}
"""Kind of fact -> field of a person."""


def _couple(random: Random, split: str, kind: str) -> tuple[Person, Person]:
    """Two people with different first names, of whom different things are true."""
    while True:
        a, b = random.sample(people(split), 2)
        if a.first != b.first and getattr(a, _VALUE[kind]) != getattr(b, _VALUE[kind]):
            return a, b


def _wider(kind: str, first: str, category: str) -> str:
    """A statement that names a job or pet by its category."""
    noun = f"{lx.article(category)} {category}"
    return f"{first} is {noun}." if kind == "job" else f"{first} has {noun} as a pet."


def _hypothesis(random: Random, kind: str, a: Person, meant: Person) -> str:
    """A statement with the name of one person and the fact of another (or the same)."""
    plain = facts.state(random, kind, facts.slots(random, meant), a.first)
    if kind not in {"job", "pet"} or random.random() < 0.5:
        return plain
    categories = lx.HYPERNYMS[getattr(meant, kind)]
    if meant is not a:
        categories = tuple(c for c in categories if c not in lx.HYPERNYMS[getattr(a, kind)])
    return _wider(kind, a.first, random.choice(categories)) if categories else plain


def _pair(random: Random, split: str, follows: bool) -> tuple[str, str]:
    kinds = random.sample(tuple(_VALUE), 3)
    a, b = _couple(random, split, kinds[0])
    words = {hero.first: facts.slots(random, hero) for hero in (a, b)}
    told = [(a, kinds[0]), (b, kinds[0]), (random.choice((a, b)), kinds[1])]
    if random.random() < 0.4:
        told.append((random.choice((a, b)), kinds[2]))
    random.shuffle(told)
    premise = " ".join(facts.state(random, kind, words[hero.first], hero.name) for hero, kind in told)
    return premise, _hypothesis(random, kinds[0], a, a if follows else b)


def build(sizes: Mapping[str, int]) -> Rows:
    """Rows of each split: sentence1, sentence2, label (0 entailment, 1 not_entailment); no pair twice."""
    return build_pairs("rte", ("sentence1", "sentence2"), _pair, sizes)
