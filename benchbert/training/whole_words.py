"""Whole-word masking: the pieces of a word are predicted together.

Devlin et al., release of May 2019 of the code of arXiv 1810.04805: words are gone through in a random order, and one is
taken unless it would bring the number of tokens above the share. What each of its pieces becomes (mask, itself, another
token) is drawn for the piece.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbert.errors import TrainingError

__all__ = ["draw_words", "word_pieces"]

_WORD_START = "\u2581"
"""What SentencePiece writes for the blank in front of a word."""


def word_pieces(tokenizer: Any) -> NDArray[np.bool_]:
    """Whether each id goes on the word of the token before it, of shape (vocabulary,).

    Raises:
        TrainingError: the tokenizer's pieces do not tell.
    """
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    special = set(tokenizer.all_special_ids)
    prefix = getattr(tokenizer.backend_tokenizer.model, "continuing_subword_prefix", None)
    found = np.zeros(len(tokenizer), dtype=np.bool_)
    for piece, number in vocabulary.items():
        if number in special:
            continue
        # SentencePiece leaves marks such as a comma without a blank in front: they are words of their own.
        found[number] = (
            piece.startswith(prefix) if prefix else not piece.startswith(_WORD_START) and piece[:1].isalnum()
        )
    if not prefix and not any(piece.startswith(_WORD_START) for piece in vocabulary):
        raise TrainingError(
            f"masking.whole_words: the pieces of {type(tokenizer).__name__} do not say where a word starts, as those "
            "of WordPiece and SentencePiece do; leave it out"
        )
    return found


def draw_words(
    input_ids: NDArray[np.int64],
    continues: NDArray[np.bool_],
    weights: NDArray[np.float64],
    count: int,
    generator: np.random.Generator,
) -> NDArray[np.int64]:
    """Flat positions of the words to predict, ascending.

    A word starts at a token that does not go on another, at the start of a row and after a special token. It is drawn
    with p proportional to the mean weight of its pieces: uniformly over the words, where all weights are the same.

    Args:
        input_ids: of shape (batch, seq).
        continues: whether each token goes on a word, of the same shape.
        weights: of each token, 0 where it is special, of shape (batch * seq,).
        count: tokens to draw: so many, or fewer by less than the longest word; one word where all are longer.
        generator: drawn from once for each word.
    """
    seq = input_ids.shape[1]
    maskable = weights > 0
    before = np.concatenate([[False], maskable[:-1]])
    before[::seq] = False
    starts = np.flatnonzero(maskable & ~(continues.reshape(-1) & before))
    # Every maskable token is of the word that started last.
    word = np.cumsum(np.isin(np.arange(len(weights)), starts, assume_unique=True))[maskable] - 1
    sizes = np.bincount(word, minlength=len(starts))
    means = np.bincount(word, weights=weights[maskable], minlength=len(starts)) / sizes
    order = np.argsort(generator.standard_exponential(len(starts)) / means, kind="stable")
    taken = np.zeros(len(starts), dtype=np.bool_)
    taken[_fitting(order, sizes, count)] = True
    found: NDArray[np.int64] = np.flatnonzero(maskable)[taken[word]]
    return found


def _fitting(order: NDArray[np.int64], sizes: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The words that fit into `count` tokens, one after another; the first of all where none does."""
    sums = np.cumsum(sizes[order])
    whole = int(np.searchsorted(sums, count, side="right"))
    room = count - (int(sums[whole - 1]) if whole else 0)
    more: list[int] = []
    for word in order[whole:]:
        if room == 0:
            break
        if sizes[word] <= room:
            more.append(int(word))
            room -= int(sizes[word])
    found = np.concatenate([order[:whole], np.array(more, dtype=np.int64)])
    return found if len(found) else order[:1]
