"""Flat tokens and the batches made of them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benchbert.tasks.encoding import Encoded

sequences = st.lists(st.lists(st.integers(1, 999), max_size=9), min_size=1, max_size=8)


@given(sequences, st.data())
def test_a_batch_is_what_padding_by_hand_gives(tokens, data):
    types = [[i % 2 for i in range(len(row))] for row in tokens]
    encoded = Encoded.from_lists(tokens, types)
    chosen = data.draw(st.lists(st.integers(0, len(tokens) - 1), min_size=1, max_size=6))
    batch = encoded.padded(chosen, pad_id=7)
    longest = max(len(tokens[i]) for i in chosen)
    assert batch["input_ids"].tolist() == [tokens[i] + [7] * (longest - len(tokens[i])) for i in chosen]
    assert batch["token_type_ids"].tolist() == [types[i] + [0] * (longest - len(types[i])) for i in chosen]
    assert batch["attention_mask"].sum(axis=1).tolist() == [len(tokens[i]) for i in chosen]
    assert encoded.lengths.tolist() == [len(row) for row in tokens]
    assert len(encoded) == len(tokens)


@given(sequences, sequences)
def test_concatenation(first, second):
    def part(tokens, at):
        return Encoded.from_lists(
            tokens, labels={"labels": np.arange(len(tokens)) + at}, example=np.arange(len(tokens)) + at
        )

    whole = Encoded.concatenate([part(first, 0), part(second, len(first))])
    direct = part(first + second, 0)
    for name in ("tokens", "token_types", "starts", "example"):
        assert (getattr(whole, name) == getattr(direct, name)).all()
    assert (whole.labels["labels"] == direct.labels["labels"]).all()


def test_types_and_shapes():
    encoded = Encoded.from_lists([[1, 2], [3]])
    assert (encoded.tokens.dtype, encoded.token_types.dtype, encoded.starts.dtype) == (np.int32, np.int8, np.int64)
    assert encoded.starts.tolist() == [0, 2, 3]
    assert encoded.example.tolist() == [0, 1]
    empty = Encoded.from_lists([])
    assert (len(empty), empty.padded([], 0)["input_ids"].shape) == (0, (0, 0))
