"""Controls: what a suite may call a control of a model, once its names are resolved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchbert.lock import ModelLock, RecipeLock

__all__ = ["control_problems"]


def control_problems(models: Mapping[str, ModelLock], recipes: Mapping[str, RecipeLock]) -> list[str]:
    """Random weights that are called a control of another architecture.

    What such a control shows is what training bought, and that only where the architecture is the same. Where one of
    the two is known only by its family (a checkpoint whose config nobody has read yet), the families have to agree.

    Args:
        models: all models by their names in the suite.
        recipes: digest -> recipe.
    """
    problems = []
    for name, control in models.items():
        model = models.get(control.control_of)
        if model is None or control.weights != "random" or (control.recipe and control.recipe == model.recipe):
            continue
        ours, theirs = _architecture(control, recipes), _architecture(model, recipes)
        if any(ours[key] != theirs[key] for key in ours.keys() & theirs.keys()):
            problems.append(
                f"models: {name!r} has random weights and another architecture than {model.name!r}, so it is no "
                f"control of it; give it that model's recipe or architecture, or leave out control_of"
            )
    return problems


def _architecture(model: ModelLock, recipes: Mapping[str, RecipeLock]) -> dict[str, Any]:
    """What is known of it: `family`, `config`, each only where it is known."""
    settings = recipes[model.recipe].settings["model"] if model.recipe else {}
    known = {"family": settings.get("family") or model.family, "config": settings.get("config") or dict(model.config)}
    return {key: value for key, value in known.items() if value}
