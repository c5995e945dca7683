"""The task that somebody's predictions are of: registered, a half of MNLI, or a table of a suite."""

from __future__ import annotations

from pathlib import Path

from benchbert import registry
from benchbert.errors import UnavailableError, UsageError
from benchbert.lock import DatasetLock
from benchbert.own_data.own_task import OwnTask, own_task
from benchbert.resolve import resolve_dataset
from benchbert.suite import read_suite
from benchbert.types import Task

__all__ = ["named_task"]

_HEADS = ("classification", "regression", "span")
"""Heads whose predictions people have in files."""

_HALVES = {"_matched": "validation_matched", "_mismatched": "validation_mismatched"}
"""Ending of a task name such as `glue/mnli_matched` -> split of `glue/mnli`."""


def named_task(name: str, suite: Path | None, mirror: Path | None) -> tuple[Task, str, DatasetLock]:
    """The task, the split where the name says one, and the task's data.

    Args:
        name: a registered task, a half of MNLI, or a table of a suite.
        suite: suite file with that table; None: registered tasks.
        mirror: folder laid out by hub id.

    Raises:
        UnknownNameError, UsageError, SuiteError: there is no such task.
        UnavailableError: the user's files cannot be used.
    """
    if suite is not None:
        own = _own_task(name, suite)
        return own.task, "", own.dataset
    for ending, split in _HALVES.items():
        if name.endswith(f"mnli{ending}"):
            task = registry.find("tasks", name.removesuffix(ending))
            return task, split, resolve_dataset(task.dataset, mirror)
    task = registry.find("tasks", name)
    return task, "", resolve_dataset(task.dataset, mirror)


def _own_task(name: str, suite: Path) -> OwnTask:
    """A task over the user's own files, as its suite describes it.

    Raises:
        SuiteError: the suite cannot be read.
        UsageError: it has no table of that name, or one whose head has no file of predictions.
        UnavailableError: its files cannot be used.
    """
    entries = {entry.name: entry for entry in read_suite(suite).tasks if not isinstance(entry, str)}
    if name not in entries:
        there = f"it has {', '.join(entries)}" if entries else "it has none"
        raise UsageError(f"{suite}: no table of a task named {name!r} ({there})")
    if entries[name].head not in _HEADS:
        raise UsageError(
            f"{name}: predictions of the head {entries[name].head!r} are scored by the run that makes them; score "
            f"takes {', '.join(_HEADS)}"
        )
    found = own_task(entries[name], suite.parent)
    if found.dataset.error:
        raise UnavailableError(found.dataset.error)
    return found
