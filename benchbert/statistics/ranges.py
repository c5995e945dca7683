"""The values that a score can have: no interval goes beyond them, and cutting there loses no coverage."""

from __future__ import annotations

import math

__all__ = ["cut", "range_of", "reach_of"]

_SIGNED = frozenset({"matthews_correlation", "pearson", "spearman"})
"""Scores from -1 to 1; others without unit are from 0 to 1."""


def range_of(metric: str, unit: str = "") -> tuple[float, float]:
    """Lowest and highest possible value of a score, as stored.

    Shares go from 0 to 1, correlations from -1 to 1, errors (which have a unit) from 0 on, thresholds anywhere.
    """
    if metric.endswith("_thresh"):
        return -math.inf, math.inf
    if unit:
        return 0.0, math.inf
    return (-1.0, 1.0) if metric in _SIGNED else (0.0, 1.0)


def reach_of(metric: str, unit: str = "") -> float:
    """The largest possible difference of two scores."""
    low, high = range_of(metric, unit)
    return high - low


def cut(ends: tuple[float, float], bounds: tuple[float, float]) -> tuple[float, float]:
    """An interval, as far as it is within bounds."""
    low, high = bounds
    return min(max(ends[0], low), high), max(min(ends[1], high), low)
