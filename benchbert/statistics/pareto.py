"""The Pareto front of models by cost and score."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["pareto_front"]


def pareto_front(costs: Sequence[float], scores: Sequence[float]) -> list[bool]:
    """Whether each point is on the front: no other point costs no more and scores no less, one of them strictly.

    Points with the same cost and score are on the front together. Intervals are not looked at: whether a point is on
    the front beyond chance is another question.

    Args:
        costs: lower is better, such as latency in ms, one a model.
        scores: higher is better, one a model.

    Returns:
        One flag a point, in the order given.
    """
    assert len(costs) == len(scores), "one cost and one score a point"
    flags = [False] * len(costs)
    best = float("-inf")
    order = sorted(range(len(costs)), key=lambda i: (costs[i], -scores[i]))
    previous: tuple[float, float] | None = None
    for i in order:
        point = (costs[i], scores[i])
        if scores[i] > best or point == previous:
            flags[i] = True
            best, previous = scores[i], point
    return flags
