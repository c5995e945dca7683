"""QQP and QNLI in miniature: do two questions ask the same, and does a sentence answer a question?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random

from benchbert.tasks.miniature import facts
from benchbert.tasks.miniature import lexicon as lx
from benchbert.tasks.miniature.grammar import Event, draw_event, draw_person_event, draws_of, word
from benchbert.tasks.miniature.paraphrase import change, swap
from benchbert.tasks.miniature.text_pairs import Rows, build_pairs
from benchbert.tasks.miniature.world import people

__all__ = ["DUPLICATES", "WORDINGS", "build_qnli", "build_qqp", "question"]

DUPLICATES = 0.45
"""Share of duplicates in QQP."""

WORDINGS: Mapping[str, tuple[str, ...]] = {
    "place": (
        "Where did {agent} {base} {patient}{day}?",
        "In which town did {agent} {base} {patient}{day}?",
        "In which town was {patient} {done} by {agent}{day}?",
    ),
    "day": (
        "When did {agent} {base} {patient}{place}?",
        "On which day did {agent} {base} {patient}{place}?",
        "On which day was {patient} {done} by {agent}{place}?",
    ),
    "agent": (
        "Who {past} {patient}{place}{day}?",
        "Which person {past} {patient}{place}{day}?",
        "By whom was {patient} {done}{place}{day}?",
    ),
}
"""What is asked for -> ways to ask."""


def question(random: Random, event: Event, asked: str) -> str:
    """A question about an event; what is asked for is not said."""
    verb = lx.FORMS[word(random, event.verb)]
    patient = event.patient
    if not patient[0].isupper():
        noun = word(random, patient)
        patient = f"the {word(random, event.adjective)} {noun}" if event.adjective else f"the {noun}"
    return random.choice(WORDINGS[asked]).format(
        agent=event.agent,
        base=verb.base,
        past=verb.past,
        done=verb.participle,
        patient=patient,
        place=f" in {event.place}" if event.place else "",
        day=f" on {event.day}" if event.day else "",
    )


def _shown(event: Event, asked: str) -> Event:
    """The event without what the question asks for: two events with the same rest make the same question."""
    return replace(event, **{asked: ""})


def _questions(random: Random, same: bool) -> tuple[str, str]:
    """Two questions, duplicates or not; what is not a duplicate is graded from easy to hard as in `paraphrase`."""
    event = draw_event(random) if random.random() < 0.75 else draw_person_event(random)
    asked = random.choice(tuple(WORDINGS))
    first = question(random, event, asked)
    other, other_asked = event, asked
    while not same and (_shown(other, other_asked), other_asked) == (_shown(event, asked), asked):
        draw = random.random()
        if draw < 0.35:
            other = replace(draw_event(random), agent=event.agent)
        elif draw < 0.6:
            other_asked = random.choice(tuple(WORDINGS))
        elif event.patient[0].isupper() and draw < 0.8:
            other, other_asked = swap(event), random.choice((asked, "place"))
        else:
            other = change(random, event)
    return first, question(random, other, other_asked)


def build_qqp(sizes: Mapping[str, int]) -> dict[str, list[dict[str, object]]]:
    """Rows of each split: question1, question2, label (1: duplicates); no pair twice, nor turned round."""
    random = draws_of("qqp")
    seen: set[tuple[str, str]] = set()
    splits: dict[str, list[dict[str, object]]] = {}
    for split, size in sizes.items():
        rows: list[dict[str, object]] = []
        while len(rows) < size:
            same = len(rows) < DUPLICATES * size
            first, second = _questions(random, same)
            if first != second and not {(first, second), (second, first)} & seen:
                seen.add((first, second))
                rows.append({"question1": first, "question2": second, "label": int(same)})
        random.shuffle(rows)
        splits[split] = rows
    return splits


def _answer_pair(random: Random, split: str, answered: bool) -> tuple[str, str]:
    """A question about somebody, and a sentence with the fact, with another fact, or with somebody else's."""
    hero = random.choice(people(split))
    kind = random.choice(tuple(facts.FACTS))
    asked = facts.ask(random, kind, facts.slots(random, hero))[0]
    teller, told = hero, kind
    draw = random.random()
    if not answered and draw < 0.5:
        teller = random.choice([p for p in people(split) if hero.first not in {p.first, p.friend}])
    elif not answered:
        told = random.choice([k for k in facts.FACTS if k != kind])
    return asked, facts.state(random, told, facts.slots(random, teller), teller.name)


def build_qnli(sizes: Mapping[str, int]) -> Rows:
    """Rows of each split: question, sentence, label (0 entailment: it answers, 1 not_entailment); no pair twice."""
    return build_pairs("qnli", ("question", "sentence"), _answer_pair, sizes)
