"""How sentences name and count things, and how a difference is written."""

from __future__ import annotations

from collections.abc import Sequence

from benchbert.reports.estimate import significant
from benchbert.statistics.differences import Difference

__all__ = ["beyond", "count", "names", "signed"]


def count(number: int, what: str) -> str:
    """`1 model`, `2 models`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def names(items: Sequence[str], limit: int = 6) -> str:
    """`a, b and c`; beyond the limit `and 4 more`."""
    if len(items) > limit:
        return f"{', '.join(items[:limit])} and {len(items) - limit} more"
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def signed(difference: Difference, unit: str = "") -> str:
    """`+31.2 [28.0, 34.0]`: a difference of scores times 100; with a unit in that, three significant digits."""

    def text(number: float, sign: str) -> str:
        if unit:
            return f"+{significant(number)}" if sign and number > 0 else significant(number)
        # Adding 0 makes of -0.0 what people expect.
        return f"{round(100 * number, 1) + 0.0:{sign}.1f}"

    value = text(difference.value, "+")
    if difference.low is None or difference.high is None:
        return value
    return f"{value} [{text(difference.low, '')}, {text(difference.high, '')}]"


def beyond(*differences: Difference, plural: bool = False) -> str:
    """How sure differences are: `significantly` where predictions judged all of them, else by their intervals."""
    if all(difference.p is not None for difference in differences):
        return "significantly"
    return f"by more than the interval{'' if len(differences) == 1 and not plural else 's'}"
