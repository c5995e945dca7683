"""STS-B in miniature: how alike are two sentences, from 0 to 5?

The score adds what the two events share, detail by detail, a near miss (another member of the category, the opposite on
the same scale) counting in part; then five imagined raters round it each in their own way, as in the real one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random

from benchbert.tasks.miniature import lexicon as lx
from benchbert.tasks.miniature.grammar import Event, draw_event, draws_of, tell

__all__ = ["WEIGHTS", "build", "likeness"]

WEIGHTS = {"agent": 1.0, "verb": 1.25, "patient": 1.5, "adjective": 0.5, "place": 0.5, "day": 0.25}
"""What each detail is worth; 5 in all."""

_RATERS = 5
_RATER_SD = 0.45


def likeness(first: Event, second: Event) -> float:
    """Likeness of two events, 0 to 5."""
    return sum(weight * _alike(getattr(first, slot), getattr(second, slot)) for slot, weight in WEIGHTS.items())


def _alike(a: str, b: str) -> float:
    """1 for the same concept (or nothing said in both), 0.4 for a near miss, else 0."""
    if a == b:
        return 1.0
    if lx.OPPOSITE.get(a) == b or (a in lx.HYPERNYMS and lx.HYPERNYMS[a] == lx.HYPERNYMS.get(b)):
        return 0.4
    return 0.0


def _second(random: Random, event: Event) -> Event:
    """An event to compare with: the same, an edited one, one about like things, or any other."""
    draw = random.random()
    if draw < 0.18:
        return event
    if draw < 0.58:
        return _edited(random, event)
    category = lx.HYPERNYMS[event.patient][0]
    verbs = tuple(verb for verb, categories in lx.VERBS.items() if category in categories)
    about = draw_event(random, verbs=verbs, categories=(category,)) if draw < 0.8 else draw_event(random)
    return replace(about, agent=event.agent) if random.random() < 0.3 else about


def _edited(random: Random, event: Event) -> Event:
    """The event with some details changed."""
    if random.random() < 0.45:
        event = replace(event, verb=lx.OPPOSITE[event.verb])
    if random.random() < 0.45:
        siblings = lx.NOUNS[lx.HYPERNYMS[event.patient][0]]
        event = replace(event, patient=random.choice([n for n in siblings if n != event.patient]))
    if random.random() < 0.45:
        event = replace(event, agent=random.choice(lx.FEMALE + lx.MALE))
    if random.random() < 0.45:
        event = replace(event, place=random.choice(("", *lx.TOWNS)), day=random.choice(("", *lx.DAYS)))
    return event


def _rating(random: Random, exact: float) -> int:
    """One rater's whole number; twelve uniform numbers make a normal one, with no libm that might differ."""
    error = sum(random.random() for _ in range(12)) - 6
    return min(5, max(0, round(exact + _RATER_SD * error)))


def build(sizes: Mapping[str, int]) -> dict[str, list[dict[str, object]]]:
    """Rows of each split: sentence1, sentence2, label (0.0 to 5.0 in fifths); no pair twice, nor turned round."""
    random = draws_of("stsb")
    seen: set[tuple[str, str]] = set()
    splits: dict[str, list[dict[str, object]]] = {}
    for split, size in sizes.items():
        rows: list[dict[str, object]] = []
        while len(rows) < size:
            event = draw_event(random)
            other = _second(random, event)
            first, second = tell(random, event), tell(random, other)
            if first == second or {(first, second), (second, first)} & seen:
                continue
            seen.add((first, second))
            exact = likeness(event, other)
            ratings = [_rating(random, exact) for _ in range(_RATERS)]
            rows.append({"sentence1": first, "sentence2": second, "label": sum(ratings) / _RATERS})
        splits[split] = rows
    return splits
