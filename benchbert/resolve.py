"""Suite -> Lock: finds out what each name stands for today. The only input and output before a run.

Nothing is downloaded here but metadata; what cannot be had is recorded in the Lock with its reason, and fails its own
cells later.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

from benchbert import registry
from benchbert.controls import control_problems
from benchbert.errors import SuiteError, UnknownNameError
from benchbert.lock import DatasetLock, Lock, ModelLock, RecipeLock
from benchbert.machine import machine, visible_cores
from benchbert.own_data.corpus_files import corpus_files, is_path
from benchbert.own_data.own_task import OwnTask, own_task
from benchbert.recipe import Recipe, read_decided
from benchbert.revisions import files_digest, hub_commit, not_here
from benchbert.suite import MAJORITY, ModelEntry, Suite
from benchbert.suite_files import recipe_in
from benchbert.task_teachers import as_named, teacher_entries
from benchbert.types import DatasetRef, HubSource, ModelSpec, digest

__all__ = ["resolve", "resolve_dataset", "resolve_model"]

MAJORITY_VERSION = "1"
"""Raised when the baseline's way of choosing its constant changes: older results are then stale."""


def resolve(suite: Suite, *, folder: Path, mirror: Path | None = None, factor: float | None = None) -> Lock:
    """What the names of a suite stand for.

    Args:
        suite: what the user wrote.
        folder: folder of the suite file; relative paths in the suite start there.
        mirror: folder laid out by hub id that is used in place of the hub where it has something.
        factor: see `benchbert.recipe.read_decided`.

    Raises:
        SuiteError: a recipe file with problems, or a control that is none.
    """
    recipes = _Recipes(mirror, factor)
    models: dict[str, ModelLock] = {}
    for entry in suite.models:
        for model in _models(entry, suite, folder, mirror, recipes):
            models.setdefault(model.name, model)
    compared = tuple(models)
    for entry in teacher_entries(suite.models, compared):
        models |= {model.name: model for model in _models(entry, suite, folder, mirror, recipes)}
    if problems := control_problems(models, recipes.found):
        raise SuiteError(f"suite {suite.name}", problems)
    tasks, own = _tasks(suite, folder)
    datasets = recipes.datasets | {found.dataset.key: found.dataset for found in own.values()}
    for name in tasks:
        if name not in own:
            dataset = resolve_dataset(registry.find("tasks", name).dataset, mirror)
            datasets[dataset.key] = dataset
    device, dtype, prediction_dtype = _computing(suite)
    return Lock(
        suite=suite.name,
        suite_digest=suite.digest,
        compared=compared,
        tasks=tuple(tasks),
        own_tasks={name: found.task for name, found in own.items()},
        models=recipes.teachers | models | _baseline(suite),
        datasets=datasets,
        recipes=recipes.found,
        training_device=device,
        training_dtype=dtype,
        prediction_dtype=prediction_dtype,
        cores=visible_cores(),
        gpus=len(machine().gpus),
    )


def _tasks(suite: Suite, folder: Path) -> tuple[list[str], dict[str, OwnTask]]:
    """Names of the tasks in the suite's order, and those of them that are over the user's own files."""
    names: dict[str, None] = {}
    own: dict[str, OwnTask] = {}
    for entry in suite.tasks:
        if isinstance(entry, str):
            names |= dict.fromkeys(registry.expand("tasks", entry))
        else:
            names[entry.name] = None
            own[entry.name] = own_task(entry, folder)
    return list(names), own


def _baseline(suite: Suite) -> dict[str, ModelLock]:
    """The majority baseline, where the suite scores anything and wants it."""
    if not (suite.majority and suite.tasks):
        return {}
    return {
        MAJORITY: ModelLock(name=MAJORITY, family="", weights="constant", revision=MAJORITY_VERSION, licence="none")
    }


def _computing(suite: Suite) -> tuple[str, str, str]:
    """Device, dtype of training and dtype of prediction that `auto` stands for on this machine."""
    wanted = suite.finetune if suite.finetune is not False else None
    device = wanted.device if wanted and wanted.device != "auto" else ("cuda" if machine().gpus else "cpu")
    fast = device == "cuda" or machine().fast_bfloat16
    auto = "bfloat16" if fast else "float32"
    dtype = wanted.dtype if wanted and wanted.dtype != "auto" else auto
    return device, dtype, auto if suite.predict_dtype == "auto" else suite.predict_dtype


