"""Entity-level F1 of IOB2 tags, as CoNLL-2003 scores it (Tjong Kim Sang and De Meulder 2003), and token accuracy.

An entity counts where its type, first and last token are all right. Tags are read as `conlleval` and seqeval's default
mode read them: B opens an entity; I goes on with one of its type, and opens one after O or after another type. F1 is
over the entities of all rows (micro), 0 where none is right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["Entity", "entities", "entity_counts"]

Entity = tuple[str, int, int]
"""Type, first token, last token."""


def entities(tags: Sequence[str]) -> Iterator[Entity]:
    """The entities of one row, in order.

    Args:
        tags: O, B-TYPE or I-TYPE for each token.
    """
    kind, first = "", 0
    for place, tag in enumerate(tags):
        prefix, _, own = tag.partition("-")
        goes_on = prefix == "I" and own == kind and kind != ""
        if kind and not goes_on:
            yield kind, first, place - 1
        if not goes_on:
            kind, first = (own, place) if prefix in {"B", "I"} else ("", place)
    if kind:
        yield kind, first, len(tags) - 1


def entity_counts(labels: Sequence[Sequence[str]], predictions: Sequence[Sequence[str]]) -> NDArray[np.float64]:
    """Right, true and predicted entities of each row, of shape (n, 3)."""
    found = np.zeros((len(labels), 3))
    for row, (truth, guess) in enumerate(zip(labels, predictions, strict=True)):
        golds, guesses = set(entities(truth)), set(entities(guess))
        found[row] = len(golds & guesses), len(golds), len(guesses)
    return found
