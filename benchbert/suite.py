"""A suite: what a user wants compared, read strictly from one TOML file."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from benchbert import registry, toml
from benchbert.errors import SuiteError, UnknownNameError
from benchbert.suite_checks import entry_problems, finetune_problems, profile_problems, task_problems, unknown
from benchbert.suite_tables import STRICT, Finetune, FinetuneOverride, ModelEntry, Profile, TaskEntry, TrainSettings
from benchbert.suite_teachers import teacher_problems
from benchbert.types import Task, digest

__all__ = [
    "MAJORITY",
    "Finetune",
    "FinetuneOverride",
    "ModelEntry",
    "Profile",
    "Suite",
    "TaskEntry",
    "TrainSettings",
    "read_suite",
    "suite_from",
]

MAJORITY = "majority"
"""Name of the baseline that predicts one constant learned from the training split; no model may be called so."""


@dataclass(frozen=True, kw_only=True)
class Suite:
    """What is compared."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    name: str
    """Name of the suite and of its default output folder."""
    description: str = ""
    """One line for `benchbert list suites`."""
    models: tuple[str | ModelEntry, ...]
    """Registered names, globs over them, `recipe:NAME` for what a recipe in sight makes, or tables."""
    tasks: tuple[str | TaskEntry, ...] = ()
    """Registered names, globs over them, or tables of tasks over one's own files."""
    seeds: tuple[int, ...] = (1,)
    """Every model is fine-tuned once a seed."""
    scored_on: Literal["validation", "test"] = "validation"
    """`test`: the split kept for a last look, of tasks whose test labels can be had: generated tasks have them."""
    majority: bool = True
    """Whether each task is also scored with the majority baseline, which every model should beat."""
    weights: Literal["published", "random"] = "published"
    """`random`: registered models are built as their architecture, no network needed; they are not ranked by score."""
    predict_dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Compute dtype of predictions; auto: bfloat16 where the hardware multiplies in it and a check of each model
    against float32 finds it exact enough, with close calls decided in float32."""
    finetune: Finetune | Literal[False] = field(default_factory=Finetune)
    """false: the models already carry heads and are only scored."""
    profile: Profile | None = None
    """None: no hardware profiles."""
    time_limit: float = 3600.0
    """Seconds that one job may take before it is stopped."""

    @property
    def digest(self) -> str:
        """SHA-256 of the settings."""
        said = asdict(self)
        # Keys younger than the first stored results: where nobody uses them, a suite keeps its digest.
        later = {"task_teacher": "", "task_distillation": "", "recipe_seeds": "recipe"}
        said["models"] = [
            {k: v for k, v in m.items() if k not in later or (v and v != later[k])} if isinstance(m, dict) else m
            for m in said["models"]
        ]
        if said["profile"] and not said["profile"]["score"]:
            del said["profile"]["score"]
        return digest(said)


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
    suite = replace(suite, models=tuple(_as_entry(model) for model in suite.models))
    problems = [*_name_problems(suite, folder), *_number_problems(suite)]
    if suite.finetune is not False:
        problems += [*_idle_overrides(suite.finetune, suite.models, suite.tasks), *finetune_problems(suite.finetune)]
    if suite.profile:
        problems += profile_problems(suite.profile)
    if problems:
        raise SuiteError(source, problems)
    return suite


def _as_entry(model: str | ModelEntry) -> str | ModelEntry:
    """`recipe:NAME` as the table that it is short for."""
    if isinstance(model, str) and model.startswith("recipe:"):
        name = model.removeprefix("recipe:")
        return ModelEntry(name=Path(name).stem, recipe=name)
    return model


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
            problems += unknown("models", model, f"models[{i}]")
        else:
            problems += [f"models[{i}]: {p}" for p in entry_problems(model, folder)]
    for i, task in enumerate(suite.tasks):
        if isinstance(task, str):
            problems += unknown("tasks", task, f"tasks[{i}]")
        else:
            problems += [f"tasks[{i}]: {p}" for p in task_problems(task, folder)]
    finetuned = suite.finetune is not False
    problems += teacher_problems(suite.models, _model_names(suite), folder, finetuned=finetuned)
    return problems + _repeated_names(suite) + _control_problems(suite) + _public_labels(suite)


def _repeated_names(suite: Suite) -> list[str]:
    names = [m.name for m in suite.models if isinstance(m, ModelEntry)]
    registered = [m for m in suite.models if isinstance(m, str)]
    clash = {n for n in names if names.count(n) > 1 or any(fnmatch.fnmatchcase(n, pattern) for pattern in registered)}
    problems = [f"models: two are named {name!r}" for name in sorted(clash)]
    if MAJORITY in _model_names(suite):
        problems.append(f"models: {MAJORITY!r} is the name of the majority baseline; give the model another")
    own = [task.name for task in suite.tasks if isinstance(task, TaskEntry)]
    problems += [f"tasks: two are named {name!r}" for name in dict.fromkeys(own) if own.count(name) > 1]
    return problems


def _control_problems(suite: Suite) -> list[str]:
    """Controls of models that the suite does not have, of themselves, and of other controls."""
    names = _model_names(suite)
    controls = {m.name: m.control_of for m in suite.models if isinstance(m, ModelEntry) and m.control_of}
    problems = []
    for i, entry in enumerate(suite.models):
        if isinstance(entry, str) or not entry.control_of:
            continue
        key = f"models[{i}]: control_of"
        if entry.control_of == entry.name:
            problems.append(f"{key}: {entry.name!r} cannot be a control of itself; name the model it is shown against")
        elif entry.control_of not in names:
            near = difflib.get_close_matches(entry.control_of, [n for n in names if n != entry.name], n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; it has {', '.join(names)}"
            problems.append(f"{key}: this suite has no model {entry.control_of!r}{hint}")
        elif entry.control_of in controls:
            above = controls[entry.control_of]
            problems.append(
                f"{key}: {entry.control_of!r} is itself a control, of {above!r}; name the model it stands for"
            )
    return problems


def _model_names(suite: Suite) -> list[str]:
    """Names of all models, globs expanded; unknown ones are left out, they have a problem of their own."""
    return _expanded("models", [m for m in suite.models if isinstance(m, str)]) + [
        m.name for m in suite.models if isinstance(m, ModelEntry)
    ]


def _expanded(kind: str, patterns: list[str]) -> list[str]:
    """What is registered under names and globs, each once."""
    found: dict[str, None] = {}
    for pattern in patterns:
        try:
            found |= dict.fromkeys(registry.expand(kind, pattern))
        except UnknownNameError:
            continue
    return list(found)


def _public_labels(suite: Suite) -> list[str]:
    """Tasks that cannot be scored on their test split."""
    if suite.scored_on != "test":
        return []
    names = [task for task in suite.tasks if isinstance(task, str)]
    tasks: list[Task] = [registry.find("tasks", name) for name in _expanded("tasks", names)]
    lost = [task.name for task in tasks if not task.held_back]
    lost += [task.name for task in suite.tasks if isinstance(task, TaskEntry)]
    if not lost:
        return []
    return [
        f"scored_on: {', '.join(lost)} cannot be scored on 'test': their test labels are not public or not read; "
        "score them on 'validation', or take generated tasks (builtin/*)"
    ]


def _idle_overrides(
    finetune: Finetune, models: tuple[str | ModelEntry, ...], tasks: tuple[str | TaskEntry, ...]
) -> list[str]:
    """Overrides for names that nothing has: a slip of the pen that would silently train with other settings."""
    own = {m.name for m in models if isinstance(m, ModelEntry)}
    problems: list[str] = []
    files = {t.name for t in tasks if isinstance(t, TaskEntry)}
    tables = (("tasks", finetune.per_task, files), ("models", finetune.per_model, own))
    for kind, table, names in tables:
        for pattern in table:
            if not any(fnmatch.fnmatchcase(name, pattern) for name in names):
                problems += unknown(kind, pattern, f'finetune.per_{kind.rstrip("s")}."{pattern}"')
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
    return problems
