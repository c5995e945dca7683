"""The random input of a profile: the same token ids on every machine, with no special tokens and no padding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["probe_batches", "random_batch"]

_RESERVED = 1000
"""The registered vocabularies keep their special and unused entries below this id (BERT's are 0 to 998)."""
_RESERVED_IN_SMALL = 5
"""The same for vocabularies too small for that: [PAD] [UNK] [CLS] [SEP] [MASK]."""


def random_batch(
    names: Sequence[str], *, vocabulary: int, batch_size: int, sequence_length: int, seed: int = 0
) -> dict[str, Any]:
    """One batch on the host.

    Args:
        names: inputs that the session takes, of `input_ids`, `attention_mask`, `token_type_ids`.
        vocabulary: number of token ids.
        batch_size: sequences.
        sequence_length: tokens of each.
        seed: of the ids.

    Returns:
        Name -> int64 numpy array of shape (batch, seq); the mask is all ones, the token types all zeros.

    Raises:
        ValueError: a name that is none of these.
    """
    import numpy as np

    shape = (batch_size, sequence_length)
    first = _RESERVED if vocabulary >= 2 * _RESERVED else min(_RESERVED_IN_SMALL, vocabulary - 1)
    made: dict[str, Callable[[], Any]] = {
        "input_ids": lambda: np.random.default_rng(seed).integers(first, vocabulary, size=shape, dtype=np.int64),
        "attention_mask": lambda: np.ones(shape, dtype=np.int64),
        "token_type_ids": lambda: np.zeros(shape, dtype=np.int64),
    }
    unknown = sorted(set(names) - set(made))
    if unknown:
        raise ValueError(f"the session wants inputs that a profile does not make: {', '.join(unknown)}")
    return {name: made[name]() for name in names}


def probe_batches(
    names: Sequence[str], *, vocabulary: int, batch_size: int, sequence_length: int
) -> list[dict[str, Any]]:
    """What a backend is checked on: the workload's own batch, a ragged one of its shape, and a ragged shorter one.

    Args:
        names: inputs that the session takes.
        vocabulary: number of token ids.
        batch_size: sequences of each.
        sequence_length: tokens of the longest.

    Returns:
        Batches as `random_batch` makes them; in the ragged ones sequences end early and are padded with id 0.
    """
    probes = [random_batch(names, vocabulary=vocabulary, batch_size=batch_size, sequence_length=sequence_length)]
    for seed, longest in ((1, sequence_length), (2, max(2, sequence_length // 2))):
        batch = random_batch(names, vocabulary=vocabulary, batch_size=batch_size, sequence_length=longest, seed=seed)
        for row in range(batch_size):
            # From a third to the whole length; a lone sequence has two thirds.
            share = (row + 1) / batch_size if batch_size > 1 else 0.5
            length = max(2, round(longest * (1 + 2 * share) / 3))
            for name, values in batch.items():
                if name != "token_type_ids":
                    values[row, length:] = 0
        probes.append(batch)
    return probes
