"""A recipe from a preset's name, a teacher and a few wishes: what `benchbert distill --preset` carries out."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchbert import registry
from benchbert.errors import UsageError
from benchbert.preset_files import PRESET, find_preset
from benchbert.recipe import FAMILIES, LATER, Recipe, read_recipe
from benchbert.suite_files import find_recipe, recipe_files

__all__ = ["PresetWishes", "write_preset_recipe"]

_FROM_TOKENIZER = {"vocab_size", "pad_token_id", "bos_token_id", "eos_token_id"}
"""Settings of a registered student that its tokenizer gives."""


@dataclass(frozen=True, kw_only=True)
class PresetWishes:
    """What a preset does not say."""

    preset: str
    """Its name."""
    teacher: str
    """A registered model, the folder of a model, or a recipe by name or path."""
    corpus: str = ""
    """Dataset, or the path of a file or folder of texts; empty: that of the teacher's recipe, or the embedded one."""
    student: str = ""
    """Registered model whose architecture the student has; empty: the preset's family, shaped after its teacher."""
    layers: int = 0
    """Of the student; 0: those of `student`, or half its teacher's."""


def write_preset_recipe(wishes: PresetWishes, folder: Path) -> Path:
    """Writes the recipe; its paths are absolute, so that it may be kept anywhere.

    Args:
        wishes: what the user wants.
        folder: where to.

    Raises:
        UnknownNameError: no such preset or model.
        UsageError: the student is of a family that recipes cannot make, or a number makes no sense.
    """
    preset = find_preset(wishes.preset)
    given = tomllib.loads(preset.read_text(encoding="utf-8"))
    if wishes.layers < 0:
        raise UsageError(f"--layers: should be at least 1, is {wishes.layers}")
    name, teacher, made_by = _teacher(wishes.teacher)
    shape = f"-{wishes.student}" if wishes.student else ""
    said: dict[str, Any] = {
        "extends": f"{PRESET}{preset.stem}",
        "name": f"{preset.stem}{shape}{f'-{wishes.layers}l' if wishes.layers else ''}-of-{name}",
        "teacher": teacher,
    }
    if wishes.corpus:
        said["corpus"] = _absolute(wishes.corpus)
    elif made_by:
        said |= _corpus_of(made_by, Path(teacher).parent)
    if made_by:
        said["phases"] = _phases(given["phases"], made_by)
    said["model"] = _model(wishes, str(given["model"]["family"]))
    path = folder / f"{said['name']}.toml"
    path.write_text(_toml(said), encoding="utf-8")
    return path


def _teacher(name: str) -> tuple[str, str, Recipe | None]:
    """(its name, what a recipe is to say, the recipe that makes it; None: it is there)."""
    if Path(name).is_dir():
        place = Path(name).resolve()
        return place.name, str(place), None
    if name.endswith(".toml") or (name in recipe_files() and name not in registry.entries("models")):
        path = find_recipe(name).resolve()
        recipe = read_recipe(path)
        return recipe.name, str(path), recipe
    registry.find("models", name)
    return name, name, None


def _corpus_of(recipe: Recipe, folder: Path) -> dict[str, Any]:
    """What a recipe says of its corpus."""
    corpus = recipe.corpus
    if corpus.startswith(("./", "../")):
        corpus = str((folder / corpus).resolve())
    read = {key: getattr(recipe, key) for key in ("corpus_column", "corpus_documents", "corpus_streaming")}
    return {"corpus": corpus} | {key: value for key, value in read.items() if value != LATER[key]}


def _phases(phases: Sequence[Mapping[str, Any]], teacher: Recipe) -> list[dict[str, Any]]:
    """A preset's phases on as many tokens as its teacher is made of, in sequences no longer than that one knows."""
    longest = max(phase.sequence_length for phase in teacher.phases)
    tokens = sum(phase["steps"] * phase["batch_size"] * phase["sequence_length"] for phase in phases)
    found = []
    for phase in phases:
        length = min(phase["sequence_length"], longest)
        batch = max(1, phase["batch_size"] * phase["sequence_length"] // length)
        share = phase["steps"] * phase["batch_size"] * phase["sequence_length"] / tokens
        steps = max(1, round(share * teacher.tokens / (batch * length)))
        found.append({**phase, "steps": steps, "batch_size": batch, "sequence_length": length})
    return found


def _absolute(corpus: str) -> str:
    """A path as an absolute one; the name of a dataset as it is."""
    path = corpus.startswith(("./", "../", "/")) or Path(corpus).is_file()
    return str(Path(corpus).resolve()) if path else corpus


def _model(wishes: PresetWishes, family: str) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if wishes.student:
        spec = registry.find("models", wishes.student)
        family = str(spec.config.get("model_type", spec.family))
        if family not in FAMILIES:
            raise UsageError(f"--student: {wishes.student} is a {family}, and recipes make {', '.join(FAMILIES)}")
        scalars = {k: v for k, v in spec.config.items() if isinstance(v, str | int | float)}
        config = {k: v for k, v in scalars.items() if k not in {"model_type", *_FROM_TOKENIZER}}
    if wishes.layers:
        config["n_layers" if family == "distilbert" else "num_hidden_layers"] = wishes.layers
    return {"family": family, "config": config}


def _toml(said: Mapping[str, Any], above: str = "") -> str:
    """A mapping as TOML; its texts, numbers and truth values are written as JSON writes them."""
    tables = {key: value for key, value in said.items() if isinstance(value, Mapping)}
    lines = [f"{key} = {_value(value)}" for key, value in said.items() if key not in tables]
    for key, value in tables.items():
        lines += ["", f"[{above}{key}]", _toml(value, f"{above}{key}.").rstrip("\n")]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_value(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_value(inner) for inner in value) + "]"
    return json.dumps(value, ensure_ascii=False)
