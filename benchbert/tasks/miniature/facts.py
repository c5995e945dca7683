"""How the facts of a person are stated and asked for.

Each fact has statements, questions and an answer that stands word for word in every statement. Slots are the names of
`slots`; {who} is a name or a pronoun.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from benchbert.tasks.miniature import lexicon as lx
from benchbert.tasks.miniature.grammar import word
from benchbert.tasks.miniature.world import Person

__all__ = ["FACTS", "Fact", "ask", "slots", "state"]


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One kind of fact."""

    statements: tuple[str, ...]
    """Ways to say it."""
    questions: tuple[tuple[str, str], ...]
    """(question, slot that answers it)."""


FACTS: dict[str, Fact] = {
    "job": Fact(
        statements=("{who} is {a_job}.", "{who} works as {a_job}.", "{who} has become {a_job}."),
        questions=(("What is the job of {first}?", "job"), ("What does {first} work as?", "job")),
    ),
    "home": Fact(
        statements=("{who} lives in {home}.", "{who} has a home in {home}.", "In {home} {who} lives near the church."),
        questions=(("Where does {first} live?", "home"), ("In which town does {first} live?", "home")),
    ),
    "work": Fact(
        statements=("{who} goes to {work} for work.", "{who} works in {work}.", "In {work} {who} works every day."),
        questions=(("Where does {first} work?", "work"), ("In which town does {first} work?", "work")),
    ),
    "birth": Fact(
        statements=("{who} was born in {birth_month}.", "In {birth_month} {who} was born."),
        questions=(("When was {first} born?", "birth_month"), ("In which month was {first} born?", "birth_month")),
    ),
    "trait": Fact(
        statements=("{who} is very {trait}.", "People say that {who} is {trait}."),
        questions=(("What do people say of {first}?", "trait"), ("How do people find {first}?", "trait")),
    ),
    "pet": Fact(
        statements=(
            "{who} has a {pet_colour} {pet} as a pet.",
            "{who} lives with a {pet_colour} {pet}.",
            "At home {who} has a {pet_colour} {pet} as a pet.",
        ),
        questions=(
            ("Which animal does {first} have as a pet?", "pet"),
            ("Which pet lives with {first}?", "pet"),
            ("What colour is the pet of {first}?", "pet_colour"),
        ),
    ),
    "instrument": Fact(
        statements=("{who} plays the {instrument}.", "{who} can play music on the {instrument}."),
        questions=(("Which instrument does {first} play?", "instrument"), ("What does {first} play?", "instrument")),
    ),
    "food": Fact(
        statements=("{who} likes to eat {foods}.", "{who} eats {foods} every day."),
        questions=(("What does {first} like to eat?", "foods"), ("Which food does {first} eat?", "foods")),
    ),
    "thing": Fact(
        statements=(
            "{who} {bought} {a_thing_adjective} {thing} in {shop_town} on {shop_day}.",
            "On {shop_day} {who} {bought} {a_thing_adjective} {thing} in {shop_town}.",
        ),
        questions=(
            ("What did {first} {buy} in {shop_town}?", "thing"),
            ("What did {first} {buy} on {shop_day}?", "thing"),
            ("Where did {first} {buy} the {thing_again}?", "shop_town"),
            ("In which town did {first} {buy} the {thing_again}?", "shop_town"),
            ("When did {first} {buy} the {thing_again}?", "shop_day"),
            ("On which day did {first} {buy} the {thing_again}?", "shop_day"),
        ),
    ),
    "friend": Fact(
        statements=("{who} is a friend of {friend}.", "{who} often goes for a walk with {friend}."),
        questions=(("Who is a friend of {first}?", "friend"), ("Who often goes for a walk with {first}?", "friend")),
    ),
}
"""Kind of fact -> how it is said; the order is that of a short biography."""


def slots(random: Random, person: Person) -> dict[str, str]:
    """Words for a person's facts; synonyms are drawn, and drawn again for what questions repeat."""
    job, adjective = word(random, person.job), word(random, person.thing_adjective)
    verb = lx.FORMS[word(random, "buy")]
    return {
        "first": person.first,
        "job": job,
        "a_job": f"{lx.article(job)} {job}",
        "home": person.home,
        "work": person.work,
        "birth_month": person.birth_month,
        "trait": word(random, person.trait),
        "pet": word(random, person.pet),
        "pet_colour": person.pet_colour,
        "instrument": word(random, person.instrument),
        "foods": lx.plural(person.food),
        "thing": word(random, person.thing),
        "thing_again": word(random, person.thing),
        "a_thing_adjective": f"{lx.article(adjective)} {adjective}",
        "shop_town": person.shop_town,
        "shop_day": person.shop_day,
        "bought": verb.past,
        "buy": lx.FORMS[word(random, "buy")].base,
        "friend": person.friend,
    }


def state(random: Random, kind: str, words: dict[str, str], who: str) -> str:
    """A sentence with one fact about `who`: a name, `she` or `he`."""
    sentence = random.choice(FACTS[kind].statements).format(who=who, **words)
    return sentence[0].upper() + sentence[1:]


def ask(random: Random, kind: str, words: dict[str, str]) -> tuple[str, str, str]:
    """A question for one fact: (question, answer, slot of the answer)."""
    question, slot = random.choice(FACTS[kind].questions)
    return question.format(**words), words[slot], slot
