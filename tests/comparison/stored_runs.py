"""Run folders made by hand: predict jobs with their predictions, as a run would leave them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from benchbert import registry
from benchbert.store.files import RunFolder, write_json
from benchbert.tasks.scores import score
from benchbert.types import Job, Result, ResultKey, Task


def classes(labels: Sequence[int], predictions: Sequence[int], **columns: Sequence[Any]) -> pa.Table:
    """Predictions of a classification with logits 2 apart."""
    n = len(labels)
    width = max(*labels, *predictions, 1) + 1
    table = {
        "id": [str(i) for i in range(n)],
        "label": pa.array(labels, pa.int64()),
        "prediction": pa.array(predictions, pa.int64()),
        "scores": [[2.0 * (k == p) for k in range(width)] for p in predictions],
        "input_hash": [f"{i:016x}" for i in range(n)],
    }
    return pa.table({**table, **columns})


def numbers(labels: Sequence[float], predictions: Sequence[float]) -> pa.Table:
    """Predictions of a regression."""
    n = len(labels)
    return pa.table(
        {
            "id": [str(i) for i in range(n)],
            "label": pa.array(labels, pa.float64()),
            "prediction": pa.array(predictions, pa.float64()),
            "scores": [[p] for p in predictions],
            "input_hash": [f"{i:016x}" for i in range(n)],
        }
    )


def texts(golds: Sequence[Sequence[str]], predictions: Sequence[str]) -> pa.Table:
    """Predictions of spans."""
    n = len(golds)
    return pa.table(
        {
            "id": [f"q{i}" for i in range(n)],
            "prediction_text": list(predictions),
            "best_text": list(predictions),
            "null_score_difference": [0.0] * n,
            "golds": pa.array([list(each) for each in golds], pa.list_(pa.string())),
            "input_hash": [f"{i:016x}" for i in range(n)],
        }
    )


def lists(labels: Sequence[Sequence[int]], predictions: Sequence[Sequence[int]], *, words: bool = False) -> pa.Table:
    """Predictions of several labels a row, or of one for each word."""
    numbers, n = pa.list_(pa.int64()), len(labels)
    table = {
        "id": [str(i) for i in range(n)],
        "label": pa.array([list(each) for each in labels], numbers),
        "prediction": pa.array([list(each) for each in predictions], numbers),
        "input_hash": [f"{i:016x}" for i in range(n)],
    }
    return pa.table(table if words else table | {"scores": [[0.0] * 3] * n})


def keep(
    folder: Path,
    model: str,
    task: str,
    table: pa.Table,
    *,
    seed: int = 1,
    split: str = "validation",
    fingerprint: str = "f0",
    version: int = 1,
    protocol: str = "prediction-1",
    dtype: str = "float32",
    weights: str = "recipe",
    scored: pa.Table | None = None,
    complete: bool = True,
    own: Task | None = None,
    provenance: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    started_at: str = "",
) -> Path:
    """Stores one predict job; `scored` is what its values are of, where that is not the table. Its parquet file.

    A task of the user's own is described in the lock beside the results, as a run does it.
    """
    spec: Mapping[str, Any] = {
        "model": model,
        "family": "bert",
        "weights": weights,
        "revision": "r0",
        "task": task,
        "dataset_fingerprint": fingerprint,
        "splits": [split],
        "backend": "eager",
        "device": "cpu",
        **({"settings": settings} if settings else {}),
    }
    job = Job(
        kind="predict",
        spec=spec,
        seed=seed,
        dtype=dtype,
        task_version=version,
        protocol_hash=protocol,
        slug=f"predict.{model}.{task.replace('/', '-')}.s{seed}",
    )
    run = RunFolder(folder)
    path = folder / "predictions" / f"{job.short_id}.{split}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table, path)
    if own is not None:
        write_json(folder / "lock.json", {"own_tasks": {task: asdict(own)}})
    known: Task = own or registry.find("tasks", task)
    values = score(known, table if scored is None else scored, split=split, complete=complete)
    result = Result(
        key=ResultKey(job_id=job.id, machine_id="m", environment_id="e"),
        job=job,
        status="ok",
        values=tuple(replace(value, complete=complete) for value in values),
        artefacts=(run.artefact("predictions", path),),
        provenance={"dataset_fingerprint": fingerprint, **(provenance or {})},
        started_at=started_at or f"2026-01-02T03:04:{seed:02d}Z",
    )
    run.write(result)
    return path


def noisy(labels: np.ndarray, right: float, rng: np.random.Generator) -> list[int]:
    """Predictions of 0/1 labels that are right with this probability."""
    return [int(x) for x in np.where(rng.random(labels.size) < right, labels, 1 - labels)]
