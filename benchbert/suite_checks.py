"""What can be wrong in the tables of a suite: one line a problem, each with its key and the mend."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path

from benchbert import registry
from benchbert.errors import UnknownNameError
from benchbert.suite_files import recipe_files, recipe_in
from benchbert.suite_tables import Finetune, FinetuneOverride, ModelEntry, Profile, TaskEntry
from benchbert.types import HEAD_METRICS

__all__ = ["FORMATS", "entry_problems", "finetune_problems", "profile_problems", "task_problems", "unknown"]

FORMATS = (".csv", ".tsv", ".jsonl", ".json", ".parquet")
"""Endings of the files that a task of the user's can be read from."""


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
    if entry.recipe:
        problems += _recipe_problems("recipe", folder, entry.recipe)
    if entry.recipe_seeds == "suite" and not entry.recipe and not entry.architecture.startswith("recipe:"):
        problems.append("recipe_seeds: only for a model that a recipe makes; take it out")
    if entry.architecture.startswith("recipe:"):
        problems += _recipe_problems("architecture", folder, entry.architecture.removeprefix("recipe:"))
    elif entry.architecture:
        problems += unknown("models", entry.architecture, "architecture")
    return problems


def _recipe_problems(key: str, folder: Path, name: str) -> list[str]:
    """The problem of a recipe that is neither a file nor the name of one in sight; empty: there is none."""
    path = recipe_in(folder, name)
    if path.is_file():
        return []
    near = difflib.get_close_matches(name, recipe_files(), n=1)
    hint = f"; did you mean the recipe {near[0]!r}?" if near else "; `benchbert list recipes` names those in sight"
    return [f"{key}: there is no file {path}{hint}"]


def task_problems(entry: TaskEntry, folder: Path) -> list[str]:
    """Problems of one task's table, whose paths start at `folder`; what is in the files is looked at later."""
    return [*_file_problems(entry, folder), *_column_problems(entry), *_label_problems(entry)]


def _file_problems(entry: TaskEntry, folder: Path) -> list[str]:
    problems = []
    if not entry.name.strip() or any(c in entry.name for c in "*?[]"):
        problems.append(f"name: {entry.name!r} cannot be the name of a task; use letters, digits, - and /")
    elif entry.name in registry.entries("tasks"):
        problems.append(f"name: {entry.name!r} is a registered task; give yours another name")
    for key in ("train", "validation"):
        if not getattr(entry, key):
            problems.append(f"{key}: is empty; name a file")
    for key, name in entry.files.items():
        path = folder / name
        if not path.is_file():
            problems.append(f"{key}: there is no file {path}")
        elif path.suffix.lower() not in FORMATS:
            problems.append(f"{key}: {path} is of an unknown format; use {', '.join(FORMATS)}")
    return problems


def _column_problems(entry: TaskEntry) -> list[str]:
    layout = entry.layout
    wanted = {"span": (2, 2), "token_classification": (1, 1)}.get(entry.head, (1, 2))
    problems = []
    if not wanted[0] <= len(layout.text) <= wanted[1]:
        count = " or ".join(str(n) for n in sorted(set(wanted)))
        problems.append(f"text: name {count} column{'s' * (wanted[1] > 1)} for the head {entry.head!r}")
    columns = [*layout.text, layout.label, *([layout.id] if layout.id else [])]
    if "" in columns:
        problems.append("text: a column cannot have an empty name")
    problems += [f"text: {name!r} is for ids; rename the column" for name in layout.text if name in {"id", "idx"}]
    if layout.label in {"id", "idx"}:
        problems.append(f"label: {layout.label!r} is for ids; rename the column")
    for name in dict.fromkeys(name for name in columns if columns.count(name) > 1):
        problems.append(f"text, label and id: {name!r} stands there twice; each is a column of its own")
    return problems


def _label_problems(entry: TaskEntry) -> list[str]:
    problems = []
    classes = entry.head not in {"regression", "span"}
    if entry.labels and not classes:
        problems.append(f"labels: the head {entry.head!r} has no classes; take them out")
    if len(set(entry.labels)) < len(entry.labels) or "" in entry.labels:
        problems.append("labels: one is empty or stands there twice")
    if len(entry.labels) == 1 and entry.head != "multi_label":
        problems.append("labels: one class leaves nothing to tell apart; name at least two")
    if entry.separator and entry.head not in {"multi_label", "token_classification"}:
        problems.append(f"separator: the head {entry.head!r} has one label a row; take it out")
    known = HEAD_METRICS[entry.head]
    problems += [
        f"metrics: {m!r} is none of the head {entry.head!r}; it has {', '.join(known)}"
        for m in entry.metrics
        if m not in known
    ]
    if len(set(entry.metrics)) < len(entry.metrics):
        problems.append("metrics: one stands there twice")
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
