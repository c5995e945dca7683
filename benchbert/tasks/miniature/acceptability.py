"""CoLA in miniature: is this a sentence of the language?

Every unacceptable sentence is an acceptable one with one error: agreement (past a noun of the other number),
determiner, order, verb form, reflexive, or a missing part. The words alone rarely tell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from benchbert.tasks.miniature import lexicon as lx
from benchbert.tasks.miniature.grammar import capital, draws_of, word

__all__ = ["COUNTED", "INTRANSITIVE", "PREPOSITIONS", "acceptable", "build"]

COUNTED = lx.NOUNS["animal"] + lx.NOUNS["bird"] + ("doctor", "farmer", "sailor", "teacher")
"""Nouns that occur in both numbers."""

INTRANSITIVE = (("sleeps", "sleep"), ("waits", "wait"), ("stands", "stand"), ("runs", "run"))
"""(singular, plural) of verbs in the present tense."""

PREPOSITIONS = ("near", "behind", "before")
_COPULAS = (("is", "are"), ("was", "were"))
_STATES = ("wet", "dry", "big", "small", "strong", "weak", "happy", "sad", "angry", "calm", "busy", "lazy")

Pair = tuple[str, tuple[str, ...]]
"""An acceptable sentence without its stop, and unacceptable versions of it."""


def _noun(random: Random, many: bool) -> str:
    concept = random.choice(COUNTED)
    return lx.plural(concept) if many else concept


def _subject(random: Random, many: bool) -> tuple[str, str]:
    """A noun phrase, perhaps with another of either number behind it, and the same with an error."""
    noun = _noun(random, many)
    colour = random.choice(lx.COLOURS)
    good_determiners = ("the", "these", random.choice(lx.NUMBERS)) if many else ("the", "this", "one")
    bad_determiners = ("a", "this", "one") if many else ("these", random.choice(lx.NUMBERS))
    tail = ""
    if random.random() < 0.6:
        tail = f" {random.choice(PREPOSITIONS)} the {_noun(random, random.random() < 0.5)}"
    determiner, broken = random.choice(good_determiners), random.choice(bad_determiners)
    if random.random() < 0.5:
        return f"{determiner} {colour} {noun}{tail}", f"{broken} {colour} {noun}{tail}"
    if random.random() < 0.3:
        return f"{determiner} {colour} {noun}{tail}", f"{determiner} {noun} {colour}{tail}"
    return f"{determiner} {noun}{tail}", f"{broken} {noun}{tail}"


def _state(random: Random) -> Pair:
    many = random.random() < 0.5
    subject, broken = _subject(random, many)
    copulas, state = random.choice(_COPULAS), word(random, random.choice(_STATES))
    right, wrong = copulas[many], copulas[not many]
    bad = (
        f"{subject} {wrong} {state}",
        f"{subject} {wrong} {state}",
        f"{broken} {right} {state}",
        f"{subject} {state} {right}",
    )
    return f"{subject} {right} {state}", bad


def _doing(random: Random) -> Pair:
    many = random.random() < 0.5
    subject, broken = _subject(random, many)
    verbs = random.choice(INTRANSITIVE)
    right, wrong = verbs[many], verbs[not many]
    where = random.choice(("in the rain", "in the garden", "near the road"))
    bad = (
        f"{subject} {wrong} {where}",
        f"{subject} {wrong} {where}",
        f"{broken} {right} {where}",
        f"{subject} {where}",
    )
    return f"{subject} {right} {where}", (*bad, f"{subject} is {right} {where}")


def _parts(random: Random) -> tuple[str, lx.Verb, str, str]:
    """Name, verb, object and town of a deed."""
    concept = random.choice(tuple(lx.VERBS))
    noun = word(random, random.choice(lx.NOUNS[random.choice(lx.VERBS[concept])]))
    name = random.choice(lx.FEMALE + lx.MALE)
    return name, lx.FORMS[word(random, concept)], f"the {noun}", f"in {random.choice(lx.TOWNS)}"


def _deed(random: Random) -> Pair:
    name, verb, thing, town = _parts(random)
    bad = [f"{name} {thing} {verb.past} {town}", f"{name} {thing} {town}", f"{name} {verb.past} {thing[4:]} the {town}"]
    if verb.past != verb.base:
        bad.append(f"{name} does {verb.past} {thing} {town}")
    return f"{name} {verb.past} {thing} {town}", tuple(bad)


def _denied(random: Random) -> Pair:
    name, verb, thing, town = _parts(random)
    bad = [f"{name} not did {verb.base} {thing} {town}", f"{name} did {verb.base} not {thing} {town}"]
    if verb.past != verb.base:
        bad += [f"{name} did not {verb.past} {thing} {town}"] * 2
    return f"{name} did not {verb.base} {thing} {town}", tuple(bad)


def _passive(random: Random) -> Pair:
    name, verb, thing, town = _parts(random)
    bad = [f"{thing} were {verb.participle} by {name} {town}", f"{thing} was by {name} {verb.participle} {town}"]
    if verb.participle != verb.base:
        bad.append(f"{thing} was {verb.base} by {name} {town}")
    return f"{thing} was {verb.participle} by {name} {town}", tuple(bad)


def _asked(random: Random) -> Pair:
    name, verb, thing, _ = _parts(random)
    asking = random.choice(("where", "when", "why"))
    bad = [f"{asking} {name} did {verb.base} {thing}?", f"{asking} did {verb.base} {name} {thing}?"]
    if verb.past != verb.base:
        bad += [f"{asking} did {name} {verb.past} {thing}?"] * 2
    return f"{asking} did {name} {verb.base} {thing}?", tuple(bad)


def _reflexive(random: Random) -> Pair:
    female = random.random() < 0.5
    name = random.choice(lx.FEMALE if female else lx.MALE)
    other = random.choice(lx.MALE if female else lx.FEMALE)
    right, wrong = ("herself", "himself") if female else ("himself", "herself")
    deed = random.choice(("saw", "washed", "hurt"))
    where = random.choice(("near the lake", "before the race", "after the meal"))
    return (
        f"{name}, a friend of {other}, {deed} {right} {where}",
        (
            f"{name}, a friend of {other}, {deed} {wrong} {where}",
            f"{name}, a friend of {other}, {right} {deed} {where}",
        ),
    )


_SHAPES: tuple[Callable[[Random], Pair], ...] = (
    _state,
    _doing,
    _state,
    _doing,
    _deed,
    _denied,
    _passive,
    _asked,
    _reflexive,
)


def _finish(sentence: str) -> str:
    return capital(sentence) if sentence.endswith("?") else capital(sentence) + "."


def acceptable(random: Random) -> str:
    """One acceptable sentence, for the corpus."""
    return _finish(random.choice(_SHAPES)(random)[0])


def build(sizes: Mapping[str, int]) -> dict[str, list[dict[str, object]]]:
    """Rows of each split: sentence, label (0 unacceptable, 1 acceptable); 60 % are acceptable, none occurs twice."""
    random = draws_of("cola")
    seen: set[str] = set()
    splits: dict[str, list[dict[str, object]]] = {}
    for split, size in sizes.items():
        rows: list[dict[str, object]] = []
        while len(rows) < size:
            good, bad = random.choice(_SHAPES)(random)
            label = int(len(rows) % 5 < 3)
            sentence = _finish(good if label else random.choice(bad))
            if sentence not in seen:
                seen.add(sentence)
                rows.append({"sentence": sentence, "label": label})
        random.shuffle(rows)
        splits[split] = rows
    return splits
