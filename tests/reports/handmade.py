"""Results made by hand: what a run would leave, with numbers that a test can follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchbert.store.files import RunFolder
from benchbert.types import Direction, Job, Result, ResultKey, Status, Value

FAMILIES = {"bert-a": "bert", "distil-a": "distilbert", "albert-a": "albert", "mobile-a": "mobilebert"}


def score(
    model: str,
    task: str,
    value: float | None,
    *,
    seed: int = 1,
    half: float | None = 0.02,
    metric: str = "accuracy",
    weights: str = "published",
    split: str = "validation",
    complete: bool = True,
    fingerprint: str = "f0",
    version: int = 1,
    dtype: str = "float32",
    revision: str = "r0",
    direction: Direction = "higher",
    unit: str = "",
    provenance: dict[str, Any] | None = None,
    settings: dict[str, Any] | None = None,
    protocol: str = "",
) -> Result:
    """A predict job with one score and its bootstrap interval of half-width `half`."""
    interval = value is not None and half is not None
    number = Value(
        metric=metric,
        value=value,
        unit=unit,
        direction=direction,
        n=500,
        ci_low=value - half if interval else None,
        ci_high=value + half if interval else None,
        ci_kind="bootstrap over examples" if interval else "",
        ci_level=0.95 if interval else None,
        split=split,
        complete=complete,
    )
    facts = {"dataset_fingerprint": fingerprint, "dataset_id": f"data/{task}"} | (provenance or {})
    spec = spec_of(model, weights, revision) | {"task": task, "device": "cpu", "backend": "eager"}
    spec |= {"settings": settings} if settings else {}
    return result("predict", spec, [number], seed=seed, version=version, dtype=dtype, facts=facts, protocol=protocol)


def cost(
    model: str,
    metric: str,
    value: float,
    *,
    unit: str = "ms",
    profiler: str = "latency",
    batch_size: int = 1,
    dtype: str = "float32",
    machine: str = "box-2c",
    device: str = "cpu",
    weights: str = "published",
    steady: bool = True,
) -> Result:
    """A profile job with one number."""
    number = Value(
        metric=metric,
        value=value,
        unit=unit,
        direction="lower",
        n=5,
        ci_low=value * 0.95,
        ci_high=value * 1.05,
        ci_kind="t over processes",
        ci_level=0.95,
    )
    spec = spec_of(model, weights, "r0") | {
        "profiler": profiler,
        "backend": "eager",
        "device": device,
        "batch_size": batch_size,
        "sequence_length": 128,
    }
    return result("profile", spec, [number], dtype=dtype, machine=machine, steady=steady)


def failure(model: str, task: str, error: str, *, seed: int = 1, status: Status = "failed") -> Result:
    """A fine-tuning job without result."""
    spec = spec_of(model, "published", "r0") | {"task": task, "device": "cpu"}
    return result("finetune", spec, [], seed=seed, status=status, error=error, version=1)


def spec_of(model: str, weights: str, revision: str) -> dict[str, Any]:
    return {"model": model, "family": FAMILIES.get(model, "bert"), "weights": weights, "revision": revision}


def result(
    kind: Any,
    spec: dict[str, Any],
    values: Sequence[Value],
    *,
    seed: int = 0,
    version: int = 0,
    dtype: str = "float32",
    machine: str = "box-2c",
    facts: dict[str, Any] | None = None,
    status: Status = "ok",
    error: str = "",
    steady: bool | None = None,
    protocol: str = "",
) -> Result:
    slug = f"{kind}.{len(str(spec))}"
    job = Job(kind=kind, spec=spec, seed=seed, dtype=dtype, task_version=version, protocol_hash=protocol, slug=slug)
    return Result(
        key=ResultKey(job_id=job.id, machine_id=machine, environment_id="e0"),
        job=job,
        status=status,
        values=tuple(values),
        steady=steady,
        provenance=facts or {},
        started_at="2026-01-02T03:04:05Z",
        error=error,
    )


def full_board() -> list[Result]:
    """Four families on three tasks (one a sample) with three seeds, a random control, profiles and failures."""
    levels = {"bert-a": 0.80, "distil-a": 0.795, "albert-a": 0.70, "mobile-a": 0.60, "control": 0.50}
    results = []
    for model, level in levels.items():
        weights = "random" if model == "control" else "published"
        for seed in (1, 2, 3):
            wobble = 0.004 * (seed - 2)
            results.append(score(model, "sentiment", level + wobble, seed=seed, weights=weights))
            if model != "mobile-a":
                results.append(score(model, "pairs", level - 0.1 - wobble / 2, seed=seed, weights=weights))
            sample = {"complete": False, "metric": "f1"}
            results.append(score(model, "spans", level - 0.2 + wobble, seed=seed, weights=weights, **sample))
    for model, milliseconds in {"bert-a": 20.0, "distil-a": 10.5, "albert-a": 19.0, "mobile-a": 8.0}.items():
        results.append(cost(model, "latency_ms", milliseconds))
        results.append(cost(model, "latency_ms", milliseconds * 7, batch_size=8, steady=model != "albert-a"))
        results.append(cost(model, "memory_peak_mib", 400 + milliseconds, unit="MiB", profiler="memory"))
        results.append(cost(model, "parameters_stored", milliseconds * 1e6, unit="", profiler="size"))
    results.append(
        failure("mobile-a", "pairs", "glue/pairs cannot be had here: no network, and /srv/mirror/glue lacks it")
    )
    return results


def controlled_board(seeds: Sequence[int] = (1,)) -> list[Result]:
    """Four models with controls from random weights, one also without its teacher, and the majority baseline.

    The baseline has no score on `similarity`, as a correlation with a constant has none; `raw-a` does not beat it.
    """
    tasks = {"sentiment": "accuracy", "pairs": "f1", "similarity": "pearson", "nli": "accuracy"}
    levels = {"bert-a": 0.80, "distil-a": 0.78, "albert-a": 0.66, "mobile-a": 0.653, "raw-a": 0.51}
    controls = {"bert-a-random": "bert-a", "distil-a-random": "distil-a", "albert-a-random": "albert-a"}
    controls |= {"mobile-a-random": "mobile-a", "distil-a-alone": "distil-a"}
    levels |= {"bert-a-random": 0.52, "distil-a-random": 0.53, "albert-a-random": 0.50, "mobile-a-random": 0.65}
    levels |= {"distil-a-alone": 0.70}
    results = []
    for place, (model, level) in enumerate(levels.items()):
        weights = "random" if model.endswith("-random") else "recipe"
        facts = {"control_of": controls[model]} if model in controls else {}
        for seed in seeds:
            for step, (task, metric) in enumerate(tasks.items()):
                value = level - 0.03 * step + 0.004 * ((seed * (place + 2) + step) % 3 - 1)
                results.append(
                    score(model, task, value, seed=seed, metric=metric, weights=weights, half=0.03, provenance=facts)
                )
    results += majority({"sentiment": 0.51, "pairs": 0.50, "nli": 0.45, "similarity": None}, tasks)
    return results


def majority(values: Mapping[str, float | None], metrics: Mapping[str, str] | None = None, **more: Any) -> list[Result]:
    """The baseline's result on each task; None: no score."""
    return [
        score("majority", task, value, metric=(metrics or {}).get(task, "accuracy"), weights="constant", **more)
        for task, value in values.items()
    ]


def write_run(folder: Path, results: Sequence[Result]) -> Path:
    """A run folder with these results."""
    run = RunFolder(folder)
    for each in results:
        run.write(each)
    return folder
