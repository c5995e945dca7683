"""Tokens of many examples as flat arrays: what training, prediction and pre-training read.

No padding is stored: sequences stand one after another, and a batch is padded to its own longest one when it is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["ENCODING", "IGNORED", "Encoded", "Features", "Targets", "Windows", "Words"]

Targets = NDArray[np.int64] | NDArray[np.float32] | NDArray[np.int8]
"""Training targets with one row a sequence."""

ENCODING = 1
"""Raised when the encoders of `benchbert.tasks` make something else of the same rows: what was kept is stale."""

IGNORED = -100
"""Target of a token that no tag belongs to: torch's cross-entropy leaves it out."""


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """n tokenized sequences; `tokens[starts[i]:starts[i + 1]]` is sequence i with its special tokens."""

    tokens: NDArray[np.int32] | NDArray[np.uint16] | NDArray[np.uint32]
    """All token ids, one sequence after another, of shape (total,); unsigned where they come from the cache."""
    token_types: NDArray[np.int8]
    """Segment of each token, 0 or 1, of shape (total,); all 0 where the tokenizer has no segments."""
    starts: NDArray[np.int64]
    """Where each sequence starts, of shape (n + 1,); the last is the total."""
    labels: Mapping[str, Targets] = field(default_factory=dict)
    """Training targets by the name of the model's argument, each of shape (n,), or (n, classes) where several labels
    may hold; empty: unlabelled."""
    token_labels: NDArray[np.int64] | None = None
    """Class of each token, of shape (total,), `IGNORED` where it has none; None: tokens are not classified."""
    example: NDArray[np.int64]
    """Row of the dataset that each sequence comes from, of shape (n,): several windows may share one."""

    def __post_init__(self) -> None:
        count = len(self.starts) - 1
        assert count >= 0
        assert self.tokens.shape == self.token_types.shape == (int(self.starts[-1]),)
        assert self.example.shape == (count,)
        assert all(values.shape[0] == count for values in self.labels.values())
        assert self.token_labels is None or self.token_labels.shape == self.tokens.shape

    @classmethod
    def from_lists(
        cls,
        tokens: Sequence[Sequence[int]],
        token_types: Sequence[Sequence[int]] | None = None,
        *,
        labels: Mapping[str, Targets] | None = None,
        token_labels: NDArray[np.int64] | None = None,
        example: ArrayLike | None = None,
    ) -> Encoded:
        """From one list a sequence.

        Args:
            tokens: Token ids.
            token_types: Segments; None: all 0.
            labels: As the field.
            token_labels: As the field.
            example: As the field; None: sequence i comes from row i.
        """
        lengths = np.fromiter((len(ids) for ids in tokens), dtype=np.int64, count=len(tokens))
        starts = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])
        total = int(starts[-1])
        types = np.zeros(total, dtype=np.int8)
        if token_types is not None:
            types = np.fromiter((t for row in token_types for t in row), dtype=np.int8, count=total)
        return cls(
            tokens=np.fromiter((t for row in tokens for t in row), dtype=np.int32, count=total),
            token_types=types,
            starts=starts,
            labels=dict(labels or {}),
            token_labels=token_labels,
            example=np.arange(len(tokens)) if example is None else np.asarray(example, dtype=np.int64),
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Encoded]) -> Encoded:
        """Several parts as one, in order; `example` of each counts rows of the whole dataset already."""
        starts = np.concatenate(
            [np.zeros(1, dtype=np.int64), np.cumsum(np.concatenate([part.lengths for part in parts]))]
        )
        tagged = [part.token_labels for part in parts if part.token_labels is not None]
        return cls(
            tokens=np.concatenate([part.tokens for part in parts]),
            token_types=np.concatenate([part.token_types for part in parts]),
            starts=starts,
            labels={name: np.concatenate([part.labels[name] for part in parts]) for name in parts[0].labels},
            token_labels=None if not tagged else np.concatenate(tagged),
            example=np.concatenate([part.example for part in parts]),
        )

    def chosen(self, indices: ArrayLike) -> Encoded:
        """The named sequences alone, in that order."""
        chosen = np.asarray(indices, dtype=np.int64)
        lengths = self.starts[chosen + 1] - self.starts[chosen]
        places = self.places(chosen)
        return Encoded(
            tokens=self.tokens[places],
            token_types=self.token_types[places],
            starts=np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)]),
            labels={name: values[chosen] for name, values in self.labels.items()},
            token_labels=None if self.token_labels is None else self.token_labels[places],
            example=self.example[chosen],
        )

    def places(self, indices: ArrayLike) -> NDArray[np.int64]:
        """Where the tokens of the named sequences stand, one sequence after another."""
        chosen = np.asarray(indices, dtype=np.int64)
        lengths = self.starts[chosen + 1] - self.starts[chosen]
        before = np.cumsum(lengths) - lengths
        return np.repeat(self.starts[chosen] - before, lengths) + np.arange(int(lengths.sum()))

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each sequence, of shape (n,)."""
        return np.diff(self.starts)

    @property
    def tagged(self) -> NDArray[np.int64]:
        """Tokens of each sequence that have a class, of shape (n,)."""
        assert self.token_labels is not None, "only where tokens are classified"
        upto = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(self.token_labels != IGNORED)])
        return np.asarray(upto[self.starts[1:]] - upto[self.starts[:-1]])

    def padded_token_labels(self, indices: ArrayLike) -> NDArray[np.int64]:
        """Classes of the tokens of a batch, of shape (batch, longest), `IGNORED` in the padding; see `padded`."""
        assert self.token_labels is not None, "only where tokens are classified"
        chosen = np.asarray(indices, dtype=np.int64)
        lengths = self.starts[chosen + 1] - self.starts[chosen]
        columns = np.arange(int(lengths.max(initial=0)))
        real = columns < lengths[:, None]
        found = np.full(real.shape, IGNORED, dtype=np.int64)
        found[real] = self.token_labels[(self.starts[chosen][:, None] + columns)[real]]
        return found

    def padded(self, indices: ArrayLike, pad_id: int) -> dict[str, NDArray[np.int64]]:
        """A batch, padded on the right to its longest sequence.

        Args:
            indices: Sequences of the batch, of shape (batch,).
            pad_id: Token id of the padding.

        Returns:
            `input_ids`, `attention_mask` and `token_type_ids`, each of shape (batch, longest).
        """
        chosen = np.asarray(indices, dtype=np.int64)
        lengths = self.starts[chosen + 1] - self.starts[chosen]
        columns = np.arange(int(lengths.max(initial=0)))
        real = columns < lengths[:, None]
        places = (self.starts[chosen][:, None] + columns)[real]
        input_ids = np.full(real.shape, pad_id, dtype=np.int64)
        token_type_ids = np.zeros(real.shape, dtype=np.int64)
        input_ids[real] = self.tokens[places]
        token_type_ids[real] = self.token_types[places]
        return {"input_ids": input_ids, "attention_mask": real.astype(np.int64), "token_type_ids": token_type_ids}


@dataclass(frozen=True, kw_only=True)
class Windows:
    """What maps the tokens of span windows back to characters; aligned with `Encoded`."""

    offsets: NDArray[np.int32]
    """First character of each token and the one after its last, of shape (total, 2); -1 outside the context."""
    class_position: NDArray[np.int64]
    """Position of the class token within each window, of shape (n,)."""


@dataclass(frozen=True, kw_only=True)
class Words:
    """What maps the words of rows to the tokens that speak for them."""

    token: NDArray[np.int64]
    """First token of each word, counted over all sequences; -1 where the tokenizer has none. Of shape (words,)."""
    starts: NDArray[np.int64]
    """Where the words of each row start, of shape (rows + 1,); the last is their number."""


@dataclass(frozen=True, kw_only=True)
class Features:
    """The rows of a split as a model reads them."""

    encoded: Encoded
    """Their tokens."""
    windows: Windows | None = None
    """Span heads: the way back to the text; None for other heads."""
    words: Words | None = None
    """Token heads: the way back to the words; None for other heads."""
