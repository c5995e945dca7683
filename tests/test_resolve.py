"""Resolving: what names stand for, from the mirror, from folders and from the generator."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchbert import registry
from benchbert.errors import SuiteError
from benchbert.resolve import resolve, resolve_dataset, resolve_model
from benchbert.suite import suite_from
from benchbert.types import DatasetRef


def test_a_generated_dataset_needs_nothing() -> None:
    dataset = resolve_dataset(DatasetRef(id="builtin/glue", config="sst2"), None)
    assert (dataset.origin, dataset.error) == ("builtin", "")
    assert dataset.fingerprint


def test_a_mirror_is_used_in_place_of_the_hub(real_data: Path) -> None:
    dataset = resolve_dataset(DatasetRef(id="nyu-mll/glue", config="cola"), real_data)
    assert (dataset.origin, dataset.error) == ("mirror", "")
    other = resolve_dataset(DatasetRef(id="nyu-mll/glue", config="rte"), real_data)
    assert dataset.fingerprint != other.fingerprint


def test_what_a_mirror_lacks_is_one_clear_reason(real_data: Path) -> None:
    dataset = resolve_dataset(DatasetRef(id="nyu-mll/glue", config="mrpc"), real_data)
    assert "no configuration 'mrpc'" in dataset.error
    assert "cola" in dataset.error
    assert "\n" not in dataset.error


def test_what_neither_mirror_nor_hub_has_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = resolve_dataset(DatasetRef(id="nobody/nothing-of-that-name"), tmp_path)
    assert "neither in the mirror" in dataset.error
    assert str(tmp_path) in dataset.error


def test_a_fingerprint_follows_the_bytes(tmp_path: Path) -> None:
    from benchbert.revisions import files_digest

    place = tmp_path / "org" / "data"
    place.mkdir(parents=True)
    (place / "train.parquet").write_bytes(b"one")
    first = resolve_dataset(DatasetRef(id="org/data"), tmp_path).fingerprint
    (place / "train.parquet").write_bytes(b"two")
    files_digest.cache_clear()
    assert resolve_dataset(DatasetRef(id="org/data"), tmp_path).fingerprint != first


def test_random_weights_need_no_network() -> None:
    model = resolve_model(registry.find("models", "bert-base-uncased"), None, random=True)
    assert (model.weights, model.error) == ("random", "")
    assert model.config["hidden_size"] == 768


def test_an_architecture_without_published_weights_is_random() -> None:
    assert resolve_model(registry.find("models", "mobilebert-tiny"), None).weights == "random"


def test_a_mirrored_model_is_found(tmp_path: Path) -> None:
    place = tmp_path / "google" / "bert_uncased_L-2_H-128_A-2"
    place.mkdir(parents=True)
    (place / "config.json").write_text(json.dumps({"model_type": "bert"}))
    model = resolve_model(registry.find("models", "bert-tiny"), tmp_path)
    assert (model.weights, model.folder, model.error) == ("published", str(place), "")


def test_the_lock_has_the_baseline_beside_the_compared_models_and_says_what_is_a_control() -> None:
    models = ["bert-tiny", {"name": "c", "architecture": "bert-tiny", "control_of": "bert-tiny"}]
    data = {"name": "s", "models": models, "tasks": ["builtin/glue/sst2"], "weights": "random"}
    lock = resolve(suite_from(data), folder=Path())
    assert lock.compared == ("bert-tiny", "c")
    assert (lock.models["c"].control_of, lock.models["bert-tiny"].control_of) == ("bert-tiny", "")
    assert (lock.models["majority"].weights, lock.models["majority"].revision) == ("constant", "1")
    assert "majority" not in resolve(suite_from(data | {"majority": False}), folder=Path()).models


def test_a_folder_without_a_config_is_an_error_of_its_cells(tmp_path: Path) -> None:
    suite = suite_from(
        {"name": "s", "models": [{"name": "m", "folder": str(tmp_path)}], "tasks": ["builtin/glue/sst2"]}
    )
    assert "config.json" in resolve(suite, folder=tmp_path).models["m"].error


RECIPE = """
name = "r"
kind = "{kind}"
{more}
phases = [{{steps = 2, batch_size = 4, sequence_length = 16}}]
[model]
family = "bert"
"""


def _recipe(tmp_path: Path, name: str, kind: str, more: str) -> Path:
    path = tmp_path / f"{name}.toml"
    path.write_text(RECIPE.format(kind=kind, more=more))
    return path


def _resolve_recipe(path: Path) -> str:
    entry = {"name": "m", "recipe": str(path)}
    suite = suite_from({"name": "s", "models": [entry], "tasks": ["builtin/glue/sst2"]})
    return resolve(suite, folder=path.parent).models["m"].recipe


def test_a_recipe_changes_with_what_it_stands_on(tmp_path: Path) -> None:
    _recipe(tmp_path, "teacher", "pretrain", "vocabulary = 200")
    student = _recipe(tmp_path, "student", "distil", 'teacher = "teacher.toml"')
    first = _resolve_recipe(student)
    _recipe(tmp_path, "teacher", "pretrain", "vocabulary = 300")
    assert _resolve_recipe(student) != first


def test_a_description_does_not_change_a_recipe(tmp_path: Path) -> None:
    first = _resolve_recipe(_recipe(tmp_path, "a", "pretrain", "vocabulary = 200"))
    second = _resolve_recipe(_recipe(tmp_path, "a", "pretrain", 'vocabulary = 200\ndescription = "words"'))
    assert first == second


@pytest.mark.parametrize(
    ("kind", "more", "said"),
    [
        ("distil", 'teacher = "nowhere.toml"', "there is no file"),
        ("distil", 'teacher = "bert-tinny"', "did you mean 'bert-tiny'"),
        ("distil", 'teacher = "r.toml"', "stands on itself"),
        ("distil", "", "teacher: this key is required"),
        ("pretrain", "", "vocabulary"),
        ("pretrain", 'vocabulary = 9\nteacher = "x.toml"', "only for kind = 'distil'"),
        ("distil", 'teacher = "bert-tiny"\nlosses = {ce = 0, mlm = 0, cos = 0, mse = 0}', "all weights are 0"),
        ("distil", 'teacher = "bert-tiny"\nlosses = {ce = -1}', "negative"),
        ("pretrain", "vocabulary = 9\nmasking = {share = 2.0}", "masking.share"),
        ("pretrain", "vocabulary = 900\nbetas = [2, 3]", "betas"),
        ("pretrain", "vocabulary = -5", "vocabulary: should be 0 or at least 100"),
        ("pretrain", "vocabulary = 900\nseed = -1", "seed: should be at least 0"),
        ("pretrain", "vocabulary = 900\nmasking = {mask = -1.0}", "masking.mask"),
        ("pretrain", "vocabulary = 900\nlearning_rate = nan", "learning_rate: should be a finite number"),
        ("pretrain", "vocabulary = 9\nmaskign = {share = 0.2}", "did you mean 'masking'"),
    ],
)
def test_a_recipe_with_problems_says_them(tmp_path: Path, kind: str, more: str, said: str) -> None:
    path = _recipe(tmp_path, "r", kind, more)
    with pytest.raises(SuiteError, match=r"r\.toml") as caught:
        _resolve_recipe(path)
    assert said in str(caught.value)
