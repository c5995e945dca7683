"""What `benchbert list models` says of a model without importing torch or transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from benchbert.models.adapter import adapter_for
from benchbert.models.checkpoint import WEIGHT_FILES
from benchbert.types import FolderSource, HubSource, ModelSpec

__all__ = ["Availability", "availability", "flops_of", "layers_of", "parameters_of"]

Availability = Literal["cached", "mirrored", "needs network", "architecture only"]


def availability(spec: ModelSpec, mirror: Path | None = None) -> Availability:
    """Where the weights of a model would come from here and now.

    `mirrored` goes before `cached`, as it does in a run. `cached` also means a local folder that has its weights;
    `architecture only` that none are published, or that the folder is not there.

    Args:
        spec: a registered model.
        mirror: folder laid out by hub id; None: none.
    """
    source = spec.source
    if isinstance(source, FolderSource):
        return "cached" if _complete(Path(source.path)) else "architecture only"
    if not isinstance(source, HubSource):
        return "architecture only"
    if mirror is not None and _complete(mirror / source.id):
        return "mirrored"
    return "cached" if _cached(source) else "needs network"


def layers_of(spec: ModelSpec) -> int | None:
    """Layers that a forward pass runs through; None: its config is only in its folder."""
    return adapter_for(spec.family).executed_layers(spec.config) if spec.config else None


def parameters_of(spec: ModelSpec) -> int | None:
    """Stored parameters of encoder and pooler; None: its config is only in its folder."""
    return adapter_for(spec.family).parameters(spec.config) if spec.config else None


def flops_of(spec: ModelSpec, sequence_length: int) -> int | None:
    """2 x multiply-adds of one sequence; None: its config is only in its folder."""
    return adapter_for(spec.family).flops(spec.config, sequence_length) if spec.config else None


def _complete(folder: Path) -> bool:
    return (folder / "config.json").is_file() and any((folder / name).is_file() for name in WEIGHT_FILES.values())


def _cached(source: HubSource) -> bool:
    """Whether config and weights are in the hub's cache."""
    from huggingface_hub import try_to_load_from_cache

    def have(name: str) -> bool:
        return isinstance(try_to_load_from_cache(source.id, name, revision=source.revision), str)

    return have("config.json") and any(have(name) for name in WEIGHT_FILES.values())
