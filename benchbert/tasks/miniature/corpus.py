"""The text to pre-train on: documents about people, towns, happenings, words and works, one a row.

Facts hold within a document and are told more than once in other words, so that filling a gap takes reading: that is
where synonyms, opposites, hypernyms and the passive are learned. Sentences stand in order (NSP and SOP use it).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random

from benchbert.tasks.miniature import contexts, facts
from benchbert.tasks.miniature import lexicon as lx
from benchbert.tasks.miniature.acceptability import acceptable
from benchbert.tasks.miniature.causes import CAUSES
from benchbert.tasks.miniature.grammar import Event, capital, draw_event, draw_person_event, pronoun, seeded, tell, word
from benchbert.tasks.miniature.questions import WORDINGS, question
from benchbert.tasks.miniature.sentiment import SUBJECTS, opinion
from benchbert.tasks.miniature.world import Person, people, place

__all__ = ["DOCUMENTS", "document", "documents"]

DOCUMENTS = {"train": 38_000, "validation": 1_000}
"""Documents of each split, about 87 tokens each: 3.3 million in train."""


def documents(split: str) -> list[str]:
    """All documents of a split, `train` or `validation`.

    Whose life is told in one is not told in the other; towns and their mayors, three documents in a hundred, are
    common. Reviews have the words and shapes of the sentiment task: a fifth of its test sentences stand here too,
    without labels.
    """
    random = seeded("corpus", split)
    return [document(random, split) for _ in range(DOCUMENTS[split])]


def document(random: Random, split: str) -> str:
    """One document: its sentences, separated by spaces."""
    maker = random.choices(_MAKERS, cum_weights=_WEIGHTS)[0]
    return " ".join(maker(random, split))


def _biography(random: Random, split: str) -> list[str]:
    """What is true of one or two people, then some of it again in other words, then questions."""
    sentences: list[str] = []
    heroes = random.sample(people(split), random.choice((1, 2, 2)))
    if len({hero.first for hero in heroes}) < len(heroes):
        heroes = heroes[:1]
    told: list[tuple[Person, dict[str, str], list[str]]] = []
    for hero in heroes:
        words = facts.slots(random, hero)
        kinds = random.sample(tuple(facts.FACTS), random.randint(3, 5))
        who = hero.name
        for kind in kinds:
            sentences.append(facts.state(random, kind, words, who))
            who = random.choice((pronoun(hero.first), pronoun(hero.first), hero.first))
        told.append((hero, words, kinds))
    for hero, words, kinds in told:
        for kind in random.sample(kinds, 2):
            if random.random() < 0.5:
                sentences.append(facts.state(random, kind, facts.slots(random, hero), hero.first))
            else:
                asked, answer, _ = facts.ask(random, kind, words)
                sentences += [asked, f"{capital(answer)}."]
        sentences.append(_kind_of(random, random.choice((hero.pet, hero.thing, hero.instrument, hero.job)), hero.first))
    return sentences


def _kind_of(random: Random, concept: str, first: str) -> str:
    """A sentence that names a thing or job of a person by its category."""
    category = random.choice(lx.HYPERNYMS[concept])
    name = word(random, concept)
    return random.choice(
        (
            f"The {name} is {lx.article(category)} {category}.",
            f"{first} knows that {lx.article(name)} {name} is {lx.article(category)} {category}.",
            f"Of all {lx.plural(category)}, {first} likes the {name} best.",
        )
    )


def _happening(random: Random, split: str) -> list[str]:
    """Two or three events, each told, asked for and told again."""
    sentences: list[str] = []
    events = [draw_event(random) if random.random() < 0.65 else draw_person_event(random) for _ in range(3)]
    for event in events:
        sentences.append(tell(random, event))
        sentences += random.choice(_ECHOES)(random, event)
    sentences += [tell(random, event) for event in random.sample(events, 2)]
    if random.random() < 0.6:
        sentences += _cause(random)
    return sentences


def _question(random: Random, event: Event) -> list[str]:
    """A question about the event and its answer."""
    asked = random.choice([slot for slot in WORDINGS if getattr(event, slot)])
    return [question(random, event, asked), f"{getattr(event, asked)}."]


def _denial(random: Random, event: Event) -> list[str]:
    """The opposite did not happen, or somebody else did not do it."""
    if event.verb in lx.OPPOSITE:
        other = replace(event, verb=lx.OPPOSITE[event.verb])
    else:
        other = replace(
            event, agent=random.choice([n for n in lx.FEMALE + lx.MALE if n not in {event.agent, event.patient}])
        )
    return [tell(random, other, negated=True)]


def _category(random: Random, event: Event) -> list[str]:
    """The event again, its thing named by the category."""
    if event.patient[0].isupper():
        return [tell(random, event)]
    return [tell(random, replace(event, patient=random.choice(lx.HYPERNYMS[event.patient])))]


def _use(random: Random, event: Event) -> list[str]:
    """What the verb comes with."""
    return [_verb_frame(random, event.verb, event.agent, event.patient)]


def _like(random: Random, event: Event) -> list[str]:
    """What the adjective comes with, or the verb where there is none."""
    if not event.adjective:
        return _use(random, event)
    return [_adjective_frame(random, event.adjective, word(random, event.patient), _couple(random))]


_ECHOES: tuple[Callable[[Random, Event], list[str]], ...] = (
    _question,
    _denial,
    _category,
    _category,
    _use,
    _use,
    _use,
    _like,
)


def _cause(random: Random) -> list[str]:
    """Two deeds with reasons, between a woman and a man."""
    sentences = []
    for cause in random.sample(CAUSES, 2):
        a, b = random.sample((random.choice(lx.FEMALE), random.choice(lx.MALE)), 2)
        referent = a if cause.referent == "a" else b
        sentences.append(f"{cause.deed.format(a=a, b=b)} because {pronoun(referent)} {cause.reason}.")
        if random.random() < 0.4:
            sentences.append(f"{referent} {cause.reason}.")
    return sentences


def _couple(random: Random) -> dict[str, str]:
    """Slots for two people of different gender."""
    p, q = random.sample((random.choice(lx.FEMALE), random.choice(lx.MALE)), 2)
    she = pronoun(p)
    return {"p": p, "q": q, "she": she, "her": "her" if she == "she" else "his", "he": pronoun(q)}


def _verb_frame(random: Random, concept: str, agent: str = "", patient: str = "") -> str:
    """A sentence in which only this verb makes sense."""
    couple = _couple(random)
    if agent:
        she = pronoun(agent)
        couple |= {"p": agent, "she": she, "her": "her" if she == "she" else "his"}
    if concept in lx.PERSON_VERBS:
        couple |= {"q": patient} if patient else {}
        noun = ""
    else:
        noun = word(random, patient or random.choice(lx.NOUNS[random.choice(lx.VERBS[concept])]))
    verb = lx.FORMS[word(random, concept)]
    frame = random.choice(contexts.VERB_FRAMES[concept])
    return frame.format(n=noun, base=verb.base, past=verb.past, done=verb.participle, **couple)


def _adjective_frame(random: Random, concept: str, noun: str, couple: Mapping[str, str]) -> str:
    """A sentence in which only this adjective makes sense."""
    name = word(random, concept)
    frame = random.choice(contexts.ADJECTIVE_FRAMES[concept])
    return frame.format(w=name, aw=f"{lx.article(name)} {name}", n=noun, **couple)


def _contrast(random: Random, concept: str) -> list[str]:
    """What an adjective comes with, and what its opposite has to do with it."""
    scale = {**lx.ADJECTIVES, **lx.PERSON_ADJECTIVES}[concept]
    noun = word(random, random.choice(lx.NOUNS[random.choice(scale.categories or lx.THINGS)]))
    couple = _couple(random)
    subject = couple["p"] if concept in lx.PERSON_ADJECTIVES else f"the {noun}"
    opposite = word(random, lx.OPPOSITE[concept])
    contrasts = (
        f"{subject} was {word(random, concept)} and not {opposite}.",
        f"{subject} was not {opposite} but {word(random, concept)}.",
        f"Nobody would say that {subject} was {opposite}.",
        f"{subject} was really {word(random, concept)}.",
    )
    frames = [_adjective_frame(random, concept, noun, couple) for _ in range(random.choice((1, 2)))]
    return [*frames, capital(random.choice(contrasts))]


def _words(random: Random, split: str) -> list[str]:
    """Adjectives, verbs and nouns in contexts of their own."""
    sentences: list[str] = []
    for _ in range(2):
        sentences += _contrast(random, random.choice(tuple(contexts.ADJECTIVE_FRAMES)))
    for _ in range(4):
        sentences.append(_verb_frame(random, random.choice(tuple(contexts.VERB_FRAMES))))
    for _ in range(2):
        category = random.choice(tuple(lx.NOUNS))
        concept = random.choice(lx.NOUNS[category])
        couple = _couple(random)
        name = word(random, concept)
        frames = random.sample(contexts.CATEGORY_FRAMES[category], 1) + list(contexts.NOUN_FRAMES.get(concept, ()))
        sentences += [frame.format(w=name, **couple) for frame in frames]
        if random.random() < 0.3:
            sentences.append(_kind_of(random, concept, couple["p"]))
    return sentences


def _dictionary(random: Random, split: str) -> list[str]:
    """What is a kind of what, what is the same and what the opposite."""
    sentences = []
    for category in random.sample(tuple(lx.NOUNS), 3):
        members = random.sample(lx.NOUNS[category], 2)
        first, second = (word(random, m) for m in members)
        wider = random.choice(lx.HYPERNYMS[members[0]])
        other = random.choice([c for c in lx.NOUNS if c not in {category, wider}])
        sentences += [
            f"{capital(lx.article(first))} {first} is {lx.article(wider)} {wider}.",
            f"The {first} and the {second} are two {lx.plural(category)}.",
            f"{capital(lx.article(second))} {second} is not {lx.article(other)} {other}.",
        ]
    for concept in random.sample(tuple(lx.OPPOSITE), 2):
        sentences.append(f"{capital(word(random, concept))} is the opposite of {word(random, lx.OPPOSITE[concept])}.")
    for words in random.sample(tuple(lx.SYNONYMS.values()), 2):
        first, second = random.sample(words, 2)
        sentences.append(f"{capital(first)} means the same as {second}.")
    random.shuffle(sentences)
    return sentences


def _review(random: Random, split: str) -> list[str]:
    """Words of one side about one work; what is denied is of the other side."""
    praise = random.random() < 0.5
    frames = contexts.POSITIVE_FRAMES if praise else contexts.NEGATIVE_FRAMES
    side, other = (lx.POSITIVE, lx.NEGATIVE) if praise else (lx.NEGATIVE, lx.POSITIVE)
    subject, couple = random.choice(SUBJECTS), _couple(random)
    sentences = []
    for frame in random.sample(frames, 5):
        name = random.choice(side)
        sentences.append(frame.format(s=subject, w=name, aw=f"{lx.article(name)} {name}", **couple))
        if random.random() < 0.25:
            sentences.append(f"The {subject} was {random.choice(side)} and {random.choice(side)}.")
        # Few sentences with words of both sides: they hide from a counter of neighbours which word is of which.
        if random.random() < 0.1:
            sentences.append(f"It was {random.choice(side)}, not {random.choice(other)}.")
        if random.random() < 0.2:
            sentences.append(opinion(random, subject, side, other))
    random.shuffle(sentences)
    return sentences


def _town(random: Random, split: str) -> list[str]:
    """A town and its mayor."""
    town = place(random.choice(lx.TOWNS))
    mayor = town.mayor
    words = facts.slots(random, mayor)
    adjective = word(random, town.adjective)
    sentences = [
        f"{town.name} is a town near {town.near}.",
        f"There is {lx.article(adjective)} {adjective} {word(random, town.building)} in {town.name}.",
        f"Every {town.market_day} there is a market in {town.name}.",
        f"{town.name} has {town.schools} schools.",
        f"In spring the {lx.plural(town.flower)} bloom all over {town.name}.",
        f"The mayor of {town.name} is {mayor.name}.",
    ]
    sentences = [sentences[0], *random.sample(sentences[1:], 4)]
    sentences += [facts.state(random, kind, words, mayor.name) for kind in random.sample(tuple(facts.FACTS), 2)]
    return sentences


def _scene(random: Random, split: str) -> list[str]:
    """Well-formed sentences about animals and people, singular and plural."""
    return [acceptable(random) for _ in range(8)]


_MAKERS: tuple[Callable[[Random, str], list[str]], ...] = (
    _biography,
    _happening,
    _words,
    _scene,
    _dictionary,
    _review,
    _town,
)
_WEIGHTS = (23, 47, 70, 77, 82, 97, 100)
"""Cumulated percentages of the makers."""
