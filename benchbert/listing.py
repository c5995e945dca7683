"""What there is: the rows behind `benchbert list`."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchbert import registry
from benchbert.errors import SuiteError
from benchbert.lock import DatasetLock
from benchbert.models.availability import availability, layers_of
from benchbert.preset_files import preset_files
from benchbert.recipe import read_recipe
from benchbert.resolve import resolve_dataset
from benchbert.suite_files import recipe_files, suite_files
from benchbert.toml import read
from benchbert.types import HubSource

__all__ = ["LISTS", "rows"]

Row = dict[str, Any]


def rows(kind: str, mirror: Path | None = None) -> list[Row]:
    """One mapping a thing of that kind, each with `name` and what a user wants to know of it."""
    return LISTS[kind](mirror)


def _models(mirror: Path | None) -> list[Row]:
    return [
        {
            "name": spec.name,
            "family": spec.family,
            "parameters_m": spec.published.parameters if spec.published else None,
            "layers": layers_of(spec),
            "licence": spec.licence,
            "source": spec.source.id if isinstance(spec.source, HubSource) else "architecture only",
            "available": availability(spec, mirror),
        }
        for spec in registry.entries("models").values()
    ]


def _tasks(mirror: Path | None) -> list[Row]:
    return [
        {
            "name": task.name,
            "head": task.head + (" (pair)" if len(task.text) == 2 and task.head != "span" else ""),
            "metrics": ", ".join(task.metrics),
            "train": task.train.rows if task.train else None,
            "evaluation": " / ".join(str(s.rows) for s in (task.evaluation or task.test)),
            "source": task.dataset.key,
            "available": _dataset_state(resolve_dataset(task.dataset, mirror)),
        }
        for task in registry.entries("tasks").values()
    ]


def _dataset_state(dataset: DatasetLock) -> str:
    if dataset.origin == "builtin":
        return "embedded"
    if dataset.error:
        return "not in the mirror" if dataset.origin == "mirror" else "needs network"
    return "mirrored" if dataset.origin == "mirror" else "on the hub or cached"


def _suites(mirror: Path | None) -> list[Row]:
    from benchbert.suite import Suite

    return [_described(name, path, Suite) for name, path in suite_files().items()]


def _described(name: str, path: Path, kind: type[Any]) -> Row:
    try:
        description = read(path, kind, what="suite").description
    except SuiteError as error:
        description = f"cannot be read: {error.problems[0]}"
    return {"name": name, "description": description, "source": str(path)}


def _recipes(mirror: Path | None) -> list[Row]:
    found: list[Row] = []
    for name, path in recipe_files().items():
        try:
            recipe = read_recipe(path)
        except SuiteError as error:
            found.append({"name": name, "description": f"cannot be read: {error.problems[0]}", "source": str(path)})
            continue
        found.append(
            {
                "name": name,
                "kind": recipe.kind,
                "family": recipe.model.family,
                "tokens": recipe.tokens,
                "corpus": recipe.corpus,
                "description": recipe.description,
                "source": str(path),
            }
        )
    return found


def _presets(mirror: Path | None) -> list[Row]:
    return [
        {
            "name": name,
            "family": found["model"]["family"],
            "losses": ", ".join(f"{loss} {weight:g}" for loss, weight in found["losses"].items() if weight),
            "description": found["description"],
            "source": str(path),
        }
        for name, path in preset_files().items()
        for found in [tomllib.loads(path.read_text(encoding="utf-8"))]
    ]


def _profilers(mirror: Path | None) -> list[Row]:
    return [
        {"name": p.name, "metrics": ", ".join(m.name for m in p.metrics)}
        for p in registry.entries("profilers").values()
    ]


def _backends(mirror: Path | None) -> list[Row]:
    return [
        {"name": b.name, "cpu": b.available("cpu") or "available", "cuda": b.available("cuda") or "available"}
        for b in registry.entries("backends").values()
    ]


LISTS: dict[str, Callable[[Path | None], list[Row]]] = {
    "models": _models,
    "tasks": _tasks,
    "suites": _suites,
    "profilers": _profilers,
    "backends": _backends,
    "recipes": _recipes,
    "presets": _presets,
}
"""Kind -> what makes its rows."""
