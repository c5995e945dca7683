"""AX in miniature: pairs that test one phenomenon each, for a model fine-tuned on MNLI.

Each pair is about one phenomenon, which the column `phenomenon` names; some pairs are denials besides. Published
without labels, as on the hub.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random

from benchbert.tasks.miniature import lexicon as lx
from benchbert.tasks.miniature.entailment import MATCHED, Claim, judge
from benchbert.tasks.miniature.grammar import Event, draw_event, draw_person_event, draws_of, tell

__all__ = ["PHENOMENA", "build"]

Pair = tuple[Claim, Claim]


def _thing(random: Random) -> Event:
    event = draw_event(random, verbs=MATCHED)
    category = lx.HYPERNYMS[event.patient][0]
    fitting = [a for a, kind in lx.ADJECTIVES.items() if not kind.categories or category in kind.categories]
    return replace(
        event,
        adjective=event.adjective or random.choice(fitting),
        place=event.place or random.choice(lx.TOWNS),
        day="",
    )


def _hypernyms(random: Random) -> Pair:
    """A wider noun follows, a narrower one does not, a denial of the wider one contradicts."""
    event = replace(_thing(random), adjective="")
    wide = replace(event, patient=random.choice(lx.HYPERNYMS[event.patient]))
    up, down = (Claim(event=event), Claim(event=wide)), (Claim(event=wide), Claim(event=event))
    denied = (Claim(event=event), Claim(event=wide, negated=True))
    return random.choice((up, down, denied))


def _opposites(random: Random) -> Pair:
    event = _thing(random)
    slot = random.choice(("verb", "adjective"))
    other = replace(event, **{slot: lx.OPPOSITE[getattr(event, slot)]})
    return Claim(event=event), Claim(event=other, negated=random.random() < 0.5)


def _synonyms(random: Random) -> Pair:
    event = _thing(random)
    return Claim(event=event), Claim(event=event, negated=random.random() < 0.3)


def _modifiers(random: Random) -> Pair:
    """What is said more or less closely."""
    event = _thing(random)
    slot = random.choice(("adjective", "place"))
    less = replace(event, **{slot: ""})
    claims = (Claim(event=event), Claim(event=less))
    return claims if random.random() < 0.5 else claims[::-1]


def _negation(random: Random) -> Pair:
    """Under a denial, wider and narrower change places."""
    event = _thing(random)
    wide = replace(event, patient=random.choice(lx.HYPERNYMS[event.patient]), adjective="")
    premise = Claim(event=random.choice((event, wide)), negated=True)
    return premise, Claim(event=random.choice((event, wide)), negated=random.random() < 0.6)


def _roles(random: Random) -> Pair:
    """Who did it to whom; active and passive."""
    event = draw_person_event(random)
    turned = replace(event, agent=event.patient, patient=event.agent)
    return Claim(event=event), Claim(event=random.choice((event, turned)), negated=random.random() < 0.3)


def _coordinates(random: Random) -> Pair:
    """Another member of the category, town or person."""
    event = _thing(random)
    siblings = [n for n in lx.NOUNS[lx.HYPERNYMS[event.patient][0]] if n != event.patient]
    others = (
        replace(event, patient=random.choice(siblings)),
        replace(event, place=random.choice([t for t in lx.TOWNS if t != event.place])),
        replace(event, agent=random.choice([n for n in lx.FEMALE + lx.MALE if n != event.agent])),
    )
    return Claim(event=event), Claim(event=random.choice(others), negated=random.random() < 0.4)


PHENOMENA: Mapping[str, Callable[[Random], Pair]] = {
    "hypernyms": _hypernyms,
    "opposites": _opposites,
    "synonyms": _synonyms,
    "modifiers": _modifiers,
    "negation": _negation,
    "roles": _roles,
    "coordinates": _coordinates,
}
"""Phenomenon -> how a pair of it is drawn."""


def build(sizes: Mapping[str, int]) -> dict[str, list[dict[str, object]]]:
    """Rows of each split: premise, hypothesis, label (as MNLI's), phenomenon; as many of each, no pair twice."""
    random = draws_of("ax")
    seen: set[tuple[str, str]] = set()
    splits: dict[str, list[dict[str, object]]] = {}
    for split, size in sizes.items():
        rows: list[dict[str, object]] = []
        while len(rows) < size:
            phenomenon = tuple(PHENOMENA)[len(rows) % len(PHENOMENA)]
            premise, hypothesis = PHENOMENA[phenomenon](random)
            first, second = (tell(random, c.event, shape="", negated=c.negated) for c in (premise, hypothesis))
            if first == second or (first, second) in seen:
                continue
            seen.add((first, second))
            label = judge(premise, hypothesis)
            rows.append({"premise": first, "hypothesis": second, "label": label, "phenomenon": phenomenon})
        splits[split] = rows
    return splits
