"""What a run that did not come to its end says of itself, beside its checkpoint: readable without torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchbert.errors import StoreError
from benchbert.store.files import read_as

__all__ = ["CHECKPOINT", "Unfinished", "differences", "flat", "read_unfinished"]

CHECKPOINT = "checkpoint.pt"
"""File of a work folder that a job goes on from."""

_SHOWN = 8


@dataclass(frozen=True, kw_only=True)
class Unfinished:
    """A run under way, as of its last checkpoint."""

    owner: str
    """Id of its job."""
    step: int
    """Optimizer steps done."""
    steps: int
    """Optimizer steps in all."""
    seconds: float
    """Wall clock spent training."""
    about: Mapping[str, Any]
    """What its job says decides its outcome, by key."""
    sums: tuple[int, ...] = ()
    """CRC-32 of the checkpoint, after that of the one before: a kill between the two files leaves either."""


def read_unfinished(folder: Path) -> Unfinished | None:
    """What the checkpoint of a work folder is of; None: there is none, or it does not say."""
    if not (folder / CHECKPOINT).is_file():
        return None
    try:
        return read_as((folder / CHECKPOINT).with_suffix(".json"), Unfinished)
    except StoreError:
        return None


def flat(value: Any, key: str = "") -> dict[str, Any]:
    """Nested tables as one, with keys such as `masking.share` and `phases[0].steps`; tuples as lists."""
    if isinstance(value, Mapping):
        parts = [flat(inner, f"{key}.{name}" if key else str(name)) for name, inner in value.items()]
    elif isinstance(value, list | tuple) and any(isinstance(inner, Mapping) for inner in value):
        parts = [flat(inner, f"{key}[{i}]") for i, inner in enumerate(value)]
    else:
        return {key: list(value) if isinstance(value, tuple) else value}
    return {name: inner for part in parts for name, inner in part.items()}


def differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """`learning_rate: 0.001 there, 0.002 here; ...` of two flat tables; says so where nothing that is told differs."""
    keys = [key for key in dict.fromkeys([*there, *here]) if there.get(key) != here.get(key)]
    told = [f"{key}: {_shown(there, key)} there, {_shown(here, key)} here" for key in keys[:_SHOWN]]
    if len(keys) > _SHOWN:
        told.append(f"and {len(keys) - _SHOWN} more")
    return "; ".join(told) or "its settings are the same, but it is of another job"


def _shown(terms: Mapping[str, Any], key: str) -> str:
    if key not in terms:
        return "nothing"
    text = json.dumps(terms[key], ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
