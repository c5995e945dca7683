"""The words of the miniature world: concepts, and what is a synonym, an opposite or a kind of what.

A concept is named by its first word (`buy`); `SYNONYMS` holds all its words. Facts are about concepts, sentences have
words: that is what makes a paraphrase a paraphrase. Words are common and inoffensive, and few enough (600 to 900 with
all their forms) for a model of a million parameters to learn them from a corpus of three million tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = [
    "ADJECTIVES",
    "COLOURS",
    "DAYS",
    "FEMALE",
    "FORMS",
    "HYPERNYMS",
    "JOBS",
    "MALE",
    "MONTHS",
    "NEGATIVE",
    "NOUNS",
    "NUMBERS",
    "OPPOSITE",
    "PARENT",
    "PERSON_ADJECTIVES",
    "PERSON_VERBS",
    "POSITIVE",
    "SURNAMES",
    "SYNONYMS",
    "THINGS",
    "TOWNS",
    "VERBS",
    "Adjective",
    "Verb",
    "article",
    "plural",
]


class Verb(NamedTuple):
    """One verb word in the forms that sentences use."""

    base: str
    """After `did`: buy."""
    past: str
    """Bought."""
    participle: str
    """After `was`: bought."""


class Adjective(NamedTuple):
    """A concept of an adjective: where it lies and what it can be said of."""

    scale: str
    """What it measures, such as `size`: two concepts on one scale exclude each other."""
    categories: tuple[str, ...]
    """Categories of nouns it can be said of; empty: all things."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# --- names ----------------------------------------------------------------------------------------------------------

FEMALE = _words("""
Anna Ruth Clara Emma Julia Laura Maria Nora Rosa Sarah Helen Alice Diana Eva Ida Jane Lucy Mary Olga Sofia
""")
MALE = _words("""
Tom Peter Paul David Mark Simon Victor Walter Oscar Henry Felix Adam Ben Carl Daniel Eric Frank George Ivan Jack
""")
SURNAMES = _words("""
Hill Stone Brook Wood Field Lane Marsh Frost Wells Parker Mills Cross Ford Grant Hunt Reed Shaw West North Young
""")
TOWNS = _words("""
Alton Barrow Corby Denham Elmont Farley Garston Hadley Ilford Kelby Linton Marlow Norwood Oakham Preston Rugby
""")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = ("January", "March", "April", "May", "June", "August", "October", "December")
NUMBERS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
COLOURS = ("red", "blue", "green", "yellow", "white", "black", "brown", "grey")

# --- nouns ----------------------------------------------------------------------------------------------------------

_NOUNS = """
animal      dog cat horse cow goat rabbit pig donkey
bird        robin crow owl duck hen eagle
fruit       apple pear plum peach lemon
vegetable   carrot potato onion cabbage bean
tool        hammer saw shovel rake drill
vehicle     car truck bus boat bicycle wagon
instrument  violin drum flute piano guitar trumpet
building    house school church barn mill library
garment     coat hat shirt scarf dress
container   box basket bag bottle jar bucket
toy         doll kite ball puzzle
flower      rose tulip lily daisy
worker      doctor nurse teacher farmer baker driver sailor pilot cook carpenter
artist      painter singer writer dancer actor
"""
NOUNS: Mapping[str, tuple[str, ...]] = {
    line.split()[0]: tuple(line.split()[1:]) for line in _NOUNS.strip().splitlines()
}
"""Category (itself a word: the hypernym) -> concepts of its members."""

PARENT: Mapping[str, str] = {
    "bird": "animal",
    "fruit": "food",
    "vegetable": "food",
    "worker": "person",
    "artist": "person",
}
"""Category -> the wider category it belongs to, where there is one."""

JOBS = NOUNS["worker"] + NOUNS["artist"]
THINGS = tuple(category for category in NOUNS if category not in {"worker", "artist"})
"""Categories of what can be owned."""

HYPERNYMS: Mapping[str, tuple[str, ...]] = {
    member: (category, *((PARENT[category],) if category in PARENT else ()))
    for category, members in NOUNS.items()
    for member in members
} | {category: (parent,) for category, parent in PARENT.items()}
"""Concept -> the categories it belongs to, nearest first."""

