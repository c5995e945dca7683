"""A corpus as one row of token ids, cut into sequences for pre-training and distillation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbert.errors import DataError

__all__ = ["TokenStream", "tokenize"]

_CHUNK = 2_000
"""Texts that are tokenized in one call: enough to keep the tokenizer busy, few enough to stay small in memory."""


@dataclass(frozen=True)
class TokenStream:
    """Texts after one another, without special tokens but for a separator after each."""

    tokens: NDArray[Any]
    """Ids of shape (tokens,), uint16 where the vocabulary allows, else uint32."""
    class_id: int
    """Id that opens a sequence."""
    separator_id: int
    """Id that closes a sequence and stands between texts."""

    def sequences(self, length: int) -> int:
        """How many sequences of that length there are; each has two special tokens of its own."""
        return len(self.tokens) // (length - 2)

    def gather(self, indices: NDArray[Any], length: int) -> NDArray[np.int64]:
        """The named sequences, of shape (indices, length): class token, `length - 2` tokens, separator."""
        inner = length - 2
        found = np.empty((len(indices), length), dtype=np.int64)
        found[:, 0], found[:, -1] = self.class_id, self.separator_id
        found[:, 1:-1] = self.tokens[indices[:, None] * inner + np.arange(inner)[None, :]]
        return found

    def counts(self, vocabulary: int) -> NDArray[np.int64]:
        """How often each id occurs, of shape (vocabulary,)."""
        return np.bincount(self.tokens, minlength=vocabulary)


def tokenize(texts: Iterable[str], tokenizer: Any, *, at_least: int, enough: int) -> TokenStream:
    """Tokenizes a corpus.

    Args:
        texts: documents; empty ones are passed over.
        tokenizer: a fast tokenizer of transformers.
        at_least: tokens that the caller needs for one sequence.
        enough: tokens after which the rest of the corpus is left unread, because the budget would not reach it.

    Raises:
        DataError: the corpus has fewer tokens.
    """
    small = len(tokenizer) <= np.iinfo(np.uint16).max
    kind = np.dtype(np.uint16) if small else np.dtype(np.uint32)
    parts: list[NDArray[Any]] = []
    count = 0
    for chunk in _chunks(text for text in texts if text and text.strip()):
        ids = tokenizer(chunk, add_special_tokens=False, return_attention_mask=False, return_token_type_ids=False)
        parts += [np.asarray([*one, tokenizer.sep_token_id], dtype=kind) for one in ids["input_ids"]]
        count += sum(map(len, ids["input_ids"])) + len(chunk)
        if count >= enough:
            break
    tokens = np.concatenate(parts) if parts else np.empty(0, dtype=kind)
    if len(tokens) < at_least:
        raise DataError(f"the corpus has {len(tokens)} tokens, and one sequence needs {at_least}; use a larger corpus")
    return TokenStream(tokens, tokenizer.cls_token_id, tokenizer.sep_token_id)


def _chunks(texts: Iterator[str]) -> Iterator[list[str]]:
    while chunk := list(islice(texts, _CHUNK)):
        yield chunk
