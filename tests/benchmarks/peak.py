"""The machine's measured peak of matrix products, and the FLOPs that a model needs for real tokens."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch

from benchbert.models.adapter import adapter_for

__all__ = ["gemm_peak", "real_flops"]

_TOKENS = 2_048
"""Rows of the products of BERT's shape."""


def gemm_peak(dtype: torch.dtype, sides: tuple[int, ...], hidden: int, intermediate: int) -> dict[str, float]:
    """Shape of a product -> FLOP/s of the fastest of some repetitions: squares, and the layers of the model."""
    shapes = [(side, side, side) for side in sides]
    shapes += [(_TOKENS, hidden, hidden), (_TOKENS, hidden, intermediate), (_TOKENS, intermediate, hidden)]
    return {f"{m}x{k}x{n}": _product(dtype, m, k, n) for m, k, n in shapes}


def _product(dtype: torch.dtype, m: int, k: int, n: int) -> float:
    left, weight = torch.randn(m, k).to(dtype), torch.randn(n, k).to(dtype)
    best, spent = float("inf"), 0.0
    for repetition in range(50):
        began = time.perf_counter()
        torch.nn.functional.linear(left, weight)
        took = time.perf_counter() - began
        if repetition:
            best, spent = min(best, took), spent + took
        if repetition > 4 and spent > 1.0:
            break
    return 2 * m * k * n / best


def real_flops(model: Any, lengths: Any) -> int:
    """Of encoder and pooler for sequences of these lengths: the products that the engine executes, attention included.

    Padding is not counted, nor what a head of sequences leaves out: of the last block it needs keys and values of all
    tokens, and queries, contexts and the feed-forward of the first token alone. A span head's model has no pooler; the
    formula counts one, less than one part in ten thousand.
    """
    config, adapter = model.config, adapter_for("bert")
    total = sum(adapter.flops(config, int(length)) for length in lengths)
    if not type(model).__name__.endswith("ForSequenceClassification"):
        return total
    left_out = np.asarray(lengths, dtype=np.int64) - 1
    hidden, intermediate = config.hidden_size, config.intermediate_size
    # Multiply-adds of a token: to its query, from its context, and there and back through the feed-forward; then, for
    # each token of its sequence, a score and a share.
    each = 2 * hidden * hidden + 2 * hidden * intermediate
    saved = left_out * each + left_out * np.asarray(lengths, dtype=np.int64) * 2 * hidden
    return total - 2 * int(saved.sum())
