"""MNLI in miniature: does the hypothesis follow from the premise?

Each person did one thing, and both sentences are about it (the convention of SNLI). A sentence is a conjunction of
details, or the denial of one; hypernyms and details left out make it weaker. Hypotheses are balanced: whatever is said
in one (a negation, a hypernym, a town), each label is as frequent, so that it tells nothing without its premise. Denied
premises are few and balanced too: from a denial no claim follows, and it contradicts no other denial, so that with many
of them two negations alone would tell half of the labels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from benchbert.tasks.miniature import lexicon as lx
from benchbert.tasks.miniature.grammar import Event, draw_event, draws_of, tell

__all__ = [
    "CONTRADICTION",
    "ENTAILMENT",
    "MATCHED",
    "MISMATCHED",
    "NEUTRAL",
    "Claim",
    "build",
    "hypothesis_for",
    "judge",
    "premise_for",
    "sentence",
]

ENTAILMENT, NEUTRAL, CONTRADICTION = 0, 1, 2

MATCHED = ("buy", "sell", "find", "lose", "repair", "break", "wash", "stain", "open", "close", "keep", "discard")
"""Verbs of the training set and of the matched splits: home and market."""
MISMATCHED = ("hide", "show", "borrow", "return", "push", "pull", "lift", "lower", "build", "destroy")
"""Verbs of the mismatched splits: work."""

Relation = Literal["equal", "wider", "narrower", "apart", "independent"]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """An event, said to have happened or not."""

    event: Event
    """Its patient may be a category."""
    negated: bool = False
    """Whether it is denied."""


def _nouns(premise: str, hypothesis: str) -> Relation:
    if premise == hypothesis:
        return "equal"
    if hypothesis in lx.HYPERNYMS.get(premise, ()):
        return "wider"
    return "narrower" if premise in lx.HYPERNYMS.get(hypothesis, ()) else "apart"


def _optional(premise: str, hypothesis: str) -> Relation:
    """A detail that may be left out."""
    if premise == hypothesis:
        return "equal"
    if not hypothesis:
        return "wider"
    return "narrower" if not premise else "apart"


def _adjectives(premise: str, hypothesis: str) -> Relation:
    relation = _optional(premise, hypothesis)
    if relation == "apart" and lx.ADJECTIVES[premise].scale != lx.ADJECTIVES[hypothesis].scale:
        return "independent"
    return relation


def judge(premise: Claim, hypothesis: Claim) -> int:
    """The label of a pair, detail by detail."""
    p, h = premise.event, hypothesis.event
    if p.agent != h.agent:
        return NEUTRAL
    relations = {
        "equal" if p.verb == h.verb else "apart",
        _nouns(p.patient, h.patient),
        _adjectives(p.adjective, h.adjective),
        _optional(p.place, h.place),
        _optional(p.day, h.day),
    }
    apart, within, around = "apart" in relations, relations <= {"equal", "wider"}, relations <= {"equal", "narrower"}
    if premise.negated:
        return (ENTAILMENT if hypothesis.negated else CONTRADICTION) if around else NEUTRAL
    if not apart and not within:
        return NEUTRAL
    return ENTAILMENT if within != hypothesis.negated else CONTRADICTION


def _edit_patient(random: Random, patient: str, how: str) -> str:
    if how == "widen":
        return random.choice(lx.HYPERNYMS.get(patient, (patient,)))
    if how == "narrow":
        return random.choice(lx.NOUNS.get(patient, (patient,)))
    if how == "change" and patient not in lx.NOUNS:
        return random.choice([n for n in lx.NOUNS[lx.HYPERNYMS[patient][0]] if n != patient])
    return patient


def _edit_optional(random: Random, said: str, options: tuple[str, ...], how: str) -> str:
    if how == "widen":
        return ""
    if (how == "narrow" and not said) or (how == "change" and said):
        return random.choice([option for option in options if option != said])
    return said


def hypothesis_for(random: Random, premise: Claim) -> Claim:
    """A claim near the premise: a few details weaker, stronger or other, perhaps denied."""
    event, hows = premise.event, ("keep", "keep", "keep", "keep", "widen", "widen", "narrow", "change")
    category = event.patient if event.patient in lx.NOUNS else lx.HYPERNYMS[event.patient][0]
    scale = (lx.OPPOSITE[event.adjective],) if event.adjective else _fitting(category)
    changed = replace(
        event,
        agent=random.choice(lx.FEMALE + lx.MALE) if random.random() < 0.06 else event.agent,
        verb=lx.OPPOSITE[event.verb] if random.random() < 0.12 else event.verb,
        patient=_edit_patient(random, event.patient, random.choice(hows)),
        adjective=_edit_optional(random, event.adjective, scale, random.choice(hows)),
        place=_edit_optional(random, event.place, lx.TOWNS, random.choice(hows)),
        day=_edit_optional(random, event.day, lx.DAYS, random.choice(hows)),
    )
    return Claim(event=changed, negated=random.random() < 0.4)


def _fitting(category: str) -> tuple[str, ...]:
    return tuple(a for a, kind in lx.ADJECTIVES.items() if not kind.categories or category in kind.categories)


def premise_for(random: Random, verbs: tuple[str, ...]) -> Claim:
    """A claim to start from; one in ten is a denial, one in six names its thing by the category."""
    event = draw_event(random, verbs=verbs)
    if random.random() < 1 / 6:
        event = replace(event, patient=lx.HYPERNYMS[event.patient][0])
    return Claim(event=event, negated=random.random() < 0.1)


def sentence(random: Random, claim: Claim) -> str:
    """The claim in words; no clefts, which would presuppose."""
    shape = random.choice(("plain", "plain", "passive", "front"))
    return tell(random, claim.event, shape=shape, negated=claim.negated)


def _said(claim: Claim) -> tuple[bool, ...]:
    """What can be seen of a hypothesis alone."""
    event = claim.event
    category = event.patient in lx.NOUNS or event.patient in lx.PARENT.values()
    return (claim.negated, category, bool(event.adjective), bool(event.place), bool(event.day))


def _balanced(counts: Counter[tuple[object, int]], premise: Claim, hypothesis: Claim, label: int) -> bool:
    """Whether one more such pair leaves the labels of such hypotheses, and of such denied premises, balanced."""
    said = _said(hypothesis)
    if counts[said, label] > min(counts[said, other] for other in range(3)):
        return False
    if premise.negated:
        others = (ENTAILMENT if hypothesis.negated else CONTRADICTION, NEUTRAL)
        denied = ("denied", hypothesis.negated)
        if counts[denied, label] > min(counts[denied, other] for other in others):
            return False
        counts[denied, label] += 1
    counts[said, label] += 1
    return True


def build(sizes: Mapping[str, int]) -> dict[str, list[dict[str, object]]]:
    """Rows of each split: premise, hypothesis, label (0 entailment, 1 neutral, 2 contradiction); no pair twice."""
    random = draws_of("mnli")
    seen: set[tuple[str, str]] = set()
    splits: dict[str, list[dict[str, object]]] = {}
    for split, size in sizes.items():
        verbs = MISMATCHED if split.endswith("mismatched") else MATCHED
        counts: Counter[tuple[object, int]] = Counter()
        rows: list[dict[str, object]] = []
        while len(rows) < size:
            premise = premise_for(random, verbs)
            hypothesis = hypothesis_for(random, premise)
            label = judge(premise, hypothesis)
            first, second = sentence(random, premise), sentence(random, hypothesis)
            if first == second or {(first, second), (second, first)} & seen:
                continue
            if _balanced(counts, premise, hypothesis, label):
                seen.add((first, second))
                rows.append({"premise": first, "hypothesis": second, "label": label})
        random.shuffle(rows)
        splits[split] = rows
    return splits
