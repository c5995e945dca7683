"""Comparisons that were made once, kept in a file beside the results: `comparisons.json`.

A comparison is known by a digest of all that it depends on: what both sides said, on which data, under which protocol,
and how it was resampled. So a file that is out of date is never wrong, only useless; and where the predictions
themselves are not kept (a published folder), the comparisons that were made from them still are.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchbert.comparison.judged import Judged
from benchbert.errors import StoreError
from benchbert.store.files import COMPARISONS, read_as, write_json

__all__ = ["KeptComparisons", "key_of"]


@dataclass(frozen=True, kw_only=True)
class _File:
    """What the file holds."""

    schema: int = 1
    """Version of this record."""
    pairs: dict[str, Judged] = field(default_factory=dict)
    """Key -> a judged pair."""
    ranks: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    """Key -> rank intervals of many models, in the order of their digests."""
    agreements: dict[str, float] = field(default_factory=dict)
    """Key -> share of examples on which two models say the same, mean over tasks."""


def key_of(*facts: Any) -> str:
    """A digest of all that a comparison depends on, JSON values."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]


class KeptComparisons:
    """Comparisons of a results folder, read once, written when there are new ones."""

    def __init__(self, folder: Path | None = None, runs: Iterable[Path] = ()) -> None:
        """Reads what is kept.

        Args:
            folder: the results folder, where new ones are kept; None: nowhere.
            runs: run folders in it, which may have brought theirs.
        """
        self._folder = folder
        self._known = _File()
        self._used = _File()
        self._is_new = False
        for run in dict.fromkeys([*([folder] if folder else []), *runs]):
            found = _read(run / COMPARISONS)
            self._known.pairs.update(found.pairs)
            self._known.ranks.update(found.ranks)
            self._known.agreements.update(found.agreements)

    def pair(self, key: str) -> Judged | None:
        """A kept pair; None: it must be made."""
        found = self._known.pairs.get(key)
        if found is not None:
            self._used.pairs[key] = found
        return found

    def ranks(self, key: str) -> list[tuple[int, int]] | None:
        """Kept rank intervals; None: they must be made."""
        found = self._known.ranks.get(key)
        if found is not None:
            self._used.ranks[key] = found
        return found

    def keep_pair(self, key: str, found: Judged) -> None:
        """Takes up a pair that was made."""
        self._used.pairs[key] = self._known.pairs[key] = found
        self._is_new = True

    def keep_ranks(self, key: str, found: list[tuple[int, int]]) -> None:
        """Takes up rank intervals that were made."""
        self._used.ranks[key] = self._known.ranks[key] = found
        self._is_new = True

    def agreement(self, key: str) -> float | None:
        """A kept share of same answers; None: it must be made."""
        found = self._known.agreements.get(key)
        if found is not None:
            self._used.agreements[key] = found
        return found

    def keep_agreement(self, key: str, found: float) -> None:
        """Takes up a share of same answers that was made."""
        self._used.agreements[key] = self._known.agreements[key] = found
        self._is_new = True

    def save(self) -> None:
        """Writes those that were used, where there are new ones and the folder can be written."""
        if self._folder is None or not self._is_new:
            return
        data = asdict(self._used)
        if not data["agreements"]:
            # A file without them is as it was before there were any.
            del data["agreements"]
        try:
            write_json(self._folder / COMPARISONS, data | {"pairs": dict(sorted(data["pairs"].items()))})
        except OSError:
            # Only time is lost: a folder that cannot be written is compared anew at every reading.
            return
        self._is_new = False


def _read(path: Path) -> _File:
    """The file, without what cannot be used; nothing where it is not there or damaged: all of it can be made anew."""
    if not path.is_file():
        return _File()
    try:
        found = read_as(path, _File)
    except StoreError:
        return _File()
    return _File(
        pairs={key: pair for key, pair in found.pairs.items() if _is_sound(pair)},
        ranks={key: spans for key, spans in found.ranks.items() if all(1 <= low <= high for low, high in spans)},
        agreements={key: share for key, share in found.agreements.items() if 0 <= share <= 1},
    )


def _is_sound(pair: Judged) -> bool:
    numbers = [number for number in (pair.effect, pair.low, pair.high, pair.level, pair.p) if number is not None]
    return all(map(math.isfinite, numbers)) and (pair.p is None or 0 <= pair.p <= 1)
