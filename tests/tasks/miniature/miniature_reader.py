"""An independent reader of the miniature language: from sentences back to facts, by patterns of its own.

It shares the word lists with the generator and nothing else: what a sentence says is found from its text alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from benchbert.tasks.miniature import lexicon as lx

CONCEPT = {w: concept for concept, words in lx.SYNONYMS.items() for w in words}
PAST = {v.past: base for base, v in lx.FORMS.items()}
DONE = {v.participle: base for base, v in lx.FORMS.items()}
NAMES = "|".join(lx.FEMALE + lx.MALE)
TOWNS, DAYS = "|".join(lx.TOWNS), "|".join(lx.DAYS)


@dataclass(frozen=True)
class Reading:
    agent: str
    verb: str
    patient: str
    adjective: str = ""
    place: str = ""
    day: str = ""
    negated: bool = False
    asked: str = ""


def concept(word: str) -> str:
    return CONCEPT.get(word, word)


def _object(text: str) -> tuple[str, str]:
    words = text.split()
    if words[0].lower() in {"a", "an", "some", "the"}:
        words = words[1:]
    assert len(words) in {1, 2}, text
    return concept(words[-1]), concept(words[0]) if len(words) == 2 else ""


def _take(pattern: str, text: str) -> tuple[str, str]:
    found = re.search(pattern, text)
    return (found.group(1), text.replace(found.group(0), " ").strip()) if found else ("", text)


_QUESTIONS = (
    (r"(?:Where|In which town) (?=did|was)", "place"),
    (r"(?:When|On which day) (?=did|was)", "day"),
    (r"(?:Who|Which person|By whom) ", "agent"),
)


def read(sentence: str) -> Reading:
    """What a sentence or question about an event says."""
    text, asked = sentence.rstrip(".?"), ""
    if sentence.endswith("?"):
        for pattern, slot in _QUESTIONS:
            if re.match(pattern, text):
                text, asked = re.sub(pattern, "", text, count=1), slot
    place, text = _take(rf"\b[Ii]n ({TOWNS})\b,?", text)
    day, text = _take(rf"\b[Oo]n ({DAYS})\b,?", text)
    if asked == "agent":
        text = re.sub(r"^was (.+) (\w+)$", r"\1 was \2 by ?", text) if text.startswith("was ") else f"? {text}"
    elif asked:
        text = re.sub(r"^was (.+) (\w+) by (\w+)$", r"\1 was \2 by \3", text)
    agent = rf"(?:{NAMES}|\?)"
    if found := re.fullmatch(rf"It was ({agent}) who (\w+) (.+)", text):
        who, verb, thing, negated = found[1], PAST[found[2]], found[3], False
    elif found := re.fullmatch(rf"(.+) was (\w+) by ({agent})", text):
        who, verb, thing, negated = found[3], DONE[found[2]], found[1], False
    elif found := re.fullmatch(rf"({agent}) did not (\w+) (.+)", text):
        who, verb, thing, negated = found[1], found[2], found[3], True
    elif found := re.fullmatch(rf"did ({agent}) (\w+) (.+)", text):
        who, verb, thing, negated = found[1], found[2], found[3], False
    else:
        found = re.fullmatch(rf"({agent}) (\w+) (.+)", text)
        assert found, (sentence, text)
        who, verb, thing, negated = found[1], PAST[found[2]], found[3], False
    patient, adjective = _object(thing)
    return Reading(who, concept(verb), patient, adjective, place, day, negated, asked)


_WHO = r"(?P<who>[Ss]he|[Hh]e|[A-Z]\w+(?: [A-Z]\w+)?)"
_STATEMENTS = {
    "job": (rf"{_WHO} (?:is|works as|has become) an? (?P<job>\w+)",),
    "home": (rf"{_WHO} (?:lives|has a home) in (?P<home>\w+)", rf"In (?P<home>\w+) {_WHO} lives near the church"),
    "work": (
        rf"{_WHO} (?:goes to (?P<to>\w+) for work|works in (?P<work>\w+))",
        rf"In (?P<work>\w+) {_WHO} works every day",
    ),
    "birth": (rf"{_WHO} was born in (?P<birth>\w+)", rf"In (?P<birth>\w+) {_WHO} was born"),
    "trait": (rf"{_WHO} is very (?P<trait>\w+)", rf"People say that {_WHO} is (?P<trait>\w+)"),
    "pet": (
        rf"(?:At home )?{_WHO} has an? (?P<colour>\w+ )?(?P<pet>\w+) as a pet",
        rf"{_WHO} lives with a (?P<colour>\w+) (?P<pet>\w+)",
    ),
    "instrument": (rf"{_WHO} (?:plays|can play music on) the (?P<instrument>\w+)",),
    "food": (rf"{_WHO} (?:likes to eat (?P<food>\w+)|eats (?P<eats>\w+) every day)",),
    "thing": (
        rf"{_WHO} (?:bought|purchased) an? \w+ (?P<thing>\w+) in (?P<town>\w+) on (?P<day>\w+)",
        rf"On (?P<day>\w+) {_WHO} (?:bought|purchased) an? \w+ (?P<thing>\w+) in (?P<town>\w+)",
    ),
    "friend": (rf"{_WHO} (?:is a friend of|often goes for a walk with) (?P<friend>\w+)",),
}
_QUESTIONS_OF_FACTS = {
    "job": r"(?:What is the job of (\w+)|What does (\w+) work as)",
    "home": r"(?:Where|In which town) does (\w+) live",
    "work": r"(?:Where|In which town) does (\w+) work",
    "birth": r"(?:When|In which month) was (\w+) born",
    "trait": r"(?:What do people say of (\w+)|How do people find (\w+))",
    "pet": r"(?:Which animal does (\w+) have as a pet|Which pet lives with (\w+)|What colour is the pet of (\w+))",
    "instrument": r"(?:Which instrument|What) does (\w+) play",
    "food": r"(?:What does (\w+) like to eat|Which food does (\w+) eat)",
    "thing": r"(?:What|Where|In which town|When|On which day) did (\w+) (?:buy|purchase) .+",
    "friend": r"Who (?:is a friend of|often goes for a walk with) (\w+)",
}


def statement(sentence: str) -> tuple[str, str, dict[str, str]]:
    """(who, kind of fact, its values) of a statement about a person."""
    for kind, patterns in _STATEMENTS.items():
        for pattern in patterns:
            if found := re.fullmatch(pattern + r"\.", sentence):
                values = {k: v.strip() for k, v in found.groupdict().items() if v}
                return values.pop("who"), kind, values
    raise AssertionError(f"not a statement: {sentence}")


def asks(question: str) -> tuple[str, str]:
    """(first name, kind of fact) that a question asks for."""
    for kind, pattern in _QUESTIONS_OF_FACTS.items():
        if found := re.fullmatch(pattern + r"\?", question):
            return next(group for group in found.groups() if group), kind
    raise AssertionError(f"not a question about a person: {question}")


def passage(text: str) -> list[tuple[int, str, str, str, dict[str, str]]]:
    """Statements of a passage: (offset, sentence, first name with pronouns resolved, kind, values)."""
    told, hero, offset = [], "", 0
    for sentence in re.findall(r"[^.]+\.", text):
        bare = sentence.strip()
        who, kind, values = statement(bare)
        if who.lower() in {"she", "he"}:
            assert hero in (lx.FEMALE if who.lower() == "she" else lx.MALE), text
        else:
            hero = who.split()[0]
        told.append((offset + len(sentence) - len(bare), bare, hero, kind, values))
        offset += len(sentence)
    return told
