"""The people and towns of the miniature world, and what is true of them.

A person's facts depend on the name alone: they are the same in every document, question and split. Every eighth name is
kept for validation and another eighth for test, so that nobody there was read about before.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from random import Random

from benchbert.tasks.miniature import lexicon as lx
from benchbert.tasks.miniature.grammar import seeded

__all__ = ["Person", "Place", "people", "person", "place"]

_GROUPS = 8


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody, in concepts."""

    first: str
    """First name."""
    surname: str
    """Family name."""
    job: str
    """Concept of a worker or an artist."""
    home: str
    """Town to live in."""
    work: str
    """Town to work in; another than `home`."""
    birth_month: str
    """Month of birth."""
    trait: str
    """Key of `PERSON_ADJECTIVES`."""
    pet: str
    """Concept of an animal or a bird."""
    pet_colour: str
    """Colour of the pet."""
    instrument: str
    """Instrument that is played."""
    food: str
    """Fruit or vegetable that is liked."""
    thing: str
    """Concept of what was bought."""
    thing_adjective: str
    """What it is like."""
    shop_town: str
    """Town where it was bought; neither `home` nor `work`."""
    shop_day: str
    """Day on which it was bought."""
    friend: str
    """First name of a friend."""

    @property
    def name(self) -> str:
        """First name and family name."""
        return f"{self.first} {self.surname}"


@dataclass(frozen=True, kw_only=True)
class Place:
    """A town."""

    name: str
    """Its name."""
    near: str
    """The next town."""
    building: str
    """The building it is proud of."""
    adjective: str
    """What that is like."""
    flower: str
    """Flower that grows everywhere."""
    market_day: str
    """Day of its market."""
    schools: str
    """Number of schools, a word."""
    mayor: Person
    """Its mayor."""


def _thing(random: Random) -> tuple[str, str]:
    category = random.choice(("tool", "vehicle", "garment", "container", "toy"))
    fitting = [a for a, kind in lx.ADJECTIVES.items() if not kind.categories or category in kind.categories]
    return random.choice(lx.NOUNS[category]), random.choice(fitting)


@cache
def person(first: str, surname: str) -> Person:
    """The person of that name."""
    random = seeded("person", first, surname)
    home, work, shop = random.sample(lx.TOWNS, 3)
    thing, adjective = _thing(random)
    return Person(
        first=first,
        surname=surname,
        job=random.choice(lx.JOBS),
        home=home,
        work=work,
        birth_month=random.choice(lx.MONTHS),
        trait=random.choice(tuple(lx.PERSON_ADJECTIVES)),
        pet=random.choice(lx.NOUNS["animal"] + lx.NOUNS["bird"]),
        pet_colour=random.choice(lx.COLOURS),
        instrument=random.choice(lx.NOUNS["instrument"]),
        food=random.choice(lx.NOUNS["fruit"] + lx.NOUNS["vegetable"]),
        thing=thing,
        thing_adjective=adjective,
        shop_town=shop,
        shop_day=random.choice(lx.DAYS),
        friend=random.choice([n for n in lx.FEMALE + lx.MALE if n != first]),
    )


@cache
def people(split: str) -> tuple[Person, ...]:
    """Everybody who may appear in a split: `train`, `validation` or `test`; nobody is in two."""
    groups = {"validation": {_GROUPS - 2}, "test": {_GROUPS - 1}}.get(split, set(range(_GROUPS - 2)))
    return tuple(
        person(first, surname)
        for i, first in enumerate(lx.FEMALE + lx.MALE)
        for j, surname in enumerate(lx.SURNAMES)
        if (i + 3 * j) % _GROUPS in groups
    )


@cache
def place(name: str) -> Place:
    """The town of that name."""
    random = seeded("place", name)
    return Place(
        name=name,
        near=random.choice([t for t in lx.TOWNS if t != name]),
        building=random.choice(lx.NOUNS["building"]),
        adjective=random.choice(("big", "small", "old", "new", "expensive")),
        flower=random.choice(lx.NOUNS["flower"]),
        market_day=random.choice(lx.DAYS),
        schools=random.choice(lx.NUMBERS),
        mayor=random.choice(people("train")),
    )