# --- models ---------------------------------------------------------------------------------------------------------


def _models(
    entry: str | ModelEntry, suite: Suite, folder: Path, mirror: Path | None, recipes: _Recipes
) -> list[ModelLock]:
    if isinstance(entry, str):
        return [
            resolve_model(registry.find("models", name), mirror, random=suite.weights == "random")
            for name in registry.expand("models", entry)
        ]
    return [as_named(_own_model(entry, folder, mirror, recipes), entry)]


def _own_model(entry: ModelEntry, folder: Path, mirror: Path | None, recipes: _Recipes) -> ModelLock:
    """A model that the registry does not have."""
    if entry.recipe:
        return _recipe_model(entry, recipes.add(recipe_in(folder, entry.recipe).resolve()), recipes)
    if entry.architecture.startswith("recipe:"):
        path = recipe_in(folder, entry.architecture.removeprefix("recipe:")).resolve()
        return replace(_recipe_model(entry, recipes.add(path), recipes), weights="random")
    if entry.architecture:
        spec: ModelSpec = registry.find("models", entry.architecture)
        return replace(resolve_model(spec, mirror, random=True), name=entry.name)
    if entry.folder:
        return _folder_model(entry, (folder / entry.folder).resolve())
    spec = ModelSpec(
        name=entry.name, family="", source=HubSource(id=entry.hub, revision=entry.revision), labels=entry.labels
    )
    return resolve_model(spec, mirror)


def resolve_model(spec: ModelSpec, mirror: Path | None, *, random: bool = False) -> ModelLock:
    """A registered model, resolved: its revision on the hub or in the mirror, or an architecture of random weights."""
    base = ModelLock(
        name=spec.name,
        family=spec.family,
        weights="random" if random or spec.source is None else "published",
        config=dict(spec.config),
        labels=spec.labels,
        licence=spec.licence,
    )
    hub_id = spec.source.id if isinstance(spec.source, HubSource) else ""
    place = mirror / hub_id if mirror is not None and hub_id else None
    if base.weights == "random":
        # The hub id stays: a model that is fine-tuned from random weights still needs its tokenizer.
        folder = str(place.resolve()) if place is not None and place.is_dir() else ""
        return replace(base, revision=digest(dict(spec.config)), hub_id=hub_id, folder=folder)
    assert isinstance(spec.source, HubSource), "registered models come from the hub or are architectures"
    if place is not None and (place / "config.json").is_file():
        return replace(
            base,
            hub_id=hub_id,
            folder=str(place.resolve()),
            revision=files_digest(place),
            family=spec.family or _model_type(place),
        )
    commit, problem = hub_commit("model", hub_id, spec.source.revision)
    return replace(base, hub_id=hub_id, revision=commit, error=not_here("model", hub_id, mirror, problem))


def _folder_model(entry: ModelEntry, place: Path) -> ModelLock:
    base = ModelLock(name=entry.name, family="", weights="folder", folder=str(place), labels=entry.labels)
    if not (place / "config.json").is_file():
        return replace(base, error=f"{place} has no config.json: save the model there with save_pretrained")
    return replace(base, family=_model_type(place), revision=files_digest(place))


def _recipe_model(entry: ModelEntry, recipe_digest: str, recipes: _Recipes) -> ModelLock:
    settings = recipes.found[recipe_digest].settings
    return ModelLock(
        name=entry.name,
        family=settings["model"]["family"],
        weights="recipe",
        revision=recipe_digest,
        recipe=recipe_digest,
        licence="as its corpus",
    )


def _model_type(place: Path) -> str:
    try:
        return str(json.loads((place / "config.json").read_text(encoding="utf-8")).get("model_type", ""))
    except (ValueError, AttributeError):
        return ""


# --- recipes --------------------------------------------------------------------------------------------------------


