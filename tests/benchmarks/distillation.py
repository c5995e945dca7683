"""One shape of distillation: the ways in interleaved rounds, their memory, the share of the peak, where time goes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchbert.distillation.distill import TripleLoss
from benchbert.distillation.teacher import LiveTeacher
from benchbert.machine import machine

from .distilled_pair import LOSSES, TEMPERATURE, Models, Shape, make_models
from .distilled_ways import Ours, Reference
from .peak import gemm_peak
from .rounds import interleaved, ratio

__all__ = ["SHAPES", "WAYS", "measure_distillation"]

_SMALL = Shape(
    name="4 layers, 256, 8,000",
    hidden=256,
    layers=4,
    vocabulary=8_000,
    float32_bar=4,
    bfloat16_bar=2.5,
    rounds=5,
    steps=4,
)
_BASE = Shape(
    name="BERT-base, 30,522",
    hidden=768,
    layers=12,
    vocabulary=30_522,
    float32_bar=3,
    bfloat16_bar=1.8,
    rounds=3,
    steps=1,
)
TINY = Shape(
    name="tiny",
    hidden=64,
    layers=2,
    vocabulary=200,
    sequences=4,
    length=16,
    float32_bar=4,
    bfloat16_bar=2.5,
    rounds=2,
    steps=1,
)

SHAPES = {
    "quick": (TINY,),
    "default": (_SMALL, _BASE),
    "full": (replace(_SMALL, rounds=9, steps=10), replace(_BASE, rounds=7, steps=3)),
}
"""Mode -> what is measured: seconds; about ten minutes on two cores; an hour."""

WAYS = {"reference": torch.float32, "reference_bfloat16": torch.bfloat16, "ours": torch.bfloat16}
"""Way -> its compute dtype; ours is in float32 where the hardware does not multiply in bfloat16, as a job is."""


def measure_distillation(shape: Shape, gemm: tuple[int, ...]) -> dict[str, Any]:
    """All numbers of one shape, ready for JSON.

    Args:
        shape: models and batch.
        gemm: sides of the square products that the machine's peak is looked for with.
    """
    agreed = agreement(make_models(shape))
    ways = {name: made(name, make_models(shape)) for name in WAYS}

    def runs(name: str) -> list[tuple[float, int]]:
        way = ways[name]
        return way.run(shape.steps) if isinstance(way, Ours) else [way.step() for _ in range(shape.steps)]

    found = interleaved({name: lambda name=name: runs(name) for name in ways}, shape.rounds)
    # Seconds of a real token, so that padding counts for nothing.
    each = {
        name: [sum(s for s, _ in steps) / sum(tokens for _, tokens in steps) for steps in rounds]
        for name, rounds in found.items()
    }
    real = [tokens for steps in found["reference"] for _, tokens in steps]
    memory = {name: measured_memory(name, shape) for name in WAYS}
    ours = ways["ours"]
    assert isinstance(ours, Ours)
    return {
        "shape": asdict(shape),
        "dtype": str(ours.dtype).removeprefix("torch."),
        "places": shape.sequences * shape.length,
        "real_tokens_of_reference": float(np.mean(real)),
        "tokens_per_s": {name: [1 / seconds for seconds in rounds] for name, rounds in each.items()},
        "against_float32": asdict(ratio(each["reference"], each["ours"])),
        "against_bfloat16": asdict(ratio(each["reference_bfloat16"], each["ours"])),
        "activation_bytes": memory,
        "memory_against_float32": memory["ours"] / memory["reference"],
        "memory_against_bfloat16": memory["ours"] / memory["reference_bfloat16"],
        "agreement": agreed,
        "gemm": share_of_peak(ours, gemm, float(np.median(each["ours"]))),
        "profile": profile(ours),
        "load_average": os.getloadavg()[0],
    }


def made(name: str, models: Models) -> Reference | Ours:
    """A way by its name."""
    if name != "ours":
        return Reference(models, WAYS[name])
    return Ours(models, WAYS[name] if machine().fast_bfloat16 else torch.float32)


def agreement(models: Models) -> dict[str, float]:
    """Largest difference of a term from the reference's in float32, as a share of the loss, on one masked batch."""
    models.student.eval()
    batches, totals = Ours(models, torch.float32).batches(0)
    batch = batches[0]
    labels = torch.full((batch.input_ids.numel(),), -100)
    labels[batch.positions] = batch.targets
    with torch.no_grad():
        plain = Reference(models, torch.float32)
        expected = plain.losses(batch.input_ids, torch.ones_like(batch.input_ids), labels.view_as(batch.input_ids))
        found = {}
        for dtype in (torch.float32, torch.bfloat16):
            asked = LiveTeacher(models.teacher, models.adapters[1])
            loss = TripleLoss(asked, models.adapters[0], LOSSES, TEMPERATURE)
            with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
                terms = loss(models.student, batch, totals)
            off = max(abs(float(terms[name]) - float(term)) for name, term in expected.items())
            found[str(dtype).removeprefix("torch.")] = off / sum(map(float, expected.values()))
    return found


def share_of_peak(ours: Ours, gemm: tuple[int, ...], seconds_of_token: float) -> dict[str, Any]:
    """FLOP/s of the matrix products that our step executes over the machine's peak in the same dtype."""
    shape = ours.models.shape
    peak = max(gemm_peak(ours.dtype, gemm, shape.hidden, 4 * shape.hidden).values())
    student, teacher = ours.models.adapters
    tokens = shape.sequences * shape.length
    projection = 2 * tokens * shape.hidden * (shape.vocabulary + shape.hidden)
    # Forward once; of what is trained also the gradients of inputs and weights. BERT's pooler does not run here.
    pooler = 2 * shape.hidden**2
    of_teacher = shape.sequences * (teacher.flops(ours.models.teacher.config, shape.length) - pooler) + projection
    of_student = 3 * (shape.sequences * student.flops(ours.models.student.config, shape.length) + projection)
    flops = of_teacher + of_student
    return {
        "dtype": str(ours.dtype).removeprefix("torch."),
        "peak_gflops": peak / 1e9,
        "gflop": flops / 1e9,
        "share": flops / (seconds_of_token * tokens) / peak,
    }


def profile(ours: Ours) -> list[dict[str, Any]]:
    """Share of the time on the host of each kind of operation in one step, the largest first, small ones together."""
    profiler = torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU])

    def at(step: int) -> None:
        if step == 1:
            profiler.start()
        elif step == 2:
            profiler.stop()

    ours.run(1, at)
    times = {event.key: event.self_cpu_time_total for event in profiler.key_averages()}
    calls = {event.key: event.count for event in profiler.key_averages()}
    total = sum(times.values())
    ordered = sorted(times, key=lambda name: -times[name])[:_ROWS]
    rows = [{"operation": name, "calls": calls[name], "share": times[name] / total} for name in ordered]
    rest = 1.0 - sum(row["share"] for row in rows)
    return [
        *rows,
        {"operation": "all others", "calls": sum(calls.values()) - sum(r["calls"] for r in rows), "share": rest},
    ]


_ROWS = 12


def measured_memory(way: str, shape: Shape) -> float:
    """Peak activation memory of a way in bytes, in a process of its own; see `distilled_memory`."""
    command = [sys.executable, "-m", f"{__package__}.distilled_memory", way, json.dumps(asdict(shape))]
    environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return float(json.loads(done.stdout.splitlines()[-1])["activation_bytes"])
