"""What jobs of every kind are written with: versions of the protocols, the model, resources, readable names."""

from __future__ import annotations

from typing import Any

from benchbert.lock import Lock, ModelLock
from benchbert.types import Resources

__all__ = [
    "PROTOCOL",
    "SMALL_MODELS",
    "model_spec",
    "no_training_device",
    "slug",
    "threads_of",
    "training_resources",
    "word",
]

PROTOCOL = {"training": 3, "prediction": 3, "profiling": 1}
"""Raised when the way of doing a kind of job changes its outcome: older results are then re-made, never mixed."""

SMALL_MODELS = 1
"""Threads of a job on a model that a recipe made: such models are small, and side by side they finish sooner."""


def model_spec(model: ModelLock) -> dict[str, Any]:
    """What a job's spec says of its model."""
    return {"model": model.name, "family": model.family, "weights": model.weights, "revision": model.revision}


def no_training_device(lock: Lock) -> str:
    """Why nothing can be trained here; empty: it can."""
    if lock.training_device == "cpu" or lock.gpus:
        return ""
    return "the suite asks to train on cuda, and this machine has no CUDA device; take finetune.device out of the suite"


def threads_of(lock: Lock, model: ModelLock) -> int:
    """Models that recipes make are small: one thread each, side by side. Others get the machine."""
    return SMALL_MODELS if model.recipe else lock.cores


def training_resources(lock: Lock, threads: int, *, estimate: float) -> Resources:
    """What a job on the training device needs; `estimate` in seconds."""
    return Resources(cpus=threads, gpus=int(lock.training_device != "cpu"), estimate=estimate)


def slug(*parts: str) -> str:
    """A readable name, its parts joined by dots."""
    return ".".join(word(part) for part in parts)


def word(text: str) -> str:
    """A part of a readable name: letters, digits, hyphens and underscores."""
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in text)