class _Recipes:
    """Recipes met so far, each with what it stands on."""

    def __init__(self, mirror: Path | None, factor: float | None = None) -> None:
        self.mirror, self.factor = mirror, factor
        self.found: dict[str, RecipeLock] = {}
        self.datasets: dict[str, DatasetLock] = {}
        self.teachers: dict[str, ModelLock] = {}

    def add(self, path: Path, above: tuple[Path, ...] = ()) -> str:
        """Digest of the recipe in a file, after everything that it stands on was added."""
        if path in above:
            raise SuiteError(str(path), ["teacher or tokenizer: this recipe stands on itself"])
        recipe = read_decided(path, self.factor, above[0] if above else None)
        if is_path(recipe.corpus):
            dataset = corpus_files(recipe.corpus, path.parent)
            settings = recipe.settings | {"corpus": dataset.id}
        else:
            name, _, config = recipe.corpus.partition(":")
            dataset = resolve_dataset(DatasetRef(id=name, config=config), self.mirror)
            settings = recipe.settings
        self.datasets[dataset.key] = dataset
        lock = RecipeLock(settings=settings, digest="", corpus=dataset.key, **self._below(recipe, path, above))
        known = digest(asdict(lock) | {"corpus": dataset.fingerprint or dataset.key})
        self.found[known] = replace(lock, digest=known)
        return known

    def _below(self, recipe: Recipe, path: Path, above: tuple[Path, ...]) -> dict[str, str]:
        below: dict[str, str] = {}
        above = (*above, path)
        if recipe.tokenizer:
            below["tokenizer_recipe"] = self.add(self._beside(path, recipe.tokenizer, "tokenizer"), above)
        if recipe.teacher.endswith(".toml"):
            below["teacher_recipe"] = self.add(self._beside(path, recipe.teacher, "teacher"), above)
        elif recipe.teacher:
            model = self._teacher(path, recipe.teacher)
            self.teachers[model.name] = model
            below["teacher_model"] = model.name
        return below

    def _teacher(self, path: Path, name: str) -> ModelLock:
        """A teacher that is there: a folder, or a registered model."""
        if is_path(name):
            place = (path.parent / name).resolve()
            return _folder_model(ModelEntry(name=place.name, folder=name), place)
        try:
            return resolve_model(registry.find("models", name), self.mirror)
        except UnknownNameError as error:
            raise SuiteError(str(path), [f"teacher: {error}"]) from None

    @staticmethod
    def _beside(path: Path, name: str, key: str) -> Path:
        found = (path.parent / name).resolve()
        if not found.is_file():
            raise SuiteError(str(path), [f"{key}: there is no file {found}"])
        return found


# --- datasets -------------------------------------------------------------------------------------------------------


def resolve_dataset(ref: DatasetRef, mirror: Path | None) -> DatasetLock:
    """Where the rows of a dataset come from: generated, from the mirror, or from the hub."""
    if ref.id.startswith("builtin/"):
        version = str(registry.find("datasets", ref.id).version_of(ref.config))
        return DatasetLock(
            id=ref.id, config=ref.config, origin="builtin", revision=version, fingerprint=digest([ref.id, version])
        )
    if mirror is not None and (place := mirror / ref.id).is_dir():
        lock = DatasetLock(id=ref.id, config=ref.config, origin="mirror", folder=str(place.resolve()))
        if problem := _config_problem(place, ref.config):
            return replace(lock, error=problem)
        inner = place / ref.config if ref.config and (place / ref.config).is_dir() else place
        return replace(lock, fingerprint=files_digest(inner))
    commit, problem = hub_commit("dataset", ref.id, "main")
    return DatasetLock(
        id=ref.id,
        config=ref.config,
        origin="hub",
        revision=commit,
        fingerprint=digest([ref.id, commit]) if commit else "",
        error=not_here("dataset", ref.id, mirror, problem),
    )


def _config_problem(place: Path, config: str) -> str:
    """Why a mirrored dataset does not have a configuration; empty when it has, or when its card does not say."""
    if not config or not (place / "README.md").is_file():
        return ""
    from huggingface_hub import metadata_load

    try:
        listed = [str(c.get("config_name")) for c in (metadata_load(place / "README.md") or {}).get("configs", [])]
    except (ValueError, AttributeError) as error:
        return f"the dataset card {place / 'README.md'} cannot be read: {error}"
    if not listed or config in listed:
        return ""
    return f"{place} has no configuration {config!r} (it has {', '.join(listed)}); add it to the mirror"
