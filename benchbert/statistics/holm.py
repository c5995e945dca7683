"""Holm's step-down adjustment of a family of p-values (Holm 1979, Scandinavian Journal of Statistics 6).

Whatever the dependence between the tests, the chance of one or more false alarms in the family stays below the level
that the adjusted p-values are held against.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["holm"]


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values, in the order given; each is at least its own p-value and at most 1."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    for step, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - step) * p_values[index]))
        adjusted[index] = largest
    return adjusted
