"""Where a result came from: code, libraries, data."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from benchbert.lock import DatasetLock, Lock
from benchbert.machine import environment, machine
from benchbert.task_distillation import settings_for
from benchbert.types import Job, Result

__all__ = ["git_commit", "labels", "provenance", "relabelled"]

_LABELS = ("under_trained", "control_of")


@cache
def git_commit() -> str:
    """Commit of the checkout that benchbert runs from, with `+` when it has changes; empty: not a checkout."""
    root = Path(__file__).parent.parent.parent
    if not (root / ".git").exists():
        return ""
    try:
        commit = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        )
        state = subprocess.run(
            ["git", "-C", str(root), "status", "--porcelain"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return commit.stdout.strip() + ("+" if state.stdout.strip() else "")


def provenance(job: Job, lock: Lock) -> dict[str, Any]:
    """What is needed to say how a job's result was made."""
    found: dict[str, Any] = {
        "git": git_commit(),
        "benchbert": environment().benchbert,
        "python": environment().python,
        "libraries": dict(environment().libraries),
        "isa": list(machine().isa),
        "suite": lock.suite,
        "protocol": job.protocol_hash,
        "model_revision": job.spec.get("revision", ""),
    }
    if dataset := _dataset(job, lock):
        found |= {
            "dataset_id": dataset.key,
            "dataset_origin": dataset.origin,
            "dataset_revision": dataset.revision,
            "dataset_fingerprint": dataset.fingerprint,
        }
    return found | _taught(job, lock) | labels(job, lock)


def _taught(job: Job, lock: Lock) -> dict[str, Any]:
    """Teacher and losses of a model that was distilled on the task of a job; empty: it was not."""
    model = lock.models.get(str(job.spec.get("model", "")))
    if not model or not model.task_teacher or job.kind not in {"finetune", "predict"}:
        return {}
    task = lock.task(str(job.spec["task"]))
    head = (lock.task(task.head_of) if task.head_of else task).head
    how = settings_for(model.task_distillation, head)
    losses = ", ".join(f"{name} {weight:g}" for name, weight in how["losses"].items())
    note = f"distilled on the task from {model.task_teacher} ({losses})"
    if "augment" in how:
        note += f", on {how['augment']['copies']} more copies of each example"
    return {"task_teacher": model.task_teacher, "task_distillation": how, "distilled_on_task": note}


def _dataset(job: Job, lock: Lock) -> DatasetLock | None:
    """The data of a job: its task's, or its recipe's corpus; None: it has none.

    By name first: the configurations of a generated dataset have one fingerprint.
    """
    name = str(job.spec.get("task", ""))
    key = lock.task(name).dataset.key if name else str(job.spec.get("corpus", ""))
    return lock.datasets.get(key)


def labels(job: Job, lock: Lock) -> dict[str, str]:
    """What a suite calls the model of a job: words that decide nothing in it, so that they may change without it."""
    found: dict[str, str] = {}
    model = lock.models.get(str(job.spec.get("model", "")))
    if model and model.recipe and lock.recipes[model.recipe].settings["under_trained"]:
        found["under_trained"] = lock.recipes[model.recipe].settings["under_trained"]
    # Jobs that carry out a recipe are named after it, and a recipe may have the name of another model of the suite.
    if model and model.control_of and job.kind not in {"pretrain", "distil"}:
        found["control_of"] = model.control_of
    return found


def relabelled(result: Result, lock: Lock) -> Result:
    """A stored result with the labels that the suite gives its model today; the same object where they stand there."""
    others = {name: value for name, value in result.provenance.items() if name not in _LABELS}
    provenance = others | labels(result.job, lock)
    return result if provenance == dict(result.provenance) else replace(result, provenance=provenance)
