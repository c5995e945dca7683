"""What the table of models says is here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchbert import registry
from benchbert.models.availability import availability, layers_of, parameters_of
from benchbert.types import ArchitectureSource, FolderSource, HubSource, ModelSpec, RecipeSource


def _spec(source: Any) -> ModelSpec:
    return ModelSpec(name="m", family="bert", source=source)


def _fill(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).touch()
    return folder


@pytest.mark.parametrize("weights", ["model.safetensors", "pytorch_model.bin"])
def test_mirror(tmp_path: Path, weights: str) -> None:
    _fill(tmp_path / "org" / "name", "config.json", weights)
    assert availability(_spec(HubSource(id="org/name")), tmp_path) == "mirrored"
    assert availability(_spec(HubSource(id="org/other")), tmp_path) == "needs network"


def test_a_mirror_without_weights_is_not_enough(tmp_path: Path) -> None:
    _fill(tmp_path / "org" / "name", "config.json", "vocab.txt")
    assert availability(_spec(HubSource(id="org/name")), tmp_path) == "needs network"


def test_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    repository = _fill(tmp_path / "models--org--name" / "refs").parent
    (repository / "refs" / "main").write_text("abc")
    snapshot = _fill(repository / "snapshots" / "abc", "config.json")
    spec = _spec(HubSource(id="org/name"))
    assert availability(spec, None) == "needs network"
    (snapshot / "model.safetensors").touch()
    assert availability(spec, None) == "cached"
    assert availability(_spec(HubSource(id="org/name", revision="v2")), None) == "needs network"


def test_other_sources(tmp_path: Path) -> None:
    folder = _fill(tmp_path / "mine", "config.json", "model.safetensors")
    assert availability(_spec(FolderSource(path=str(folder)))) == "cached"
    assert availability(_spec(FolderSource(path=str(tmp_path / "gone")))) == "architecture only"
    for source in (None, ArchitectureSource(of="bert-tiny"), RecipeSource(path="/r.toml")):
        assert availability(_spec(source)) == "architecture only"


def test_facts() -> None:
    models = registry.entries("models")
    assert [layers_of(models[n]) for n in ("bert-tiny", "albert-xlarge-v2", "mobilebert-uncased")] == [2, 24, 24]
    assert parameters_of(models["bert-base-uncased"]) == 109_482_240
    assert layers_of(_spec(None)) is None
    assert parameters_of(_spec(None)) is None
