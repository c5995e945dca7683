"""What a claim is held against: a number of ours, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Measured", "Unknown"]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A ratio or share of ours."""

    value: float
    """The number."""
    low: float | None = None
    """Lower end of its interval; None: a count, or no interval."""
    high: float | None = None
    """Upper end."""
    basis: str
    """What it stands on, in words."""
    doubt: str = ""
    """Why nothing follows from it; empty: nothing is known against it."""


@dataclass(frozen=True, kw_only=True)
class Unknown:
    """There is no such number."""

    reason: str
    """Which numbers are missing."""
