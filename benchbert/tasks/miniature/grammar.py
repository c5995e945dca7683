"""From facts to sentences: events and the shapes in which they can be told.

An `Event` is a fact in concepts; `tell` chooses words and a shape. Two tellings of one event mean the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from benchbert.tasks.miniature import lexicon as lx

__all__ = [
    "Event",
    "capital",
    "draw_event",
    "draw_person_event",
    "draws_of",
    "noun_phrase",
    "pronoun",
    "seeded",
    "tell",
    "word",
]

_DRAW = 3
"""Number of the draw of all tasks' rows. Raised with the versions of the datasets where settings were chosen after
scores on the test splits had been seen: the next ones are unseen again."""

_SHAPES = ("plain", "plain", "passive", "front", "cleft")


@dataclass(frozen=True, kw_only=True)
class Event:
    """Somebody did something to a thing or to somebody; all of it in concepts."""

    agent: str
    """First name."""
    verb: str
    """Key of `VERBS`, or one of `PERSON_VERBS`."""
    patient: str
    """Concept of a noun, or a first name."""
    adjective: str = ""
    """What the thing is like; empty: not said."""
    place: str = ""
    """Town; empty: not said."""
    day: str = ""
    """Day of the week; empty: not said."""


def seeded(*parts: object) -> Random:
    """A generator of random numbers that depends on its parts alone: on no machine, process or hash seed."""
    return Random("/".join(map(str, parts)))


def draws_of(task: str) -> Random:
    """The generator that all rows of a task are drawn from."""
    return seeded(task, _DRAW)


def capital(text: str) -> str:
    """The text with its first letter in upper case."""
    return text[0].upper() + text[1:]


def pronoun(name: str) -> str:
    """`she` or `he`, by first name."""
    return "she" if name in lx.FEMALE else "he"


def word(random: Random, concept: str) -> str:
    """One of the words of a concept, evenly."""
    words = lx.SYNONYMS.get(concept)
    return random.choice(words) if words else concept


def noun_phrase(random: Random, concept: str, adjective: str = "") -> str:
    """`a big dog`, with words drawn for its concepts; a name stands alone."""
    if concept[0].isupper():
        return concept
    words = f"{word(random, adjective)} {word(random, concept)}" if adjective else word(random, concept)
    return f"some {words}" if concept == "food" else f"{lx.article(words)} {words}"


def tell(random: Random, event: Event, *, shape: str = "", negated: bool = False) -> str:
    """One sentence that tells an event; synonyms are drawn anew each time.

    The shape is `plain`, `passive`, `front` (the day or town first) or `cleft` (it was Anna who ...); empty: drawn.
    What is negated did not happen; that is always told plainly.
    """
    verb = lx.FORMS[word(random, event.verb)]
    patient = noun_phrase(random, event.patient, event.adjective)
    place = f" in {event.place}" if event.place else ""
    day = f" on {event.day}" if event.day else ""
    if negated:
        return f"{event.agent} did not {verb.base} {patient}{place}{day}."
    shape = shape or random.choice(_SHAPES)
    if shape == "passive":
        return f"{capital(patient)} was {verb.participle} by {event.agent}{place}{day}."
    if shape == "cleft":
        return f"It was {event.agent} who {verb.past} {patient}{place}{day}."
    if shape == "front" and day:
        return f"On {event.day}, {event.agent} {verb.past} {patient}{place}."
    if shape == "front" and place:
        return f"In {event.place}, {event.agent} {verb.past} {patient}."
    return f"{event.agent} {verb.past} {patient}{place}{day}."


def draw_event(random: Random, *, verbs: tuple[str, ...] = tuple(lx.VERBS), categories: tuple[str, ...] = ()) -> Event:
    """An event of a person and a thing; adjective, town and day are said or left out at random."""
    verb = random.choice(verbs)
    fitting = [c for c in lx.VERBS[verb] if not categories or c in categories]
    category = random.choice(fitting)
    adjectives = [a for a, kind in lx.ADJECTIVES.items() if not kind.categories or category in kind.categories]
    return Event(
        agent=random.choice(lx.FEMALE + lx.MALE),
        verb=verb,
        patient=random.choice(lx.NOUNS[category]),
        adjective=random.choice(adjectives) if random.random() < 0.7 else "",
        place=random.choice(lx.TOWNS) if random.random() < 0.6 else "",
        day=random.choice(lx.DAYS) if random.random() < 0.5 else "",
    )


def draw_person_event(random: Random) -> Event:
    """An event of two people; town and day as in `draw_event`."""
    agent, patient = random.sample(lx.FEMALE + lx.MALE, 2)
    event = draw_event(random)
    return replace(event, agent=agent, patient=patient, verb=random.choice(lx.PERSON_VERBS), adjective="")
