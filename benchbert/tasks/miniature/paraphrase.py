"""MRPC in miniature: do two sentences tell the same event?

Negatives are graded: another event of the same person (easy), one detail changed, or the roles of two people swapped
(few of those: with too many, training stays at chance). A paraphrase changes words and shape, so counting shared words
misleads as often as it helps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random

from benchbert.tasks.miniature import lexicon as lx
from benchbert.tasks.miniature.grammar import Event, draw_event, draw_person_event, draws_of, tell

__all__ = ["EASY", "POSITIVE", "build", "change", "swap"]

POSITIVE = 0.52
"""Share of paraphrases."""
EASY = 0.55
"""Share of easy negatives among the negatives."""


def _other(random: Random, options: tuple[str, ...], *not_these: str) -> str:
    return random.choice([option for option in options if option not in not_these])


def change(random: Random, event: Event) -> Event:
    """The event with one detail changed: another event, not a paraphrase."""
    changes = {"agent": _other(random, lx.FEMALE + lx.MALE, event.agent, event.patient)}
    if event.verb in lx.OPPOSITE:
        changes["verb"] = lx.OPPOSITE[event.verb]
    if event.adjective:
        changes["adjective"] = lx.OPPOSITE[event.adjective]
    if event.place:
        changes["place"] = _other(random, lx.TOWNS, event.place)
    if event.day:
        changes["day"] = _other(random, lx.DAYS, event.day)
    if event.patient in lx.HYPERNYMS:
        changes["patient"] = _other(random, lx.NOUNS[lx.HYPERNYMS[event.patient][0]], event.patient)
    slot = random.choice(tuple(changes))
    return replace(event, **{slot: changes[slot]})


def swap(event: Event) -> Event:
    """The event of two people with their roles exchanged."""
    return replace(event, agent=event.patient, patient=event.agent)


def _pair(random: Random, same: bool) -> tuple[str, str]:
    event = draw_event(random) if random.random() < 0.7 else draw_person_event(random)
    first = tell(random, event)
    if same:
        second = tell(random, event)
        while second == first:
            second = tell(random, event)
        return first, second
    if random.random() < EASY:
        other = replace(draw_event(random), agent=event.agent)
        while other == event:
            other = replace(draw_event(random), agent=event.agent)
    elif event.patient[0].isupper() and random.random() < 0.4:
        other = swap(event)
    else:
        other = change(random, event)
    return first, tell(random, other)


def build(sizes: Mapping[str, int]) -> dict[str, list[dict[str, object]]]:
    """Rows of each split: sentence1, sentence2, label (1: the same event); no pair twice, nor turned round."""
    random = draws_of("mrpc")
    seen: set[tuple[str, str]] = set()
    splits: dict[str, list[dict[str, object]]] = {}
    for split, size in sizes.items():
        rows: list[dict[str, object]] = []
        while len(rows) < size:
            same = len(rows) < POSITIVE * size
            first, second = _pair(random, same)
            if not {(first, second), (second, first)} & seen:
                seen.add((first, second))
                rows.append({"sentence1": first, "sentence2": second, "label": int(same)})
        random.shuffle(rows)
        splits[split] = rows
    return splits