# --- adjectives -----------------------------------------------------------------------------------------------------

_MOVING = ("animal", "bird", "vehicle")
_GOODS = ("tool", "vehicle", "instrument", "garment", "container", "toy")
ADJECTIVES: Mapping[str, Adjective] = {
    "big": Adjective("size", ()),
    "small": Adjective("size", ()),
    "old": Adjective("age", ("animal", "bird", *_GOODS, "building")),
    "new": Adjective("age", (*_GOODS, "building")),
    "heavy": Adjective("weight", (*_GOODS, "fruit", "vegetable")),
    "light": Adjective("weight", (*_GOODS, "fruit", "vegetable")),
    "clean": Adjective("dirt", (*_GOODS, "animal")),
    "dirty": Adjective("dirt", (*_GOODS, "animal")),
    "expensive": Adjective("price", (*_GOODS, "building", "flower", "fruit")),
    "cheap": Adjective("price", (*_GOODS, "building", "flower", "fruit")),
    "wet": Adjective("water", ("animal", "bird", "garment", "toy", "tool", "flower")),
    "dry": Adjective("water", ("animal", "bird", "garment", "toy", "tool", "flower")),
    "strong": Adjective("strength", ("animal", "tool", "container", "vehicle")),
    "weak": Adjective("strength", ("animal", "tool", "container", "vehicle")),
    "fast": Adjective("speed", _MOVING),
    "slow": Adjective("speed", _MOVING),
    "loud": Adjective("noise", ("animal", "bird", "instrument", "vehicle")),
    "quiet": Adjective("noise", ("animal", "bird", "instrument", "vehicle")),
    "rare": Adjective("number", ("bird", "flower", "instrument", "toy")),
    "common": Adjective("number", ("bird", "flower", "instrument", "toy")),
}
"""Concepts said of things."""

PERSON_ADJECTIVES: Mapping[str, Adjective] = {
    word: Adjective(scale, ("worker", "artist"))
    for scale, words in {
        "mood": "happy sad",
        "money": "rich poor",
        "mind": "clever foolish",
        "heart": "kind cruel",
        "courage": "brave timid",
        "temper": "angry calm",
        "work": "busy lazy",
    }.items()
    for word in words.split()
}
"""Concepts said of people."""

POSITIVE = _words("""
good wonderful lovely delightful excellent superb charming brilliant pleasant great splendid fantastic amazing
beautiful enjoyable impressive magnificent perfect graceful glorious stunning outstanding
""")
NEGATIVE = _words("""
bad awful terrible dreadful horrible boring dull nasty ugly tedious disappointing annoying dismal unpleasant
lousy miserable clumsy dreary hideous ridiculous painful hopeless
""")
"""Words of praise and of blame: each is a concept of its own, near all others of its side."""

# --- verbs ----------------------------------------------------------------------------------------------------------

_FORMS = """
buy bought bought; purchase purchased purchased; sell sold sold; find found found; discover discovered discovered;
lose lost lost; misplace misplaced misplaced; repair repaired repaired; fix fixed fixed; break broke broken;
damage damaged damaged; hide hid hidden; conceal concealed concealed; show showed shown; display displayed displayed;
wash washed washed; rinse rinsed rinsed; stain stained stained; borrow borrowed borrowed; return returned returned;
push pushed pushed; shove shoved shoved; pull pulled pulled; drag dragged dragged; lift lifted lifted;
raise raised raised; lower lowered lowered; open opened opened; unlock unlocked unlocked; close closed closed;
shut shut shut; build built built; construct constructed constructed; destroy destroyed destroyed; ruin ruined ruined;
keep kept kept; save saved saved; discard discarded discarded; dump dumped dumped;
call called called; phone phoned phoned;
help helped helped; assist assisted assisted; teach taught taught; instruct instructed instructed; hire hired hired;
employ employed employed; dismiss dismissed dismissed; praise praised praised; admire admired admired;
scold scolded scolded; blame blamed blamed; follow followed followed; chase chased chased; visit visited visited
"""
FORMS: Mapping[str, Verb] = {
    form.split()[0]: Verb(*form.split()) for form in _FORMS.replace("\n", " ").strip().split(";") if form.strip()
}
"""Base form -> all forms."""

