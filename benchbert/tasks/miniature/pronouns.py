"""WNLI in miniature: whom does the pronoun mean?

Both people are of one gender, so only sense decides. A third of the deeds never occur in the training set: their sense
was read in the corpus, where gender gave it away, or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from benchbert.tasks.miniature import lexicon as lx
from benchbert.tasks.miniature.causes import CAUSES
from benchbert.tasks.miniature.grammar import draws_of, pronoun

__all__ = ["UNSEEN", "build"]

UNSEEN = tuple(sorted({cause.deed for cause in CAUSES}))[::3]
"""Deeds that the training set does not have."""


def _pair(random: Random, split: str, label: int) -> tuple[str, str]:
    cause = random.choice([c for c in CAUSES if split != "train" or c.deed not in UNSEEN])
    a, b = random.sample(random.choice((lx.FEMALE, lx.MALE)), 2)
    referent, other = (a, b) if cause.referent == "a" else (b, a)
    named = referent if label else other
    return f"{cause.deed.format(a=a, b=b)} because {pronoun(a)} {cause.reason}.", f"{named} {cause.reason}."


def build(sizes: Mapping[str, int]) -> dict[str, list[dict[str, object]]]:
    """Rows of each split: sentence1, sentence2, label (1: the second says whom the pronoun means); no pair twice."""
    random = draws_of("wnli")
    seen: set[str] = set()
    splits: dict[str, list[dict[str, object]]] = {}
    for split, size in sizes.items():
        rows: list[dict[str, object]] = []
        while len(rows) < size:
            label = len(rows) % 2
            first, second = _pair(random, split, label)
            if first not in seen:
                seen.add(first)
                rows.append({"sentence1": first, "sentence2": second, "label": label})
        random.shuffle(rows)
        splits[split] = rows
    return splits
