"""The one loop that trains: fine-tuning, pre-training and distillation differ in their steps and their objective.

Runs on accelerate for placement, backward, clipping and several processes. The loss of a step is normalised over the
whole step, so a micro-batch is a matter of memory, never of arithmetic. A run that was killed resumes from its last
checkpoint and sees the same batches, masks and dropout as if nothing had happened.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn

from benchbert.errors import TrainingError
from benchbert.store.context import Report
from benchbert.store.unfinished import flat
from benchbert.training.processes import Processes
from benchbert.training.saved_run import SavedRun

__all__ = ["Curve", "LoopSettings", "MicroBatches", "Objective", "train"]

MicroBatches = Sequence[Any]
Objective = Callable[[nn.Module, Any, Mapping[str, int]], dict[str, torch.Tensor]]
"""(model, micro-batch, totals of the step) -> terms of the loss, each already divided by its total over the step."""


Batches = Callable[[int], tuple[MicroBatches, Mapping[str, int]]]
"""Step -> (its micro-batches, totals over the step)."""

_RANK_SEEDS = 1_000_003
"""Between the seeds of dropout of two processes."""


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
    about: Mapping[str, Any] = field(default_factory=dict)
    """What else decides the run, by key: told where a checkpoint turns out to be of another run."""

    @property
    def terms(self) -> dict[str, Any]:
        """What decides the run, as a flat table."""
        own = flat({k: v for k, v in asdict(self).items() if k not in {"checkpoint_every", "about"}})
        return own | {key: value for key, value in flat(self.about).items() if key not in own}


@dataclass
class Curve:
    """Loss over the steps, thinned to at most some hundred points."""

    steps: list[int] = field(default_factory=list)
    """Step after which each point was taken, from 1."""
    terms: dict[str, list[float]] = field(default_factory=dict)
    """Term of the loss -> its mean since the point before; `loss` is their sum."""
    seconds: float = 0.0
    """Wall clock spent training, over all resumed parts."""
    notes: list[str] = field(default_factory=list)
    """What the user is to know of the way: a damaged checkpoint, say."""

    def add(self, step: int, means: Mapping[str, float]) -> None:
        """One more point."""
        self.steps.append(step)
        for name, value in means.items():
            self.terms.setdefault(name, []).append(round(value, 6))


def train(
    model: nn.Module,
    batches: Batches,
    objective: Objective,
    settings: LoopSettings,
    *,
    checkpoint: Path,
    owner: str,
    report: Report,
    also: Sequence[nn.Module] = (),
) -> Curve:
    """Trains a model in place.

    In each of several processes that torchrun started, the same call: each computes its share of the micro-batches of
    a step. The same number of processes goes on from a checkpoint.

    Args:
        model: in float32; on return it is trained, on its device, and in eval mode.
        batches: step -> (its micro-batches, totals over the step); depends on the step alone.
        objective: terms of the loss of one micro-batch.
        settings: how to train.
        checkpoint: file to resume from and to save to. The last one stays: it is the caller's to delete when what was
            trained is safe.
        owner: job id.
        report: told of the progress.
        also: modules that the objective uses and that are to be placed beside the model (a teacher).

    Raises:
        TrainingError: the loss or a gradient is not a finite number, or the checkpoint is of another run.
        StoreError: a checkpoint cannot be written, because the disk is full, say; the one before it stays.
    """
    accelerator = Accelerator(cpu=settings.device == "cpu", mixed_precision="no")
    training = _Training(accelerator, model, objective, settings)
    for module in also:
        module.to(accelerator.device)
    terms = settings.terms | {"processes": training.processes.count}
    saved = SavedRun(path=checkpoint, owner=owner, terms=terms, about=flat(settings.about), steps=settings.steps)
    training.run(batches, saved, report)
    model.eval()
    return training.curve


class _Training:
    """A run under way: what is trained, by what, and how far it is."""

    def __init__(
        self, accelerator: Accelerator, model: nn.Module, objective: Objective, settings: LoopSettings
    ) -> None:
        self.accelerator, self.model, self.objective, self.settings = accelerator, model, objective, settings
        self.processes = Processes(accelerator)
        # Dropout of the processes differs; that of the first is that of a single one.
        torch.manual_seed(settings.seed + _RANK_SEEDS * self.processes.rank)
        model.train()
        model.to(accelerator.device)
        self.trained = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = _optimizer(self.trained, settings)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, lambda step: _rate(step, settings))
        self.curve = Curve()
        self.since: dict[str, torch.Tensor] = {}
        self.bad_step = torch.zeros((), dtype=torch.int64, device=accelerator.device)

    def run(self, batches: Batches, saved: SavedRun, report: Report) -> None:
        """All steps that are left."""
        settings = self.settings
        first = self._take_up(saved)
        every = max(1, settings.steps // 100)
        before, began = self.curve.seconds, time.monotonic()
        kept = told = began
        for step in range(first, settings.steps):
            self._step(step, *batches(step))
            now = time.monotonic()
            self.curve.seconds = before + now - began
            last = step + 1 == settings.steps
            if (step + 1) % every == 0 or last:
                self._point(step)
            if self.processes.first and (now - told > 0.5 or last):
                loss = f"loss {self.curve.terms['loss'][-1]:.3f}, " if self.curve.steps else ""
                report(step + 1, settings.steps, f"{loss}{(step + 1 - first) / (now - began):.1f} steps/s")
                told = now
            if self.processes.agree(now - kept > settings.checkpoint_every):
                self._save(saved, step + 1)
                kept = now

    def _step(self, step: int, micro_batches: MicroBatches, totals: Mapping[str, int]) -> None:
        settings, device = self.settings, self.accelerator.device
        loss = torch.zeros((), device=device)
        for micro_batch in self.processes.share(micro_batches):
            with torch.autocast(device.type, torch.bfloat16, enabled=settings.dtype == "bfloat16"):
                terms = self.objective(self.model, micro_batch, totals)
            part = torch.stack([t.float() for t in terms.values()]).sum()
            self.accelerator.backward(part)
            loss += part.detach()
            for name, term in terms.items():
                self.since[name] = self.since.get(name, torch.zeros((), device=device)) + term.detach().float()
        self.processes.add_gradients(self.trained)
        norm = self.accelerator.clip_grad_norm_(self.model.parameters(), settings.clip)
        # Kept on the device: the host does not wait for it, but at the points of the curve and before a checkpoint.
        bad = (self.bad_step == 0) & ~torch.isfinite(self.processes.add(loss) + norm)
        self.bad_step = torch.where(bad, step + 1, self.bad_step)
        if device.type == "cpu":
            self._require_numbers()
        self.optimizer.step()
        self.schedule.step()
        self.optimizer.zero_grad(set_to_none=True)

    def _require_numbers(self) -> None:
        """
        Raises:
            TrainingError: the loss or the gradient of a step was not a finite number.
        """
        if not (bad := int(self.bad_step)):
            return
        settings = self.settings
        told = ", ".join(f"{name} {total:g}" for name, total in self.processes.add_terms(self.since).items())
        raise TrainingError(
            f"the loss or its gradient is not a number at step {bad} of {settings.steps} (since the last point of the "
            f"curve: {told}); no checkpoint was saved after it: lower learning_rate (it is "
            f"{settings.learning_rate:g}), raise warmup, or train in float32"
        )

    def _point(self, step: int) -> None:
        self._require_numbers()
        steps = step + 1 - (self.curve.steps[-1] if self.curve.steps else 0)
        means = {name: total / steps for name, total in self.processes.add_terms(self.since).items()}
        self.curve.add(step + 1, means | {"loss": sum(means.values())})
        self.since = {}

    def _save(self, saved: SavedRun, step: int) -> None:
        self._require_numbers()
        cuda = torch.cuda.is_available()
        since = self.processes.add_terms(self.since)
        random = self.processes.gather(torch.get_rng_state())
        random_cuda = self.processes.gather(torch.cuda.get_rng_state(self.accelerator.device)) if cuda else []
        device = self.accelerator.device
        self.since = {n: torch.tensor(v if self.processes.first else 0.0, device=device) for n, v in since.items()}
        if self.processes.first:
            saved.write(
                {
                    "step": step,
                    "seconds": self.curve.seconds,
                    "model": self.model.state_dict(),
                    "optimizer": self.optimizer.state_dict(),
                    "schedule": self.schedule.state_dict(),
                    "random": random,
                    "random_cuda": random_cuda,
                    "curve": {"steps": self.curve.steps, "terms": self.curve.terms},
                    "since": since,
                }
            )

    def _take_up(self, saved: SavedRun) -> int:
        """Goes on from the checkpoint of the same run, where there is one; the step to go on with."""
        if self.processes.first:
            saved.clean()
        self.processes.wait()
        state, problem = saved.read(self.model)
        if state is None:
            if problem:
                warnings.warn(problem, RuntimeWarning, stacklevel=4)
                self.curve.notes.append(problem)
            return 0
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        torch.set_rng_state(state["random"][self.processes.rank])
        if state["random_cuda"] and self.accelerator.device.type == "cuda":
            torch.cuda.set_rng_state(state["random_cuda"][self.processes.rank], self.accelerator.device)
        self.curve.steps, self.curve.terms = list(state["curve"]["steps"]), dict(state["curve"]["terms"])
        self.curve.seconds = float(state["seconds"])
        if self.processes.first:
            self.since = {n: torch.tensor(v, device=self.accelerator.device) for n, v in state["since"].items()}
        return int(state["step"])


def _optimizer(trained: Sequence[nn.Parameter], settings: LoopSettings) -> torch.optim.Optimizer:
    """AdamW (Loshchilov & Hutter 2019), fused, without decay on vectors: biases and normalisation."""
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
