"""Task teachers of a suite: whom its models name as theirs, and what can be wrong with that."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchbert.suite_checks import unknown
from benchbert.suite_files import recipe_in
from benchbert.suite_tables import ModelEntry
from benchbert.task_distillation import task_distillation_problems

__all__ = ["is_own_teacher", "recipe_of", "teacher_name", "teacher_problems"]


def is_own_teacher(teacher: str) -> bool:
    """Whether a `task_teacher` is a recipe or a folder, and no name of a model."""
    return bool(recipe_of(teacher)) or teacher.startswith(("./", "../", "/"))


def recipe_of(teacher: str) -> str:
    """The recipe that a `task_teacher` names, `recipe:NAME` or a path; empty: it is none."""
    if teacher.startswith("recipe:"):
        return teacher.removeprefix("recipe:")
    return teacher if teacher.endswith(".toml") else ""


def teacher_name(teacher: str) -> str:
    """The model that a `task_teacher` stands for: of a recipe or folder, the last part of its path."""
    return Path(recipe_of(teacher) or teacher).name.removesuffix(".toml") if is_own_teacher(teacher) else teacher


def teacher_problems(
    models: Sequence[str | ModelEntry], names: Sequence[str], folder: Path, *, finetuned: bool
) -> list[str]:
    """What is wrong with the task teachers of a suite.

    Args:
        models: of the suite.
        names: of all its models, globs expanded.
        folder: where its paths start.
        finetuned: whether the suite fine-tunes its models.
    """
    problems: list[str] = []
    for i, entry in enumerate(models):
        if isinstance(entry, str):
            continue
        problems += [f"models[{i}]: {problem}" for problem in _entry_problems(entry, names, folder, finetuned)]
    return problems + _cycles(models) + _clashes(models, names)


def _entry_problems(entry: ModelEntry, names: Sequence[str], folder: Path, finetuned: bool) -> Iterator[str]:
    teacher = entry.task_teacher
    if entry.distillation is not None:
        if not teacher:
            yield "task_distillation: needs a task_teacher; name a model of the suite, a registered one or a recipe"
        for problem in task_distillation_problems(entry.distillation):
            yield f"task_distillation.{problem}"
    if not teacher:
        return
    if not finetuned:
        yield "task_teacher: the suite does not fine-tune (finetune = false), so that nothing would be learnt from it"
    if teacher in names:
        return
    recipe = recipe_of(teacher)
    if not is_own_teacher(teacher):
        if any(c in teacher for c in "*?["):
            yield f"task_teacher: {teacher!r} is a pattern; name one model"
        else:
            for problem in unknown("models", teacher, "task_teacher"):
                yield f"{problem}{_hint(teacher, [name for name in names if name != entry.name])}"
    elif recipe and not recipe_in(folder, recipe).is_file():
        yield f"task_teacher: there is no file {folder / recipe}"
    elif not recipe and not (folder / teacher).is_dir():
        yield f"task_teacher: there is no folder {folder / teacher}"


def _hint(teacher: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(teacher, names, n=1)
    if near:
        return f"; did you mean {near[0]!r} of this suite?"
    return "; it may also be a model of this suite, a recipe (recipe:NAME) or a folder (./...)"


def _cycles(models: Sequence[str | ModelEntry]) -> list[str]:
    """Models that are, over any number of steps, their own teachers."""
    above = {m.name: m.task_teacher for m in models if isinstance(m, ModelEntry) and m.task_teacher}
    problems = []
    for name in above:
        chain = [name]
        while (teacher := above.get(chain[-1])) is not None and teacher not in chain:
            chain.append(teacher)
        if teacher == name:
            told = "itself" if len(chain) == 1 else f"itself over {', '.join(chain[1:])}"
            problems.append(f"models: {name!r} would be taught by {told}; name another task_teacher")
    return problems


def _clashes(models: Sequence[str | ModelEntry], names: Sequence[str]) -> list[str]:
    """Teachers given by a path whose names mean another model already."""
    meant: dict[str, str] = {name: name for name in names}
    problems = []
    for entry in models:
        if isinstance(entry, str) or not entry.task_teacher:
            continue
        name = teacher_name(entry.task_teacher)
        if meant.setdefault(name, entry.task_teacher) != entry.task_teacher:
            problems.append(
                f"models: the task_teacher {entry.task_teacher!r} of {entry.name!r} would be called {name!r}, as "
                f"{meant[name]!r} is; name that model, or rename the file"
            )
    return problems
