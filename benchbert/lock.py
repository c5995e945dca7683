"""The Lock: what a suite resolved to, written beside its results.

Revisions and fingerprints enter job ids; local paths (`folder`) only say where this machine finds the bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from benchbert import registry
from benchbert.types import SCHEMA_VERSION, FileLayout, Task

__all__ = ["DataFile", "DatasetLock", "Lock", "ModelLock", "RecipeLock", "Weights"]

Weights = Literal["published", "folder", "random", "recipe", "constant"]


@dataclass(frozen=True, kw_only=True)
class ModelLock:
    """A model, resolved."""

    name: str
    """Name in the suite."""
    family: str
    """Name of its FamilyAdapter; empty until a recipe's or folder's config has been read."""
    weights: Weights
    """Where its weights come from; `random` and `constant` (the majority baseline) are never ranked by score."""
    revision: str = ""
    """Commit of the hub repository; digest of the folder's files, of the config (random) or of the recipe; version of
    the baseline (constant)."""
    hub_id: str = ""
    """Hub id; empty: not from the hub."""
    folder: str = ""
    """Local folder with config, weights and tokenizer (mirror, checkpoint); empty: hub cache or none."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments of the transformers config with `model_type`; empty: read from the folder or the hub."""
    labels: tuple[str, ...] = ()
    """Names of the head's outputs in order, where the config has only `LABEL_i`."""
    licence: str = "unknown"
    """SPDX id."""
    recipe: str = ""
    """Digest of the recipe that makes it; empty: none."""
    control_of: str = ""
    """Model of the suite that it is a control of: shown against it, never ranked. Empty: none."""
    recipe_seeds: Literal["recipe", "suite"] = "recipe"
    """Whether its recipe is carried out once, with its own seed, or once for each seed of the suite."""
    task_teacher: str = ""
    """Name of the model that teaches it on each task; empty: none."""
    task_distillation: Mapping[str, Any] = field(default_factory=dict)
    """`TaskDistillation.settings`: how it learns from that; empty: it has no task teacher."""
    error: str = ""
    """Why it cannot be had here; empty: it can."""


@dataclass(frozen=True, kw_only=True)
class DataFile:
    """A file of the user's with the rows of one split."""

    path: str
    """Where it is."""
    sha256: str
    """Digest of its bytes when the suite was resolved."""


@dataclass(frozen=True, kw_only=True)
class DatasetLock:
    """One configuration of a dataset, resolved."""

    id: str
    """Hub id or `builtin/...`."""
    config: str = ""
    """Configuration; empty: the default one."""
    origin: Literal["hub", "mirror", "builtin", "files"]
    """Where its rows come from."""
    revision: str = ""
    """Commit on the hub; version of a generator; empty for a mirror without one."""
    fingerprint: str = ""
    """Digest of the data files (mirror), of them and their layout (files), of (id, commit) on the hub, or of (id,
    version) of a generator."""
    folder: str = ""
    """Local folder (mirror); empty: hub cache, or generated."""
    files: Mapping[str, DataFile] = field(default_factory=dict)
    """Split -> the user's file with its rows, or, for a corpus, path within its folder -> file (files)."""
    layout: FileLayout | None = None
    """How these files are read; None: not the user's files, or a corpus."""
    labels: tuple[str, ...] = ()
    """Names of the classes in these files, in order; empty: none, or not the user's files."""
    error: str = ""
    """Why it cannot be had here; empty: it can."""

    @property
    def key(self) -> str:
        """`id` or `id/config`: its name in the Lock."""
        return f"{self.id}/{self.config}" if self.config else self.id


@dataclass(frozen=True, kw_only=True)
class RecipeLock:
    """A recipe with all that it stands on."""

    settings: Mapping[str, Any]
    """Fields of the recipe."""
    digest: str
    """Digest of the settings and of everything below."""
    corpus: str
    """Key of its corpus in `Lock.datasets`."""
    teacher_recipe: str = ""
    """Digest of the teacher's recipe; empty: none."""
    teacher_model: str = ""
    """Name of the teacher in `Lock.models`; empty: none."""
    tokenizer_recipe: str = ""
    """Digest of the recipe whose tokenizer it uses; empty: its own, or its teacher's."""

    @property
    def tokens(self) -> int:
        """Tokens of all phases, with the padding of paired sequences."""
        return sum(p["steps"] * p["batch_size"] * p["sequence_length"] for p in self.settings["phases"])


@dataclass(frozen=True, kw_only=True)
class Lock:
    """Everything a suite named, resolved at one moment."""

    schema: int = SCHEMA_VERSION
    """Version of this record."""
    suite: str
    """Name of the suite."""
    suite_digest: str
    """Digest of the suite's settings."""
    compared: tuple[str, ...]
    """Names of the models that the suite compares, in its order; `models` has their teachers as well, and the majority
    baseline where the suite asks for it."""
    tasks: tuple[str, ...]
    """Names of the tasks, in the suite's order."""
    own_tasks: Mapping[str, Task] = field(default_factory=dict)
    """Name -> task over the user's own files; all others are registered."""
    models: Mapping[str, ModelLock]
    """Model name -> what it is."""
    datasets: Mapping[str, DatasetLock]
    """`id/config` -> what it is."""
    recipes: Mapping[str, RecipeLock] = field(default_factory=dict)
    """Recipe digest -> recipe; what a recipe stands on comes before it."""
    training_device: str = "cpu"
    """`cpu` or `cuda`: where models are trained and predict."""
    training_dtype: str = "float32"
    """What `dtype = "auto"` became on this machine."""
    prediction_dtype: str = "float32"
    """Dtype that this machine is to predict in: what the suite names, or what its `auto` became."""
    cores: int = 1
    """Cores that this machine gives to a run."""
    gpus: int = 0
    """CUDA devices of this machine."""
    protocol: Mapping[str, Any] = field(default_factory=dict)
    """Measuring settings that are not in the suite."""

    def task(self, name: str) -> Task:
        """The task of that name: over the user's own files, or registered.

        Raises:
            UnknownNameError: there is none.
        """
        found: Task = self.own_tasks[name] if name in self.own_tasks else registry.find("tasks", name)
        return found
