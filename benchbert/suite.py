"""A suite: what a user wants compared, read strictly from one TOML file."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Literal

from benchbert import registry, toml
from benchbert.errors import SuiteError, UnknownNameError
from benchbert.types import digest

__all__ = [
    "Finetune",
    "FinetuneOverride",
    "ModelEntry",
    "Profile",
    "Suite",
    "TrainSettings",
    "read_suite",
    "suite_from",
]

_STRICT: dict[str, Any] = {"extra": "forbid"}
Dtype = Literal["float32", "bfloat16", "float16"]


@dataclass(frozen=True, kw_only=True)
class ModelEntry:
    """A model that the registry does not have: exactly one of folder, recipe, hub and architecture."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    name: str
    """What it is called in the results."""
    folder: str = ""
    """Checkpoint as transformers saves it; relative to the suite file."""
    recipe: str = ""
    """Recipe that makes it; relative to the suite file."""
    hub: str = ""
    """Hub id."""
    revision: str = "main"
    """Branch, tag or commit, with `hub`."""
    architecture: str = ""
    """Registered model (or `recipe:` and a recipe's path) whose architecture is filled with random weights."""
    labels: tuple[str, ...] = ()
    """Names of its head's outputs in order, where its config has only `LABEL_i`."""


@dataclass(frozen=True, kw_only=True)
class FinetuneOverride:
    """Settings that differ for some tasks or models; a key left out keeps its value."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    epochs: float | None = None
    learning_rate: float | None = None
    batch_size: int | None = None
    max_length: int | None = None
    stride: int | None = None
    warmup: float | None = None
    weight_decay: float | None = None
    clip: float | None = None


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """How one model is fine-tuned on one task."""

    epochs: float = 3.0
    """Passes over the training split."""
    learning_rate: float = 5e-5
    """Peak of the schedule."""
    batch_size: int = 32
    """Examples an optimizer step, exactly."""
    max_length: int = 128
    """Tokens an example; windows of a span task, too."""
    stride: int = 128
    """Span tasks: tokens that neighbouring windows share; at most half of max_length is used."""
    warmup: float = 0.1
    """Share of the steps in which the rate rises; it then falls to 0 on a line."""
    weight_decay: float = 0.01
    """Of AdamW; not on biases and LayerNorm."""
    clip: float = 1.0
    """Largest norm of the gradient."""


@dataclass(frozen=True, kw_only=True)
class Finetune(TrainSettings):
    """The `[finetune]` table."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Compute dtype; auto: bfloat16 where the hardware multiplies in it."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where models are trained; auto: cuda where there is one."""
    per_task: Mapping[str, FinetuneOverride] = field(default_factory=dict)
    """Task name or glob -> what differs."""
    per_model: Mapping[str, FinetuneOverride] = field(default_factory=dict)
    """Model name or glob -> what differs; goes before per_task."""

    def settings(self, model: str, task: str) -> TrainSettings:
        """Settings for one model and one task; later matches win, models over tasks."""
        chosen = {f.name: getattr(self, f.name) for f in fields(TrainSettings)}
        for name, overrides in ((task, self.per_task), (model, self.per_model)):
            for pattern, override in overrides.items():
                if fnmatch.fnmatchcase(name, pattern):
                    chosen |= {k: v for k, v in asdict(override).items() if v is not None}
        return TrainSettings(**chosen)


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The `[profile]` table: a grid of hardware profiles for every model."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    profilers: tuple[str, ...] = ("latency", "throughput", "memory", "size")
    """Names from `benchbert list profilers`."""
    backends: tuple[str, ...] = ("eager",)
    """Names from `benchbert list backends`."""
    devices: tuple[str, ...] = ("cpu",)
    """`cpu`, `cuda`."""
    dtypes: tuple[Dtype, ...] = ("float32",)
    """Compute dtypes."""
    batch_sizes: tuple[int, ...] = (1,)
    """Sequences a forward pass."""
    sequence_lengths: tuple[int, ...] = (128,)
    """Tokens a sequence."""
    threads: tuple[int, ...] = (1,)
    """Intra-op threads."""
    processes: int = 1
    """Fresh processes a timed cell; 5 or more for results to publish."""
    time_limit: float = 30.0
    """Seconds that one process of one cell may measure."""


@dataclass(frozen=True, kw_only=True)
class Suite:
    """What is compared."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    name: str
    """Name of the suite and of its default output folder."""
    description: str = ""
    """One line for `benchbert list suites`."""
    models: tuple[str | ModelEntry, ...]
    """Registered names, globs over them, or tables."""
    tasks: tuple[str, ...] = ()
    """Registered names or globs over them."""
    seeds: tuple[int, ...] = (1,)
    """Every model is fine-tuned once a seed."""
    weights: Literal["published", "random"] = "published"
    """`random`: registered models are built as their architecture, no network needed; they are not ranked by score."""
    finetune: Finetune | Literal[False] = field(default_factory=Finetune)
    """false: the models already carry heads and are only scored."""
    profile: Profile | None = None
    """None: no hardware profiles."""
    time_limit: float = 3600.0
    """Seconds that one job may take before it is stopped."""

    @property
    def digest(self) -> str:
        """SHA-256 of the settings."""
        return digest(asdict(self))


