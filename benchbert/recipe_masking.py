"""Which tokens a recipe hides from the model that it trains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

__all__ = ["Masking"]

_STRICT: dict[str, Any] = {"extra": "forbid"}


@dataclass(frozen=True, kw_only=True)
class Masking:
    """Which tokens are hidden from the model (PROTOCOLS: Devlin et al. 2018; Sanh et al. 2019)."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    share: float = 0.15
    """Share of the tokens that are predicted."""
    smoothing: float = 0.7
    """Tokens are drawn with p proportional to max(count, 1) ** -smoothing; 0: uniformly, as BERT does."""
    mask: float = 0.8
    """Share of the predicted tokens that become the mask token."""
    keep: float = 0.1
    """Share that stays as it is; the rest becomes a random token."""
    whole_words: bool = False
    """Whether the pieces of a word are predicted together (Devlin et al., release of May 2019); `share` still counts
    tokens."""
