"""What a recipe leaves behind: an ordinary model folder, with a card written from the run."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from benchbert.recipe_losses import as_schedule
from benchbert.store.context import JobContext
from benchbert.store.files import saving
from benchbert.training.loop import Curve
from benchbert.training.recipe_run import RecipeRun
from benchbert.types import Artefact, Value

__all__ = ["Made", "keep_model", "recipe_values"]


@dataclass(frozen=True, kw_only=True)
class Made:
    """A model fresh from its recipe."""

    model: nn.Module
    """Trained masked language model."""
    tokenizer: Any
    """Its tokenizer."""
    recipe: RecipeRun
    """How it was made."""
    curve: Curve
    """How the loss went."""
    held_out: Mapping[str, float]
    """Losses on held-out text in nats: `mlm`, and `sentence` where the recipe trains it."""


def keep_model(context: JobContext, made: Made) -> Artefact:
    """Saves the model where the jobs that stand on it look, in one step."""
    work = context.folder.work_path(context.job.id)
    place = work / "model"
    if place.exists():
        shutil.rmtree(place)
    model: Any = made.model
    with saving(place):
        model.save_pretrained(place)
        made.tokenizer.save_pretrained(place)
        (place / "README.md").write_text(_card(context, made), encoding="utf-8")
    artefact = context.folder.keep(context.job.id, "model", place)
    shutil.rmtree(work)
    return artefact


def recipe_values(recipe: RecipeRun, curve: Curve, held_out: Mapping[str, float]) -> tuple[Value, ...]:
    """What making the model cost, and what it reached."""
    reached = (
        Value(metric=f"held_out_{name}_loss", value=loss, unit="nats", direction="lower", split="validation")
        for name, loss in held_out.items()
    )
    return (
        *reached,
        Value(metric="training_tokens", value=float(recipe.tokens), unit="tokens"),
        Value(metric="training_s", value=round(curve.seconds, 3), unit="s", direction="lower"),
    )


def _of_distillation(settings: Mapping[str, Any]) -> list[str]:
    """Rows on what the student learnt from: losses with their weights, temperature, layers, start."""
    losses = {name: as_schedule(weight) for name, weight in settings["losses"].items()}
    held = [f"{name} {schedule}" for name, schedule in losses.items() if schedule.first or schedule.last]
    phases = [
        f"| losses of phase {number} | {', '.join(phase['losses'])}{_layers(phase)} |"
        for number, phase in enumerate(settings["phases"], start=1)
        if phase.get("losses")
    ]
    layers = settings["layer_map"] or "the default"
    return [
        f"| losses and weights | {', '.join(held)} |",
        *phases,
        f"| temperature | {as_schedule(settings['temperature'])} |",
        f"| layer map | {layers if isinstance(layers, str) else ', '.join(map(str, layers))} |",
        *([f"| start | {settings['start']} |"] if "start" in settings else []),
        *([f"| mode | {settings['mode']} |"] if "mode" in settings else []),
        *([f"| teacher cache | {_kept(settings['teacher_cache'])} |"] if settings.get("teacher_cache") else []),
    ]


def _kept(cache: Mapping[str, Any]) -> str:
    parts = [f"top {cache['top_k']} logits"] * bool(cache["top_k"]) + ["last hidden states"] * bool(cache["hidden"])
    return f"{' and '.join(parts)} in {cache['dtype']}; {cache['passes']} passes over the same masked sequences"


def _layers(phase: Mapping[str, Any]) -> str:
    named = phase.get("layers")
    return f" (layers {', '.join(map(str, named))} alone)" if named else ""


def _card(context: JobContext, made: Made) -> str:
    settings = made.recipe.settings
    below = context.lock.recipes.get(context.recipe.teacher_recipe)
    teacher_name = below.settings["name"] if below else context.recipe.teacher_model
    lines = [
        "---",
        "library_name: transformers",
        f"tags: [{settings['model']['family']}, benchbert, {settings['kind']}]",
        "---",
        "",
        f"# {settings['name']}",
        "",
        f"Made by benchbert from the recipe `{settings['name']}` ({settings['kind']}).",
        "",
        "| fact | value |",
        "|---|---|",
        f"| family | {settings['model']['family']} |",
        *([f"| teacher | {teacher_name} |"] if teacher_name else []),
        f"| corpus | {context.recipe.corpus}{_read(made.recipe)} |",
        f"| tokens (steps x batch x length) | {made.recipe.tokens:,} |",
        f"| optimizer steps | {sum(p['steps'] for p in settings['phases']):,} |",
        f"| peak learning rate | {settings['learning_rate']:g} |",
        *(_of_distillation(settings) if teacher_name else []),
        f"| compute dtype | {context.job.dtype} |",
        f"| masked-LM loss on held-out text | {made.held_out['mlm']:.3f} nats |",
        *(
            [f"| {settings['sentences'].upper()} loss on held-out text | {made.held_out['sentence']:.3f} nats |"]
            if "sentence" in made.held_out
            else []
        ),
        f"| training time | {made.curve.seconds:.0f} s |",
        f"| recipe digest | `{context.recipe.digest}` |",
        *([f"| not to be ranked | {settings['under_trained']} |"] if settings["under_trained"] else []),
        "",
        "Load it with `AutoModel.from_pretrained(folder)` and `AutoTokenizer.from_pretrained(folder)`.",
        "",
    ]
    return "\n".join(lines)


def _read(recipe: RecipeRun) -> str:
    """What was met in the user's files; empty where the corpus is a dataset."""
    if recipe.context.dataset(recipe.context.recipe.corpus).origin != "files":
        return ""
    counts = recipe.documents("train").counts
    assert counts is not None, "a corpus of files is counted"
    return f" ({counts.documents:,} documents; {counts.empty:,} empty left out, {counts.cut:,} too long and cut)"
