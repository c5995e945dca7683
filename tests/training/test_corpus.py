"""A corpus as sequences, and the masked steps drawn from them."""

from __future__ import annotations

import resource
import tracemalloc
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from benchbert.errors import DataError, StoreError
from benchbert.training import corpus
from benchbert.training.corpus import TokenStream, stored_stream, tokenize
from benchbert.training.masked_steps import MaskedSteps
from benchbert.training.masking import Masker
from benchbert.training.wordpiece import train_wordpiece

TEXTS = [f"the dog number {i} sleeps near the old house" for i in range(60)]
TOKENIZER = train_wordpiece(TEXTS, vocabulary=120)


def test_sequences_are_the_texts_in_order_between_special_tokens() -> None:
    stream = tokenize(["", *TEXTS, "   "], TOKENIZER, at_least=10, enough=10**9)
    expected = [
        i for text in TEXTS for i in [*TOKENIZER(text, add_special_tokens=False)["input_ids"], TOKENIZER.sep_token_id]
    ]
    assert stream.tokens.tolist() == expected
    assert stream.tokens.dtype == np.uint16
    rows = stream.gather(np.array([0, 3]), 12)
    assert rows.shape == (2, 12)
    assert (rows[:, 0] == TOKENIZER.cls_token_id).all()
    assert (rows[:, -1] == TOKENIZER.sep_token_id).all()
    assert rows[1, 1:-1].tolist() == expected[30:40]
    assert stream.counts(len(TOKENIZER)).sum() == len(expected)


def test_a_corpus_is_read_no_further_than_needed() -> None:
    def endless():
        while True:
            yield TEXTS[0]

    assert len(tokenize(endless(), TOKENIZER, at_least=10, enough=500).tokens) >= 500


def stored(place: Path, texts: Callable[[], Iterable[str]], enough: int = 10**9) -> TokenStream:
    return stored_stream(place, texts, TOKENIZER, at_least=10, enough=enough)


@pytest.mark.parametrize("characters", [1, 200, 10**9])
def test_a_stored_corpus_has_the_same_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, characters: int) -> None:
    whole = tokenize(TEXTS, TOKENIZER, at_least=10, enough=10**9)
    monkeypatch.setattr(corpus, "_CALL", characters)
    monkeypatch.setattr(corpus, "_PART", 7)
    found = stored(tmp_path / "a.stream", lambda: ["", *TEXTS])
    assert isinstance(found.tokens, np.memmap)
    assert (found.tokens == whole.tokens).all()
    assert (found.counts(len(TOKENIZER)) == whole.counts(len(TOKENIZER))).all()
    assert (found.gather(np.array([2, 0]), 12) == whole.gather(np.array([2, 0]), 12)).all()


def test_a_stored_corpus_is_not_tokenized_again_unless_it_is_damaged(tmp_path: Path) -> None:
    place = tmp_path / "a.stream"
    opened: list[int] = []

    def texts() -> list[str]:
        opened.append(1)
        return TEXTS

    first = stored(place, texts).tokens.tolist()
    assert stored(place, texts).tokens.tolist() == first
    assert len(opened) == 1
    content = bytearray(place.read_bytes())
    content[40] ^= 1
    for damage in (bytes(content), bytes(content[:-2]), b""):
        place.write_bytes(damage)
        assert stored(place, texts).tokens.tolist() == first
    assert len(opened) == 4
    place.with_suffix(".json").unlink()
    assert stored(place, texts).tokens.tolist() == first


def test_a_corpus_is_never_held_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """64 MiB of tokens, and an eighth of that in new memory."""
    monkeypatch.setattr(corpus, "_CALL", 1 << 16)
    monkeypatch.setattr(corpus, "_PART", 1 << 18)

    class Counted:
        """A tokenizer that costs nothing."""

        cls_token_id, sep_token_id = 2, 3

        def __len__(self) -> int:
            return 1_000

        def __call__(self, texts: list[str], **named: object) -> dict[str, list[list[int]]]:
            return {"input_ids": [[len(text)] * 1_023 for text in texts]}

    tracemalloc.start()
    found = stored_stream(
        tmp_path / "a.stream", lambda: ("a" * 500 for _ in range(32_768)), Counted(), at_least=10, enough=10**9
    )
    found.counts(1_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.tokens.nbytes == 1 << 26
    assert peak < 1 << 23


def test_a_full_disk_under_the_tokens_says_so(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, hard))
    try:
        with pytest.raises(StoreError, match="free room"):
            stored(tmp_path / "a.stream", lambda: TEXTS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())
    assert len(stored(tmp_path / "a.stream", lambda: TEXTS).tokens) > 300


@pytest.mark.parametrize("texts", [[], ["", " "], ["the dog"]])
def test_a_corpus_that_is_too_small_says_so(texts: list[str]) -> None:
    with pytest.raises(DataError, match="use a larger corpus"):
        tokenize(texts, TOKENIZER, at_least=100, enough=100)


def steps(token_budget: int = 10_000, seed: int = 1) -> MaskedSteps:
    stream = tokenize(TEXTS, TOKENIZER, at_least=10, enough=10**9)
    settings = {"share": 0.2, "smoothing": 0.5, "mask": 0.8, "keep": 0.1}
    masker = Masker(
        settings, stream.counts(len(TOKENIZER)), frozenset(TOKENIZER.all_special_ids), TOKENIZER.mask_token_id
    )
    phases = [
        {"steps": 9, "batch_size": 8, "sequence_length": 10},
        {"steps": 3, "batch_size": 4, "sequence_length": 20},
    ]
    return MaskedSteps(stream, masker, phases, seed=seed, device="cpu", token_budget=token_budget)


def test_phases_come_in_turn_with_their_shapes() -> None:
    assert len(steps()) == 12
    shapes = [tuple(steps()(i)[0][0].input_ids.shape) for i in (0, 8, 9, 11)]
    assert shapes == [(8, 10), (8, 10), (4, 20), (4, 20)]
    with pytest.raises(IndexError):
        steps()(12)


def test_a_step_depends_on_seed_and_number_alone() -> None:
    forwards = steps()
    one = [forwards(i)[0][0].input_ids for i in range(12)]
    jumped = steps()(7)[0][0].input_ids
    assert (one[7] == jumped).all()
    assert not (steps(seed=2)(7)[0][0].input_ids == jumped).all()


def test_micro_batches_are_the_same_step_in_pieces() -> None:
    (whole,), totals = steps()(2)
    pieces, same = steps(token_budget=20)(2)
    assert totals == same
    assert len(pieces) == 4
    assert totals == {"tokens": 80, "masked": len(whole.positions), "pairs": 0}
    joined = np.concatenate([p.positions.numpy() + 20 * i for i, p in enumerate(pieces)])
    assert joined.tolist() == whole.positions.tolist()
    assert np.concatenate([p.input_ids.numpy() for p in pieces]).tolist() == whole.input_ids.tolist()
    assert np.concatenate([p.targets.numpy() for p in pieces]).tolist() == whole.targets.tolist()


def test_a_pass_over_the_corpus_sees_every_sequence_once() -> None:
    source = steps()
    available = source.stream.sequences(10)
    drawn = np.concatenate([source._indices(0, first, 8, available) for first in range(0, available - 8, 8)])
    assert len(set(drawn)) == len(drawn)
