"""Pairs of texts of which the second follows from the first, or does not: half of each, no pair twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from benchbert.tasks.miniature.grammar import draws_of

__all__ = ["Rows", "build_pairs"]

Rows = dict[str, list[dict[str, object]]]
"""Split -> its rows."""


def build_pairs(
    task: str, columns: tuple[str, str], draw: Callable[[Random, str, bool], tuple[str, str]], sizes: Mapping[str, int]
) -> Rows:
    """Rows of each split: the two texts and a label, 0 where the second follows, 1 where it does not.

    Args:
        task: whose draws they are.
        columns: names of the two texts.
        draw: (random numbers, split, whether the second follows) -> a pair.
        sizes: split -> its rows.
    """
    random = draws_of(task)
    splits: Rows = {}
    for split, size in sizes.items():
        seen: set[tuple[str, str]] = set()
        rows: list[dict[str, object]] = []
        while len(rows) < size:
            label = len(rows) % 2
            pair = draw(random, split, label == 0)
            if pair not in seen:
                seen.add(pair)
                rows.append({columns[0]: pair[0], columns[1]: pair[1], "label": label})
        random.shuffle(rows)
        splits[split] = rows
    return splits