def read_suite(path: Path) -> Suite:
    """The suite in a TOML file.

    Raises:
        SuiteError: with all problems of the file: unknown keys, wrong types, unknown names, an empty grid.
    """
    return _checked(toml.read(path, Suite, what="suite"), str(path), path.parent)


def suite_from(data: Mapping[str, Any], *, folder: Path | None = None) -> Suite:
    """A suite from a mapping with the keys of a suite file; paths in it are relative to `folder` (default: here)."""
    return _checked(toml.parse(data, Suite, source="suite"), "suite", folder or Path.cwd())


def _checked(suite: Suite, source: str, folder: Path) -> Suite:
    problems = [*_name_problems(suite, folder), *_number_problems(suite)]
    if problems:
        raise SuiteError(source, problems)
    return suite


def _name_problems(suite: Suite, folder: Path) -> list[str]:
    problems: list[str] = []
    if not suite.name.strip() or "/" in suite.name or suite.name.startswith("."):
        problems.append(f"name: {suite.name!r} cannot be the name of a folder")
    if not suite.models:
        problems.append("models: the list is empty, so there is nothing to compare; name at least one")
    if not suite.tasks and suite.profile is None:
        problems.append("tasks: neither tasks nor a [profile] table: there is nothing to do")
    for i, model in enumerate(suite.models):
        if isinstance(model, str):
            problems += _unknown("models", model, f"models[{i}]")
        else:
            problems += [f"models[{i}]: {p}" for p in _entry_problems(model, folder)]
    for i, task in enumerate(suite.tasks):
        problems += _unknown("tasks", task, f"tasks[{i}]")
    if suite.profile:
        for kind, names in (("profilers", suite.profile.profilers), ("backends", suite.profile.backends)):
            for i, name in enumerate(names):
                problems += _unknown(kind, name, f"profile.{kind}[{i}]")
    return problems + _repeated_names(suite) + _idle_overrides(suite)


def _repeated_names(suite: Suite) -> list[str]:
    names = [m.name for m in suite.models if isinstance(m, ModelEntry)]
    registered = [m for m in suite.models if isinstance(m, str)]
    clash = {n for n in names if names.count(n) > 1 or any(fnmatch.fnmatchcase(n, pattern) for pattern in registered)}
    return [f"models: two are named {name!r}" for name in sorted(clash)]


def _idle_overrides(suite: Suite) -> list[str]:
    """Overrides for names that nothing has: a slip of the pen that would silently train with other settings."""
    if suite.finetune is False:
        return []
    own = {m.name for m in suite.models if isinstance(m, ModelEntry)}
    problems: list[str] = []
    tables = (("tasks", suite.finetune.per_task, set[str]()), ("models", suite.finetune.per_model, own))
    for kind, table, names in tables:
        for pattern in table:
            if not any(fnmatch.fnmatchcase(name, pattern) for name in names):
                problems += _unknown(kind, pattern, f'finetune.per_{kind.rstrip("s")}."{pattern}"')
    return problems


def _unknown(kind: str, name: str, key: str) -> list[str]:
    try:
        registry.expand(kind, name)
    except UnknownNameError as error:
        return [f"{key}: {error}"]
    return []


def _entry_problems(entry: ModelEntry, folder: Path) -> list[str]:
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
        problems += _unknown("models", entry.architecture, "architecture")
    return problems


def _number_problems(suite: Suite) -> list[str]:
    problems = []
    if suite.tasks and not suite.seeds:
        problems.append("seeds: the list is empty; name at least one")
    problems += [f"seeds[{i}]: should be at least 0, is {s}" for i, s in enumerate(suite.seeds) if s < 0]
    if len(set(suite.seeds)) < len(suite.seeds):
        problems.append("seeds: one stands there twice")
    if suite.time_limit <= 0:
        problems.append("time_limit: should be above 0 seconds")
    if suite.finetune is not False:
        tables = {"finetune": suite.finetune, **_overrides(suite.finetune)}
        for name, table in tables.items():
            for key, (fits, wanted) in _RANGES.items():
                value = getattr(table, key)
                if value is not None and not fits(value):
                    problems.append(f"{name}.{key}: should be {wanted}, is {value}")
    if suite.profile:
        problems += _profile_problems(suite.profile)
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


def _profile_problems(profile: Profile) -> list[str]:
    problems: list[str] = []
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
