"""Task teachers and their students on the way from a suite to its Lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchbert.lock import ModelLock
from benchbert.suite_tables import ModelEntry
from benchbert.suite_teachers import is_own_teacher, recipe_of, teacher_name

__all__ = ["as_named", "teacher_entries"]


def as_named(model: ModelLock, entry: ModelEntry) -> ModelLock:
    """A resolved model with what its table in the suite says of it beside what it is."""
    how = entry.distillation
    return replace(
        model,
        control_of=entry.control_of,
        recipe_seeds=entry.recipe_seeds,
        task_teacher=teacher_name(entry.task_teacher),
        task_distillation=how.settings if how else {},
    )


def teacher_entries(models: Sequence[str | ModelEntry], names: Sequence[str]) -> list[str | ModelEntry]:
    """The teachers that are no models of the suite, as it would name them: registered ones, recipes, folders.

    Args:
        models: of the suite.
        names: of all models of the suite, globs expanded.
    """
    wanted = dict.fromkeys(m.task_teacher for m in models if isinstance(m, ModelEntry) and m.task_teacher)
    found: list[str | ModelEntry] = []
    for teacher in wanted:
        if teacher in names:
            continue
        if not is_own_teacher(teacher):
            found.append(teacher)
        elif recipe := recipe_of(teacher):
            found.append(ModelEntry(name=teacher_name(teacher), recipe=recipe))
        else:
            found.append(ModelEntry(name=teacher_name(teacher), folder=teacher))
    return found
