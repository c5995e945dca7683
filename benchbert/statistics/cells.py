"""Examples grouped by what a metric sees of them, so that thousands of resamples cost a few multinomial draws.

Two examples with the same label and the same predictions by all models cannot be told apart by a metric that counts.
Drawing examples with replacement and counting them by group is drawing from a multinomial over the groups: the same
bootstrap (Efron and Tibshirani 1993, chapter 6), on ten cells where there were 40,000 examples.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Cells"]

_CHUNK = 4_000_000
"""Counts or draws held at once."""

_MULTINOMIAL_GAIN = 8
"""A binomial draw a cell costs about as much as drawing so many examples one by one."""


@dataclass(frozen=True)
class Cells:
    """Distinct examples and how many there are of each."""

    of: NDArray[np.int64]
    """Cell of each example, of shape (n,), in 0..cells-1."""
    example: NDArray[np.int64]
    """The first example of each cell, of shape (cells,)."""
    counts: NDArray[np.int64]
    """Examples in each cell, of shape (cells,)."""

    @classmethod
    def grouped(cls, seen: NDArray[np.float64]) -> Cells:
        """Groups examples whose columns agree.

        Args:
            seen: all that a metric sees of each example, of shape (n, columns); n > 0, no NaN.
        """
        _, example, of, counts = np.unique(seen, axis=0, return_index=True, return_inverse=True, return_counts=True)
        return cls(of=of.reshape(-1), example=example, counts=counts)

    @classmethod
    def single(cls, n: int) -> Cells:
        """Every example of n by itself: the draws are then the same whatever a metric sees of them."""
        return cls(of=np.arange(n), example=np.arange(n), counts=np.ones(n, dtype=np.int64))

    @property
    def examples(self) -> int:
        """How many examples there are."""
        return int(self.of.size)

    def resampled(self, rng: np.random.Generator, resamples: int) -> Iterator[NDArray[np.float64]]:
        """Counts of the cells in bootstrap samples of the examples, chunk by chunk.

        Yields:
            Arrays of shape (some resamples, cells), `resamples` rows in all; each row sums to the number of examples.
        """
        n, cells = self.examples, self.counts.size
        grouped = cells * _MULTINOMIAL_GAIN <= n
        step = max(1, _CHUNK // (cells if grouped else n))
        for first in range(0, resamples, step):
            rows = min(step, resamples - first)
            if grouped:
                yield rng.multinomial(n, self.counts / n, size=rows).astype(np.float64)
                continue
            drawn = self.of[rng.integers(0, n, size=(rows, n))]
            drawn += np.arange(rows)[:, None] * cells
            yield np.bincount(drawn.ravel(), minlength=rows * cells).reshape(rows, cells).astype(np.float64)
