"""Where a result came from: code, libraries, data."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from benchbert.lock import Lock
from benchbert.machine import environment, machine
from benchbert.types import Job

__all__ = ["git_commit", "provenance"]


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
    dataset = next((d for d in lock.datasets.values() if d.fingerprint == job.spec.get("dataset_fingerprint")), None)
    if dataset:
        found |= {
            "dataset_id": dataset.key,
            "dataset_origin": dataset.origin,
            "dataset_revision": dataset.revision,
            "dataset_fingerprint": dataset.fingerprint,
        }
    model = lock.models.get(str(job.spec.get("model", "")))
    if model and model.recipe and lock.recipes[model.recipe].settings["under_trained"]:
        found["under_trained"] = lock.recipes[model.recipe].settings["under_trained"]
    # Jobs that carry out a recipe are named after it, and a recipe may have the name of another model of the suite.
    if model and model.control_of and job.kind not in {"pretrain", "distil"}:
        found["control_of"] = model.control_of
    return found
