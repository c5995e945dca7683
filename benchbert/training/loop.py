"""The one loop that trains: fine-tuning, pre-training and distillation differ in their steps and their objective.

Runs on accelerate for placement, backward and clipping. The loss of a step is normalised over the whole step, so a
micro-batch is a matter of memory, never of arithmetic. A run that was killed resumes from its last checkpoint and sees
the same batches, masks and dropout as if nothing had happened.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn

from benchbert.errors import TrainingError
from benchbert.store.context import Report
from benchbert.store.files import writing

__all__ = ["Curve", "LoopSettings", "MicroBatches", "Objective", "train"]

MicroBatches = Sequence[Any]
Objective = Callable[[nn.Module, Any, Mapping[str, int]], dict[str, torch.Tensor]]
"""(model, micro-batch, totals of the step) -> terms of the loss, each already divided by its total over the step."""


@dataclass(frozen=True, kw_only=True)
class LoopSettings:
    """How to train."""

    steps: int
    """Optimizer steps."""
    learning_rate: float
    """Peak of the schedule."""
    warmup: float
    """Share of the steps in which the rate rises on a line; it then falls to 0 on a line."""
    weight_decay: float = 0.01
    """AdamW's; not on biases and normalisation."""
    betas: tuple[float, float] = (0.9, 0.999)
    """AdamW's."""
    epsilon: float = 1e-8
    """AdamW's."""
    clip: float = 1.0
    """Largest norm of the gradient."""
    dtype: str = "float32"
    """`bfloat16`: autocast, weights stay float32."""
    device: str = "cpu"
    """`cpu` or `cuda`."""
    seed: int = 0
    """Of dropout."""
    checkpoint_every: float = 60.0
    """Seconds between checkpoints."""


@dataclass
class Curve:
    """Loss over the steps, thinned to at most some hundred points."""

    steps: list[int] = field(default_factory=list)
    """Step after which each point was taken, from 1."""
    terms: dict[str, list[float]] = field(default_factory=dict)
    """Term of the loss -> its mean since the point before; `loss` is their sum."""
    seconds: float = 0.0
    """Wall clock spent training, over all resumed parts."""

    def add(self, step: int, means: Mapping[str, float]) -> None:
        """One more point."""
        self.steps.append(step)
        for name, value in means.items():
            self.terms.setdefault(name, []).append(round(value, 6))


def train(
    model: nn.Module,
    batches: Callable[[int], tuple[MicroBatches, Mapping[str, int]]],
    objective: Objective,
    settings: LoopSettings,
    *,
    checkpoint: Path,
    owner: str,
    report: Report,
    also: Sequence[nn.Module] = (),
) -> Curve:
    """Trains a model in place.

    Args:
        model: in float32; on return it is trained, on its device, and in eval mode.
        batches: step -> (its micro-batches, totals over the step); depends on the step alone.
        objective: terms of the loss of one micro-batch.
        settings: how to train.
        checkpoint: file to resume from and to save to.
        owner: job id; a checkpoint of another job is not taken up.
        report: told of the progress.
        also: modules that the objective uses and that are to be placed beside the model (a teacher).

    Raises:
        TrainingError: the loss is not a number.
    """
    accelerator = Accelerator(cpu=settings.device == "cpu", mixed_precision="no")
    torch.manual_seed(settings.seed)
    model.train()
    optimizer = _optimizer(model, settings)
    model, optimizer = accelerator.prepare(model, optimizer)
    for module in also:
        module.to(accelerator.device)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, settings))
    curve = Curve()
    first = _resume(checkpoint, owner, model, optimizer, schedule, curve)
    _run(accelerator, model, optimizer, schedule, batches, objective, settings, curve, first, checkpoint, owner, report)
    checkpoint.unlink(missing_ok=True)
    model.eval()
    return curve


