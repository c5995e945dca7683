"""What can be wrong in the tables of a suite: one line a problem, each with its key and the mend."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchbert import registry
from benchbert.errors import UnknownNameError
from benchbert.suite_tables import Finetune, FinetuneOverride, ModelEntry, Profile

__all__ = ["entry_problems", "finetune_problems", "profile_problems", "unknown"]


def unknown(kind: str, name: str, key: str) -> list[str]:
    """The problem of a name or glob that nothing is registered under; empty: there is none."""
    try:
        registry.expand(kind, name)
    except UnknownNameError as error:
        return [f"{key}: {error}"]
    return []


def entry_problems(entry: ModelEntry, folder: Path) -> list[str]:
    """Problems of one model's table, whose paths start at `folder`."""
    given = [k for k in ("folder", "recipe", "hub", "architecture") if getattr(entry, k)]
    if len(given) != 1:
        return [f"give one of folder, recipe, hub and architecture, not {' and '.join(given) or 'none'}"]
    problems = []
    if not entry.name.strip():
        problems.append("name: is empty")
    if entry.folder and not (folder / entry.folder).is_dir():
        problems.append(f"folder: there is no folder {folder / entry.folder}")
    if entry.recipe and not (folder / entry.recipe).is_file():
        problems.append(f"recipe: there is no file {folder / entry.recipe}")
    if entry.architecture.startswith("recipe:"):
        path = folder / entry.architecture.removeprefix("recipe:")
        problems += [] if path.is_file() else [f"architecture: there is no file {path}"]
    elif entry.architecture:
        problems += unknown("models", entry.architecture, "architecture")
    return problems


def finetune_problems(finetune: Finetune) -> list[str]:
    """Numbers of the `[finetune]` table and of its overrides that cannot be meant."""
    problems = []
    for name, table in {"finetune": finetune, **_overrides(finetune)}.items():
        for key, (fits, wanted) in _RANGES.items():
            value = getattr(table, key)
            if value is not None and not fits(value):
                problems.append(f"{name}.{key}: should be {wanted}, is {value}")
    return problems


_RANGES: dict[str, tuple[Callable[[float], bool], str]] = {
    "epochs": (lambda v: v > 0, "above 0"),
    "learning_rate": (lambda v: 0 < v < 1, "between 0 and 1"),
    "batch_size": (lambda v: v >= 1, "at least 1"),
    "max_length": (lambda v: v >= 8, "at least 8"),
    "stride": (lambda v: v >= 0, "at least 0"),
    "warmup": (lambda v: 0 <= v < 1, "a share from 0 up to 1"),
    "weight_decay": (lambda v: 0 <= v < 1, "from 0 up to 1"),
    "clip": (lambda v: v > 0, "above 0"),
}
"""Key of a `[finetune]` table -> what its values must be."""


def _overrides(finetune: Finetune) -> dict[str, FinetuneOverride]:
    return {f'finetune.per_task."{k}"': v for k, v in finetune.per_task.items()} | {
        f'finetune.per_model."{k}"': v for k, v in finetune.per_model.items()
    }


def profile_problems(profile: Profile) -> list[str]:
    """Problems of the `[profile]` table."""
    problems: list[str] = []
    for kind, names in (("profilers", profile.profilers), ("backends", profile.backends)):
        for i, name in enumerate(names):
            problems += unknown(kind, name, f"profile.{kind}[{i}]")
    for key in ("profilers", "backends", "devices", "dtypes", "batch_sizes", "sequence_lengths", "threads"):
        values = getattr(profile, key)
        if not values:
            problems.append(f"profile.{key}: the list is empty, so the grid has no cell")
        problems += [f"profile.{key}: {v} should be at least 1" for v in values if isinstance(v, int) and v < 1]
    problems += [
        f"profile.devices: {d!r} should be 'cpu', 'cuda' or 'cuda:N'"
        for d in profile.devices
        if d not in {"cpu", "cuda"} and not (d.startswith("cuda:") and d[5:].isascii() and d[5:].isdecimal())
    ]
    if profile.processes < 1:
        problems.append("profile.processes: should be at least 1")
    if profile.time_limit <= 0:
        problems.append("profile.time_limit: should be above 0 seconds")
    return problems