_LIVING = ("animal", "bird")
VERBS: Mapping[str, tuple[str, ...]] = {
    "buy": tuple(THINGS),
    "sell": tuple(THINGS),
    "find": (*_LIVING, *_GOODS, "fruit"),
    "lose": (*_LIVING, *_GOODS, "fruit"),
    "repair": ("tool", "vehicle", "instrument", "toy"),
    "break": ("tool", "vehicle", "instrument", "toy"),
    "hide": (*_GOODS, "fruit", "vegetable"),
    "show": (*_GOODS, "fruit", "vegetable", "flower"),
    "wash": ("vehicle", "garment", "container", "fruit", "vegetable", "animal"),
    "stain": ("garment", "container", "vehicle"),
    "borrow": ("tool", "vehicle", "instrument", "garment", "container"),
    "return": ("tool", "vehicle", "instrument", "garment", "container"),
    "push": ("vehicle", "container", "animal"),
    "pull": ("vehicle", "container", "animal"),
    "lift": ("container", "tool", "toy", "vegetable"),
    "lower": ("container", "tool", "toy", "vegetable"),
    "open": ("container", "building"),
    "close": ("container", "building"),
    "build": ("building", "vehicle", "toy"),
    "destroy": ("building", "vehicle", "toy"),
    "keep": (*_GOODS, "flower"),
    "discard": (*_GOODS, "flower"),
}
"""Concepts of what people do to things -> categories of those things."""

PERSON_VERBS = ("call", "help", "teach", "hire", "dismiss", "praise", "scold", "follow", "visit")
"""Concepts of what people do to people; who does it to whom matters in each."""

# --- relations between words ----------------------------------------------------------------------------------------

_SYNONYMS = """
buy purchase; find discover; lose misplace; repair fix; break damage; hide conceal; show display; wash rinse;
push shove; pull drag; lift raise; open unlock; close shut; build construct; destroy ruin; keep save; discard dump;
call phone; help assist; teach instruct; hire employ; praise admire; scold blame; follow chase;
big large huge; small little tiny; old ancient; new modern; heavy weighty; clean spotless; dirty filthy;
expensive costly; wet damp; strong sturdy; weak fragile; fast quick; slow sluggish; loud noisy; quiet silent;
rare unusual; common ordinary; happy glad; sad unhappy; rich wealthy; clever smart; foolish silly; kind gentle;
cruel mean; brave bold; timid shy; angry furious; calm peaceful; busy active; lazy idle;
doctor physician; cook chef; car automobile; bicycle bike; rabbit bunny; pig hog; violin fiddle; house home;
coat jacket; bag sack; bucket pail; shovel spade; doll puppet; donkey mule
"""
_OPPOSITES = """
buy sell; find lose; repair break; hide show; wash stain; borrow return; push pull; lift lower; open close;
build destroy; keep discard; hire dismiss; praise scold; big small; old new; heavy light; clean dirty; expensive cheap;
wet dry; strong weak; fast slow; loud quiet; rare common; happy sad; rich poor; clever foolish; kind cruel; brave timid;
angry calm; busy lazy
"""


def _rows(table: str) -> list[tuple[str, ...]]:
    return [tuple(row.split()) for row in table.split(";")]


SYNONYMS: Mapping[str, tuple[str, ...]] = {row[0]: row for row in _rows(_SYNONYMS)}
"""Concept -> its words, itself first; a concept that is not a key has one word."""

OPPOSITE: Mapping[str, str] = {a: b for row in _rows(_OPPOSITES) for a, b in (row, row[::-1])}
"""Concept -> the concept that excludes it, both ways."""

_PLURALS = {
    "box": "boxes",
    "bus": "buses",
    "church": "churches",
    "dress": "dresses",
    "peach": "peaches",
    "potato": "potatoes",
    "lily": "lilies",
    "daisy": "daisies",
    "library": "libraries",
    "bunny": "bunnies",
    "person": "people",
    "scarf": "scarves",
}


def plural(noun: str) -> str:
    """The plural of a noun."""
    return _PLURALS.get(noun, noun + "s")


def article(word: str) -> str:
    """`a` or `an`, as the word that follows asks for."""
    return "an" if word[0] in "aeiou" else "a"
