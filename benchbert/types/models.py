"""A model that can be named in a suite, and where its weights come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "ArchitectureSource",
    "FolderSource",
    "HubSource",
    "ModelSource",
    "ModelSpec",
    "PublishedFacts",
    "RecipeSource",
]


@dataclass(frozen=True, kw_only=True)
class HubSource:
    """Published weights under a hub id, on the hub or in a mirror."""

    id: str
    """Hub id, `organisation/name`."""
    revision: str = "main"
    """Branch, tag or commit; what it resolved to goes into the Lock."""


@dataclass(frozen=True, kw_only=True)
class FolderSource:
    """Weights in a local folder as transformers saves them."""

    path: str
    """Absolute path of the folder."""


@dataclass(frozen=True, kw_only=True)
class ArchitectureSource:
    """An architecture with random weights: for hardware profiles, and as a control."""

    of: str
    """Registered model whose architecture it is."""


@dataclass(frozen=True, kw_only=True)
class RecipeSource:
    """Weights that a recipe of this suite makes."""

    path: str
    """Absolute path of the recipe file."""


ModelSource = HubSource | FolderSource | ArchitectureSource | RecipeSource


@dataclass(frozen=True, kw_only=True)
class PublishedFacts:
    """What the literature says of a model; tests hold the architecture against it."""

    parameters: float
    """Parameters of encoder and pooler, in millions."""
    gflops: float
    """2 x multiply-adds of one 128-token sequence, in 10^9."""


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """A model that can be named in a suite."""

    name: str
    """Unique name, such as `bert-base-uncased`."""
    family: str
    """Name of its FamilyAdapter, such as `bert`."""
    source: ModelSource | None
    """Where its weights come from; None: no published weights, architecture only."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments of its transformers config, `model_type` among them; empty: read from the weights' folder."""
    cased: bool = False
    """Whether its vocabulary distinguishes case."""
    licence: str = "unknown"
    """SPDX id of the licence of the published weights."""
    reference: str = ""
    """Paper, as `Authors year, arXiv id`."""
    published: PublishedFacts | None = None
    """Facts to check against; None: none known."""
    labels: tuple[str, ...] = ()
    """Names of the outputs of its head, in order, when its config has only `LABEL_i`; empty: read from the config."""
