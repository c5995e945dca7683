"""Whole-word masking against a naive version that goes through the words one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from benchbert.errors import TrainingError
from benchbert.training.masking import Masker
from benchbert.training.whole_words import word_pieces
from benchbert.training.wordpiece import train_wordpiece

VOCABULARY, SPECIAL, MASK = 40, frozenset({0, 1, 2, 3, 4}), 4
CONTINUES = np.arange(VOCABULARY) >= 20
"""Half of the ordinary ids go on a word."""


def masker(share: float, smoothing: float = 0.0, counts: np.ndarray | None = None, **changes: float) -> Masker:
    fate = {"share": share, "smoothing": smoothing, "mask": 0.8, "keep": 0.1} | changes
    counts = np.ones(VOCABULARY) if counts is None else counts
    return Masker(fate, counts, SPECIAL, MASK, continues=CONTINUES)


def words(rows: np.ndarray) -> list[list[int]]:
    """Flat positions of the pieces of each word."""
    found: list[list[int]] = []
    for r, row in enumerate(rows.tolist()):
        open_word = False
        for c, token in enumerate(row):
            if token in SPECIAL:
                open_word = False
            elif CONTINUES[token] and open_word:
                found[-1].append(r * len(row) + c)
            else:
                found.append([r * len(row) + c])
                open_word = True
    return found


def naive(rows: np.ndarray, share: float, weight: np.ndarray, generator: np.random.Generator) -> list[int]:
    """Positions: words in the order of E / w, each taken unless it is one too many."""
    found = words(rows)
    flat = rows.reshape(-1)
    budget = max(1, round(share * sum(map(len, found))))
    draws = generator.standard_exponential(len(found))
    means = [sum(weight[flat[p]] for p in word) / len(word) for word in found]
    order = sorted(range(len(found)), key=lambda i: draws[i] / means[i])
    taken: list[int] = []
    for i in order:
        if len(taken) + len(found[i]) <= budget:
            taken += found[i]
    return sorted(taken or found[order[0]])


@st.composite
def batches(draw: st.DrawFn) -> np.ndarray:
    rows, length = draw(st.integers(1, 5)), draw(st.integers(2, 12))
    ids = draw(st.lists(st.integers(0, VOCABULARY - 1), min_size=rows * length, max_size=rows * length))
    batch = np.array(ids, dtype=np.int64).reshape(rows, length)
    batch[0, 0] = 7  # something to predict
    return batch


@settings(deadline=None, max_examples=150)
@given(batches(), st.floats(0.01, 0.9), st.sampled_from([0.0, 0.7]), st.integers(0, 99))
def test_the_positions_are_those_of_the_naive_version(
    rows: np.ndarray, share: float, smoothing: float, seed: int
) -> None:
    counts = np.arange(1, VOCABULARY + 1).astype(float)
    masked = masker(share, smoothing, counts)(rows, np.random.default_rng(seed))
    expected = naive(rows, share, counts**-smoothing, np.random.default_rng(seed))
    assert masked.positions.tolist() == expected
    assert masked.targets.tolist() == rows.reshape(-1)[expected].tolist()


@settings(deadline=None, max_examples=100)
@given(batches(), st.floats(0.01, 0.9), st.integers(0, 99))
def test_a_word_is_drawn_whole_or_not_at_all_and_the_share_counts_tokens(
    rows: np.ndarray, share: float, seed: int
) -> None:
    masked = masker(share)(rows, np.random.default_rng(seed))
    drawn = set(masked.positions.tolist())
    found = words(rows)
    for word in found:
        assert len(drawn & set(word)) in {0, len(word)}
    budget = max(1, round(share * sum(map(len, found))))
    longest = max(map(len, found))
    assert budget - longest < len(drawn) <= max(budget, longest)
    untouched = np.setdiff1d(np.arange(rows.size), masked.positions)
    assert (masked.input_ids.reshape(-1)[untouched] == rows.reshape(-1)[untouched]).all()


def test_words_are_drawn_uniformly_however_many_pieces_they_have() -> None:
    rows = np.array([[2] + [5, 25, 25, 6] * 500 + [3]])
    generator = np.random.default_rng(0)
    drawn = np.concatenate([masker(0.05)(rows, generator).targets for _ in range(200)])
    long_words, short_words = (drawn == 5).sum(), (drawn == 6).sum()
    # Near the end only short words fit, so these are a little ahead.
    assert long_words / (long_words + short_words) == pytest.approx(0.5, abs=0.02)


def test_each_piece_has_a_fate_of_its_own() -> None:
    rows = np.array([[2] + [5, 25, 26] * 300 + [3]])
    masked = masker(0.5)(rows, np.random.default_rng(0))
    hidden = (masked.input_ids.reshape(-1)[masked.positions] == MASK).reshape(-1, 3)
    assert (hidden.any(axis=1) & ~hidden.all(axis=1)).any()


def test_word_pieces_of_a_wordpiece_vocabulary() -> None:
    tokenizer = train_wordpiece(["walking walked talking talked"] * 3, vocabulary=40)
    found = word_pieces(tokenizer)
    for piece, number in tokenizer.get_vocab().items():
        assert found[number] == piece.startswith("##"), piece


def test_word_pieces_of_a_sentencepiece_vocabulary() -> None:
    pieces = ["[PAD]", "▁the", "▁dog", "s", ",", "▁"]
    model = models.Unigram([(piece, -1.0) for piece in pieces], unk_id=0)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(model), pad_token="[PAD]")
    assert word_pieces(tokenizer).tolist() == [False, False, False, True, False, False]


def test_a_vocabulary_that_does_not_say_where_words_start_is_refused() -> None:
    model = models.WordLevel({"[PAD]": 0, "a": 1}, unk_token="[PAD]")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(model), pad_token="[PAD]")
    with pytest.raises(TrainingError, match=r"whole_words.*leave it out"):
        word_pieces(tokenizer)