def _run(
    accelerator: Accelerator,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LambdaLR,
    batches: Callable[[int], tuple[MicroBatches, Mapping[str, int]]],
    objective: Objective,
    settings: LoopSettings,
    curve: Curve,
    first: int,
    checkpoint: Path,
    owner: str,
    report: Report,
) -> None:
    every = max(1, settings.steps // 100)
    since: dict[str, torch.Tensor] = {}
    before, began = curve.seconds, time.monotonic()
    saved = told = began
    for step in range(first, settings.steps):
        micro_batches, totals = batches(step)
        for micro_batch in micro_batches:
            with torch.autocast(accelerator.device.type, torch.bfloat16, enabled=settings.dtype == "bfloat16"):
                terms = objective(model, micro_batch, totals)
            accelerator.backward(torch.stack([t.float() for t in terms.values()]).sum())
            for name, term in terms.items():
                since[name] = since.get(name, torch.zeros((), device=term.device)) + term.detach().float()
        accelerator.clip_grad_norm_(model.parameters(), settings.clip)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)
        now = time.monotonic()
        curve.seconds = before + now - began
        if (step + 1) % every == 0 or step + 1 == settings.steps:
            _point(curve, since, step, settings)
            since = {}
        if now - told > 0.5 or step + 1 == settings.steps:
            loss = f"loss {curve.terms['loss'][-1]:.3f}, " if curve.steps else ""
            report(step + 1, settings.steps, f"{loss}{(step + 1 - first) / (now - began):.1f} steps/s")
            told = now
        if now - saved > settings.checkpoint_every and not since:
            _save(checkpoint, owner, step + 1, model, optimizer, schedule, curve)
            saved = now


def _point(curve: Curve, since: Mapping[str, torch.Tensor], step: int, settings: LoopSettings) -> None:
    steps = step + 1 - (curve.steps[-1] if curve.steps else 0)
    means = {name: float(total) / steps for name, total in since.items()}
    means["loss"] = sum(means.values())
    if not math.isfinite(means["loss"]):
        terms = ", ".join(f"{k} {v}" for k, v in means.items())
        raise TrainingError(
            f"the loss is not a number by step {step + 1} of {settings.steps} ({terms}); lower learning_rate"
            f" (it is {settings.learning_rate:g}), raise warmup, or train in float32"
        )
    curve.add(step + 1, means)


def _optimizer(model: nn.Module, settings: LoopSettings) -> torch.optim.Optimizer:
    """AdamW (Loshchilov & Hutter 2019), fused, without decay on vectors: biases and normalisation."""
    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [g for g in groups if g["params"]],
        lr=settings.learning_rate,
        betas=settings.betas,
        eps=settings.epsilon,
        fused=True,
    )


def _rate(step: int, settings: LoopSettings) -> float:
    """Share of the peak learning rate in a step, from 0."""
    rising = round(settings.warmup * settings.steps)
    if step < rising:
        return (step + 1) / rising
    return max(0.0, (settings.steps - step) / max(1, settings.steps - rising))


def _save(
    checkpoint: Path,
    owner: str,
    step: int,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LambdaLR,
    curve: Curve,
) -> None:
    state = {
        "owner": owner,
        "step": step,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "schedule": schedule.state_dict(),
        "random": torch.get_rng_state(),
        "random_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "curve": {"steps": curve.steps, "terms": curve.terms, "seconds": curve.seconds},
    }
    with writing(checkpoint) as temporary:
        torch.save(state, temporary)


def _resume(
    checkpoint: Path,
    owner: str,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LambdaLR,
    curve: Curve,
) -> int:
    """Takes up a checkpoint of the same job; the step to go on with. After a damaged one, training starts anew."""
    if not checkpoint.exists():
        return 0
    try:
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
        same = state["owner"] == owner
    except Exception:  # torch raises half a dozen kinds for a file that is cut short or not one of its own
        same = False
    if not same:
        checkpoint.unlink()
        return 0
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    schedule.load_state_dict(state["schedule"])
    torch.set_rng_state(state["random"])
    if state["random_cuda"]:
        torch.cuda.set_rng_state_all(state["random_cuda"])
    curve.steps, curve.terms = list(state["curve"]["steps"]), dict(state["curve"]["terms"])
    curve.seconds = float(state["curve"]["seconds"])
    return int(state["step"])
