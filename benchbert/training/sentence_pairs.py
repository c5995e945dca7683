"""Pairs of text segments for the sentence objectives of pre-training.

`nsp`: does the second segment follow the first, or was it drawn from another document? (Devlin et al. 2018, arXiv
1810.04805, section 3.1, Task #2). `sop`: are two neighbouring segments in their order, or swapped? (Lan et al. 2020,
arXiv 1909.11942, section 3.1). Half of the pairs are of each kind; class 0 is the text as it stands.

A foreign second segment is as long as the true one that it stands for. Drawn otherwise, the lengths alone would tell
the two kinds apart, and a model would learn to count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbert.errors import DataError
from benchbert.training.corpus import TokenStream

__all__ = ["Pairs", "SentencePairs", "sentence_ends"]

_SPECIAL = 3
"""Special tokens of a pair: the class token and a separator after each segment."""

_TRIES = 8
"""Draws before segments of a few other lengths are let in."""


@dataclass(frozen=True)
class Pairs:
    """A batch of segment pairs, padded to its longest."""

    input_ids: NDArray[np.int64]
    """Class token, first segment, separator, second segment, separator; of shape (batch, seq)."""
    token_type_ids: NDArray[np.int64]
    """0 up to the first separator, 1 from there to the second, 0 on padding; of shape (batch, seq)."""
    attention_mask: NDArray[np.int64]
    """1 on tokens, 0 on padding; of shape (batch, seq)."""
    labels: NDArray[np.int64]
    """0: the text as it stands; 1: another document's (nsp) or swapped (sop); of shape (batch,)."""


def sentence_ends(tokenizer: Any) -> NDArray[np.int64]:
    """Ids of the tokens that end a sentence, of those that the vocabulary has."""
    vocabulary = tokenizer.get_vocab()
    return np.array([vocabulary[mark] for mark in (".", "!", "?") if mark in vocabulary], dtype=np.int64)


class SentencePairs:
    """Spans of whole sentences of one document each, to be cut in two; a draw is fixed by its generator's state."""

    def __init__(
        self, stream: TokenStream, ends: NDArray[np.int64], *, length: int, objective: str, pad_id: int
    ) -> None:
        """Finds the spans.

        Args:
            stream: the corpus; a separator ends each document.
            ends: ids that end a sentence; a document without any is cut in the middle.
            length: tokens a pair at most, special ones included.
            objective: `nsp` or `sop`.
            pad_id: id of the padding.

        Raises:
            DataError: no two sentences of the corpus fit together, or (nsp) it has a single document.
        """
        self.stream, self.length, self.objective, self.pad_id = stream, length, objective, pad_id
        spans = [*_spans(stream, ends, length - _SPECIAL)]
        if not spans:
            raise DataError(f"the corpus has no two sentences in a row: {objective} needs them; leave out `sentences`")
        self.cuts = [cuts for _, cuts in spans]
        self._foreign = _SecondSegments([document for document, _ in spans], self.cuts) if objective == "nsp" else None

    def __len__(self) -> int:
        return len(self.cuts)

    def gather(self, indices: NDArray[Any], generator: np.random.Generator) -> Pairs:
        """The named spans as pairs, cut at a sentence's end that is drawn anew each time."""
        pairs, labels = [], (generator.random(len(indices)) < 0.5).astype(np.int64)
        for index, changed in zip(indices, labels, strict=True):
            cuts = self.cuts[index]
            middle = cuts[1 + int(generator.integers(len(cuts) - 2))]
            first, second = self.stream.tokens[cuts[0] : middle], self.stream.tokens[middle : cuts[-1]]
            if changed and self._foreign is None:
                first, second = second, first
            elif changed and self._foreign is not None:
                start, stop = self._foreign.draw(int(index), len(second), generator)
                second = self.stream.tokens[start:stop][: self.length - _SPECIAL - len(first)]
            pairs.append((first, second))
        return self._padded(pairs, labels)

    def _padded(self, pairs: list[tuple[NDArray[Any], NDArray[Any]]], labels: NDArray[np.int64]) -> Pairs:
        longest = max(len(first) + len(second) for first, second in pairs) + _SPECIAL
        ids = np.full((len(pairs), longest), self.pad_id, dtype=np.int64)
        types, mask = np.zeros_like(ids), np.zeros_like(ids)
        for row, (first, second) in enumerate(pairs):
            middle, end = len(first) + 2, len(first) + len(second) + _SPECIAL
            ids[row, 0] = self.stream.class_id
            ids[row, 1 : middle - 1], ids[row, middle : end - 1] = first, second
            ids[row, [middle - 1, end - 1]] = self.stream.separator_id
            types[row, middle:end] = 1
            mask[row, :end] = 1
        return Pairs(ids, types, mask, labels)


class _SecondSegments:
    """Every second segment that a span can be cut into, by its length."""

    def __init__(self, documents: list[int], cuts: list[list[int]]) -> None:
        """Sorts them.

        Args:
            documents: document of each span.
            cuts: starts of the sentences of each span, and its end.

        Raises:
            DataError: the spans are of one document.
        """
        self._document_of_span = np.array(documents)
        if self._document_of_span[0] == self._document_of_span[-1]:
            raise DataError(
                "one document alone has two sentences in a row: nsp takes half of its second segments from other "
                "documents; use sop"
            )
        span = np.repeat(np.arange(len(cuts)), [len(row) - 2 for row in cuts])
        starts = np.concatenate([row[1:-1] for row in cuts])
        stops = np.array([row[-1] for row in cuts])[span]
        by_length = np.argsort(stops - starts, kind="stable")
        self._starts, self._stops = starts[by_length], stops[by_length]
        self._lengths, self._documents = self._stops - self._starts, self._document_of_span[span[by_length]]

    def draw(self, index: int, length: int, generator: np.random.Generator) -> tuple[int, int]:
        """Where a segment of another document than span `index`'s starts and ends, of `length` tokens.

        Where no other document has one of that length, one of the nearest lengths that another document has.
        """
        low, high = np.searchsorted(self._lengths, [length, length + 1])
        while True:
            for drawn in generator.integers(low, high, size=_TRIES).tolist():
                if self._documents[drawn] != self._document_of_span[index]:
                    return int(self._starts[drawn]), int(self._stops[drawn])
            low, high = max(0, low - _TRIES), min(len(self._lengths), high + _TRIES)


def _spans(stream: TokenStream, ends: NDArray[np.int64], room: int) -> Iterator[tuple[int, list[int]]]:
    """(number of the document, start of its sentences and end of the last): as many sentences as there is room for."""
    closing = np.flatnonzero(stream.tokens == stream.separator_id)
    after_sentence = np.flatnonzero(np.isin(stream.tokens, ends)) + 1
    start = 0
    for document, stop in enumerate(closing.tolist()):
        low, high = np.searchsorted(after_sentence, [start, stop], side="right")
        inner = [cut for cut in after_sentence[low:high].tolist() if cut < stop]
        if not inner and stop - start >= 2:
            inner = [(start + stop) // 2]
        for cuts in _packed([start, *inner, stop], room):
            yield document, cuts
        start = stop + 1


def _packed(cuts: list[int], room: int) -> Iterator[list[int]]:
    """Runs of neighbouring cuts, at least two sentences each; one that is longer than the room loses its end."""
    i = 0
    while i + 2 < len(cuts):
        stop = i + 2
        while stop + 1 < len(cuts) and cuts[stop + 1] - cuts[i] <= room:
            stop += 1
        run = cuts[i : stop + 1]
        run[-1] = min(run[-1], run[0] + room)
        if run[-1] > run[-2]:
            yield run
        i = stop
