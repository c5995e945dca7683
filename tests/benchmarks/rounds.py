"""Interleaved rounds of several ways, and the ratio of two of them with an interval."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Ratio", "interleaved", "ratio"]


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """How many times one way takes as long as another."""

    median: float
    """Median over the rounds."""
    low: float
    """Least of the rounds."""
    high: float
    """Greatest of the rounds."""
    level: float
    """Chance that the range of so many rounds holds the true median: 1 - 2 ** (1 - rounds), from order statistics."""


def interleaved(ways: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, list[Any]]:
    """What each way gave in each round; a round runs every way once, in order, after one round that is thrown away.

    What is dropped or slow for a while then hits all ways alike. The garbage collector is off meanwhile.
    """
    found: dict[str, list[Any]] = {name: [] for name in ways}
    for way in ways.values():
        way()
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for name, way in ways.items():
                found[name].append(way())
    finally:
        gc.enable()
    return found


def ratio(slow: list[float], fast: list[float]) -> Ratio:
    """Of paired times, in seconds."""
    paired = np.asarray(slow) / np.asarray(fast)
    return Ratio(
        median=float(np.median(paired)),
        low=float(paired.min()),
        high=float(paired.max()),
        level=1 - 2.0 ** (1 - len(paired)),
    )
