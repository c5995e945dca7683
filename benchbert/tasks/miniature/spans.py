"""SQuAD 1.1 and 2.0 in miniature: passages of facts about several people, questions, and where the answer stands.

Everybody in a passage has facts of the same kinds, so that the kind of question does not give the answer away. An
unanswerable question asks one person for what is only told of another, or for a deed in a town where it was not done.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from random import Random

from benchbert.tasks.miniature import facts
from benchbert.tasks.miniature import lexicon as lx
from benchbert.tasks.miniature.grammar import draws_of, pronoun
from benchbert.tasks.miniature.world import Person, people

__all__ = ["LONG", "VERY_LONG", "build"]

LONG = 0.1
"""Share of passages of about 150 to 300 words, longer than a window of 128 tokens."""
VERY_LONG = 0.015
"""Share of passages of more than 400 words, longer than a window of 384 tokens."""

_QUESTIONS = 4
"""Questions a passage at most."""
_TRIED = 0.345
"""Share of tries for an unanswerable question in `squad_v2`; some passages allow none: a quarter comes out."""


class Passage:
    """Statements about several people, each remembered with its offset."""

    def __init__(self, random: Random, heroes: list[Person], counts: tuple[int, int]) -> None:
        self.heroes = heroes
        self.words = {hero.first: facts.slots(random, hero) for hero in heroes}
        self.told: dict[tuple[str, str], tuple[int, str]] = {}
        kinds = random.sample(tuple(facts.FACTS), counts[1])
        text = ""
        for hero in heroes:
            who = hero.name
            for kind in random.sample(kinds, random.randint(*counts)):
                sentence = facts.state(random, kind, self.words[hero.first], who)
                self.told[hero.first, kind] = (len(text), sentence)
                text += sentence + " "
                who = random.choice((pronoun(hero.first), pronoun(hero.first), hero.first))
        self.text = text.rstrip()

    def answer(self, first: str, kind: str, answer: str) -> int:
        """Offset of the answer within the statement of that fact."""
        start, sentence = self.told[first, kind]
        found = re.search(rf"\b{re.escape(answer)}\b", sentence)
        assert found, (sentence, answer)
        return start + found.start()


def _passage(random: Random, split: str) -> Passage:
    """A passage whose people have different first names and no friend among themselves."""
    draw = random.random()
    if draw < VERY_LONG:
        number, counts = 9, (7, 8)
    elif draw < VERY_LONG + LONG:
        number, counts = 5, (5, 7)
    else:
        number, counts = random.choice((2, 2, 3)), (3, 4)
    heroes: list[Person] = []
    while len(heroes) < number:
        new = random.choice(people(split))
        taken = {name for hero in heroes for name in (hero.first, hero.friend)}
        if new.first not in taken and new.friend not in {hero.first for hero in heroes}:
            heroes.append(new)
    return Passage(random, heroes, counts)


def _answered(random: Random, passage: Passage) -> tuple[str, str, int]:
    """A question, its answer and where that starts."""
    first, kind = random.choice(tuple(passage.told))
    question, answer, _ = facts.ask(random, kind, passage.words[first])
    return question, answer, passage.answer(first, kind, answer)


def _unanswered(random: Random, passage: Passage) -> str | None:
    """A question that the passage does not answer though it looks so; None: this passage has none."""
    gaps = [
        (hero.first, kind)
        for hero in passage.heroes
        for _, kind in passage.told
        if (hero.first, kind) not in passage.told
    ]
    if gaps and random.random() < 0.7:
        first, kind = random.choice(gaps)
        return facts.ask(random, kind, passage.words[first])[0]
    buyers = [first for first, kind in passage.told if kind == "thing"]
    if buyers:
        words = passage.words[random.choice(buyers)]
        town = random.choice([t for t in lx.TOWNS if t != words["shop_town"]])
        return f"What did {words['first']} {words['buy']} in {town}?"
    return None


def _questions(random: Random, passage: Passage, unanswerable: bool) -> list[tuple[str, str, int]]:
    """Up to four different questions: (question, answer, start), an empty answer where there is none."""
    found: dict[str, tuple[str, int]] = {}
    for _ in range(_QUESTIONS):
        question = _unanswered(random, passage) if unanswerable and random.random() < _TRIED else None
        if question:
            found.setdefault(question, ("", -1))
        else:
            question, answer, start = _answered(random, passage)
            found.setdefault(question, (answer, start))
    return [(question, *answer) for question, answer in found.items()]


def build(sizes: Mapping[str, int], *, unanswerable: bool) -> dict[str, list[dict[str, object]]]:
    """Rows of each split: id, title, context, question, answers; the people of a split are in no other split."""
    name = "squad_v2" if unanswerable else "squad"
    random = draws_of(name)
    splits: dict[str, list[dict[str, object]]] = {}
    for split, size in sizes.items():
        rows: list[dict[str, object]] = []
        while len(rows) < size:
            passage = _passage(random, split)
            for question, answer, start in _questions(random, passage, unanswerable):
                answers = {"text": [answer], "answer_start": [start]} if answer else {"text": [], "answer_start": []}
                rows.append(
                    {
                        "id": f"{name}-{split}-{len(rows):05d}",
                        "title": passage.heroes[0].name.replace(" ", "_"),
                        "context": passage.text,
                        "question": question,
                        "answers": answers,
                    }
                )
        splits[split] = rows[:size]
    return splits
