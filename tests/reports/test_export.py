"""A published student: its folder byte for byte, and a card with its run, its scores and its controls."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from handmade import result, score, spec_of

from benchbert.errors import StoreError, UnknownNameError
from benchbert.reports.export import export_model
from benchbert.store.files import RunFolder, write_json
from benchbert.types import Result, Value

STUDENT = {"kind": "distil", "name": "d", "losses": {"ce": 5.0, "mlm": 2.0}}
RECIPES = {
    "bert-a": {"settings": {"kind": "pretrain", "name": "t"}},
    "distil-a": {"settings": STUDENT, "teacher_recipe": "bert-a"},
    "no-ce": {"settings": STUDENT | {"losses": {"ce": 0.0, "mlm": 2.0}}, "teacher_recipe": "bert-a"},
}


def made(run: RunFolder, model: str, seed: int = 1) -> Result:
    """The result of a recipe, its model with it."""
    loss = Value(metric="held_out_mlm_loss", value=3.25, unit="nats")
    kind = "pretrain" if model == "bert-a" else "distil"
    bare = result(kind, spec_of(model, "recipe", model), [loss], seed=seed)
    place = run.artefact_path(bare.job.id)
    place.mkdir(parents=True)
    (place / "model.safetensors").write_bytes(f"{model} {seed}".encode())
    (place / "README.md").write_text(f"---\nlibrary_name: transformers\n---\n\n# {model}\n", encoding="utf-8")
    return replace(bare, artefacts=(run.artefact("model", place),))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = RunFolder(tmp_path / "run")
    for model, level in (("bert-a", 0.8), ("distil-a", 0.7), ("no-ce", 0.6)):
        facts = {"control_of": "distil-a"} if model == "no-ce" else {}
        folder.write(made(folder, model))
        for task in ("sentiment", "pairs|<b>"):
            folder.write(score(model, task, level, weights="recipe", revision=model, provenance=facts))
    folder.write(score("far", "sentiment", 0.5))
    folder.write(made(folder, "distil-a", seed=2))
    lock = {"suite": "s", "models": {name: {"recipe": name} for name in RECIPES}, "recipes": RECIPES}
    write_json(folder.path / "lock.json", lock)
    return folder.path


def test_the_folder_is_the_model_and_the_card_says_what_was_measured(run: Path, tmp_path: Path) -> None:
    out = export_model(run, "distil-a", tmp_path / "shelf" / "student")
    assert (out / "model.safetensors").read_bytes() == b"distil-a 1"
    card = (out / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlibrary_name: transformers\n---\n\n# distil-a\n"), "the facts of the run stay"
    assert "| task | distil-a | bert-a | no-ce |" in card
    assert "| no-ce | the loss ce | -10.0" in card
    assert "3.250" in card
    assert "<b>" not in card, "names are text"


def test_a_seed_can_be_chosen(run: Path, tmp_path: Path) -> None:
    out = export_model(run, "distil-a", tmp_path / "second", seed=2)
    assert (out / "model.safetensors").read_bytes() == b"distil-a 2"
    with pytest.raises(StoreError, match="has no seed 9 here; it has 1, 2"):
        export_model(run, "distil-a", tmp_path / "ninth", seed=9)


def test_what_cannot_be_exported_is_said_and_leaves_nothing(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(UnknownNameError, match="distil-b"):
        export_model(run, "distil-b", out)
    with pytest.raises(StoreError, match="no recipe made it in this folder"):
        export_model(run, "far", out)
    (weights,) = (file for file in run.glob("artefacts/*/*.safetensors") if file.read_bytes() == b"bert-a 1")
    weights.write_bytes(b"other")
    with pytest.raises(StoreError, match="is not what its result says it was"):
        export_model(run, "bert-a", out)
    assert not out.exists()
    out.mkdir()
    with pytest.raises(StoreError, match="is there already"):
        export_model(run, "bert-a", out)
