"""Everything benchbert raises at its users, one tree:

    BenchbertError
    ├── UsageError               a wrong command line, or an empty grid
    │   ├── SuiteError           a suite or recipe file that cannot be read as one (all problems at once)
    │   └── UnknownNameError     a model, task, backend, ... that is not registered (did you mean)
    ├── UnavailableError         a dataset, model or device that cannot be had here
    │   └── MissingExtraError    an optional library that is not installed (names the pip line)
    ├── DataError                a file, row or label that is not what its task says
    ├── LabelError               a model's labels cannot be matched to the task's
    ├── StoreError               a results folder or file that cannot be read or written
    │   └── SchemaError          a result that a later benchbert wrote
    ├── WorkerError              a measuring process died, hung or answered nonsense
    │   ├── WorkerTimeoutError   it did not answer in time
    │   └── WorkerMemoryError    it ran out of host or device memory
    ├── NumericalError           a backend whose outputs are too far from float32 eager's to be timed
    └── TrainingError            a loss that is not a number, a checkpoint of another run

Each says what was wrong, where, and the mend. A bug of ours is an assert, not one of these.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "BenchbertError",
    "DataError",
    "LabelError",
    "MissingExtraError",
    "NumericalError",
    "SchemaError",
    "StoreError",
    "SuiteError",
    "TrainingError",
    "UnavailableError",
    "UnknownNameError",
    "UsageError",
    "WorkerError",
    "WorkerMemoryError",
    "WorkerTimeoutError",
]


class BenchbertError(Exception):
    """The root: everything a user can mend."""

    exit_code = 1
    """What the process exits with when the error reaches the command line."""


class UsageError(BenchbertError):
    """A wrong command line, or a grid with no cell."""

    exit_code = 2


class SuiteError(UsageError):
    """A suite or recipe file with problems, all of them listed."""

    def __init__(self, path: str, problems: Iterable[str]) -> None:
        self.path = path
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{path}: {problem}" for problem in self.problems))


LISTED = ("models", "tasks", "suites", "profilers", "backends", "recipes", "presets")
"""Kinds that `benchbert list` shows."""


class UnknownNameError(UsageError):
    """A name that is not registered; lists what is near it and where to see all."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
        hint = f"; did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
        shown = sorted(known)
        where = f"`benchbert list {kind}` shows them all" if kind in LISTED else f"there are {', '.join(shown)}"
        super().__init__(f"unknown {kind.rstrip('s')} {name!r}{hint} ({where})")
        self.kind, self.name, self.near = kind, name, tuple(near)


class UnavailableError(BenchbertError):
    """A dataset, model or device that cannot be had on this machine now."""


class MissingExtraError(UnavailableError):
    """An optional library is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an optional library: pip install 'benchbert[{extra}]'")


class DataError(BenchbertError):
    """A file, row or label that is not what its task says."""

    exit_code = 2


class LabelError(BenchbertError):
    """A model's output labels cannot be matched to the labels of a task."""


class StoreError(BenchbertError):
    """A results folder or file that cannot be read or written."""

    exit_code = 2


class SchemaError(StoreError):
    """A result that a later benchbert wrote: it is left alone, never overwritten."""


class WorkerError(BenchbertError):
    """A measuring process died, hung or answered nonsense."""


class WorkerTimeoutError(WorkerError):
    """A measuring process did not answer in time and was killed."""


class WorkerMemoryError(WorkerError):
    """A measuring process ran out of host or device memory."""


class NumericalError(BenchbertError):
    """A backend whose outputs are too far from those of float32 eager: its times would be of another computation."""


class TrainingError(BenchbertError):
    """A training run that cannot go on."""
