"""Finds models, tasks, backends, profilers and report sections: one file in its folder, or an entry point.

A module registers by listing its objects, each with a `name`, in a module-level tuple `REGISTERED`. Packages outside
benchbert name such a module (or one object) in the entry-point group `benchbert.<kind>`. Scanning imports the modules
of one folder and nothing else, so they keep heavy imports inside functions.
"""

from __future__ import annotations

import fnmatch
import importlib
import pkgutil
from functools import cache
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any

from benchbert.errors import BenchbertError, UnknownNameError

__all__ = ["KINDS", "entries", "expand", "find"]

KINDS = {
    "models": "benchbert.models",
    "tasks": "benchbert.tasks",
    "backends": "benchbert.backends",
    "profilers": "benchbert.profilers",
    "datasets": "benchbert.tasks.miniature",
    "sections": "benchbert.reports.sections",
}
"""Kind of thing -> the folder that is scanned for it and the entry-point group that adds to it."""


@cache
def entries(kind: str) -> dict[str, Any]:
    """All registered objects of a kind, by name, in the order of their files; a duplicate name is an error."""
    package = importlib.import_module(KINDS[kind])
    found: dict[str, Any] = {}
    modules = sorted(info.name for info in pkgutil.iter_modules(package.__path__))
    for module_name in modules:
        _add(found, kind, importlib.import_module(f"{KINDS[kind]}.{module_name}"), f"{KINDS[kind]}.{module_name}")
    for point in entry_points(group=KINDS[kind]):
        _add(found, kind, point.load(), point.value)
    return found


def _add(found: dict[str, Any], kind: str, loaded: Any, origin: str) -> None:
    items = getattr(loaded, "REGISTERED", ()) if isinstance(loaded, ModuleType) else (loaded,)
    for item in items:
        if item.name in found:
            raise BenchbertError(f"two {kind} are named {item.name!r}; the second comes from {origin}: rename it")
        found[item.name] = item


def find(kind: str, name: str) -> Any:
    """The object of that kind and name.

    Raises:
        UnknownNameError: nothing is registered under that name.
    """
    known = entries(kind)
    if name not in known:
        raise UnknownNameError(kind, name, known)
    return known[name]


def expand(kind: str, pattern: str) -> list[str]:
    """The names that a glob such as `glue/*` stands for, in registry order; a name without wildcards is itself.

    Raises:
        UnknownNameError: nothing matches.
    """
    matches = [name for name in entries(kind) if fnmatch.fnmatchcase(name, pattern)]
    if not matches:
        raise UnknownNameError(kind, pattern, entries(kind))
    return matches
