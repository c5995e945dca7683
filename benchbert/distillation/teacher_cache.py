"""The teacher cache of a recipe's job: where it is, what it cost, and what its losses miss of the full ones."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from benchbert.distillation.cached_teacher import CachedTeacher
from benchbert.distillation.kept_rows import KeptRows, Shape, prepare_files
from benchbert.distillation.losses import binned, binned_kl, missed_bound
from benchbert.distillation.teacher import Teacher
from benchbert.machine import environment, machine
from benchbert.models.adapter import FamilyAdapter
from benchbert.recipe_losses import as_schedule
from benchbert.training.masked_steps import MaskedSteps
from benchbert.training.recipe_run import RecipeRun
from benchbert.training.repeated_steps import RepeatedSteps
from benchbert.types import Value, digest

__all__ = ["OpenCache", "cache_shapes", "open_cache"]

_VERSION = 1
"""Raised when something else is kept, or in another way: older caches are then filled anew."""


def cache_shapes(settings: Mapping[str, Any], *, vocabulary: int, width: int) -> dict[str, Shape]:
    """Name of a phase -> what is kept of it; their `bytes` are known before anything runs.

    Args:
        settings: of a recipe with a teacher cache.
        vocabulary: of the teacher.
        width: of its last hidden states.
    """
    cache = settings["teacher_cache"]
    return {
        f"phase{number}": Shape(
            sequences=phase["steps"] // cache["passes"] * phase["batch_size"],
            length=phase["sequence_length"],
            vocabulary=vocabulary,
            top_k=min(cache["top_k"], vocabulary),
            hidden=width if cache["hidden"] else 0,
            dtype=cache["dtype"],
        )
        for number, phase in enumerate(settings["phases"], start=1)
    }


def open_cache(
    recipe: RecipeRun, settings: Mapping[str, Any], teacher: Any, live: Teacher, steps: MaskedSteps
) -> OpenCache:
    """The cache of a job, made where it is not there yet.

    Its name says all that decides a number in it: the teacher's weights, the tokens and their masks, T, what is kept,
    and what rounding depends on. The student is no part of that.

    Args:
        recipe: the job.
        settings: its recipe's.
        teacher: the model, not yet on its device.
        live: runs it.
        steps: the batches of all passes.

    Raises:
        StoreError: it cannot be written, or the disk has not enough room.
    """
    job = recipe.context.job
    repeated = RepeatedSteps(steps, settings["teacher_cache"]["passes"])
    heat = as_schedule(settings["temperature"]).first
    shapes = cache_shapes(settings, vocabulary=teacher.config.vocab_size, width=_width(teacher))
    terms = {
        "version": _VERSION,
        "teacher": _weights_digest(teacher),
        "tokens": recipe.stream_key("train", recipe.tokens),
        "phases": [dict(phase) for phase in _shapes_alone(repeated)],
        "masking": dict(settings["masking"]),
        "seed": recipe.seed,
        "temperature": heat if settings["teacher_cache"]["top_k"] else 0.0,
        "token_budget": recipe.token_budget,
        "device": recipe.device,
        "dtype": job.dtype,
        "threads": job.threads,
        "machine": machine().id,
        "environment": environment().id,
    }
    key = digest([terms, [asdict(shape) for shape in shapes.values()]])
    folder = recipe.context.folder.teacher_cache / key[:32]
    note = prepare_files(folder, shapes, terms)
    rows = [KeptRows(folder, name, shape) for name, shape in shapes.items()]
    source = CachedTeacher(live, repeated, rows, temperature=heat, owner=int(job.id[:15], 16))
    return OpenCache(teacher=source, note=note)


@dataclass(frozen=True, kw_only=True)
class OpenCache:
    """A cache in use by a job."""

    teacher: CachedTeacher
    """What the student learns from."""
    note: str = ""
    """That its files were damaged; empty: they were not."""

    @property
    def steps(self) -> RepeatedSteps:
        """The batches that the student sees."""
        return self.teacher.steps

    @property
    def notes(self) -> list[str]:
        """What the user is to know."""
        damaged = sum(len(rows.damaged) for rows in self.teacher.phases)
        said = f"the teacher cache: {damaged} sequences were damaged on disk and made anew"
        return [*([self.note] if self.note else []), *([said] if damaged else [])]

    def values(self, student: nn.Module, adapter: FamilyAdapter) -> tuple[Value, ...]:
        """What the cache takes and cost, and what it loses.

        `teacher_s` are the seconds that this job's teacher ran, `teacher_cache_fill_s` those of all jobs that filled
        it. With logits: `teacher_tail_mass`, the mean mass that is not kept class by class, at T; and on a sample of
        positions, in nats a token at T and for the trained student, `full_kl`, what binning misses of it
        (`missed_kl`), and the bound on that which needs no more than what is kept (`missed_kl_bound`).

        Args:
            student: trained, in eval mode.
            adapter: of its family.
        """
        rows = self.teacher.phases
        size = sum(phase.shape.bytes for phase in rows) / 1e9
        paid, all_paid = (sum(phase.seconds(who) for phase in rows) for who in (self.teacher.owner, None))
        values = [
            Value(metric="teacher_cache_gb", value=size, unit="GB", direction="lower"),
            Value(metric="teacher_s", value=round(paid, 3), unit="s", direction="lower"),
            Value(metric="teacher_cache_fill_s", value=round(all_paid, 3), unit="s", direction="lower"),
        ]
        if rows[0].shape.top_k:
            positions = sum(phase.shape.sequences * phase.shape.length for phase in rows)
            tail = sum(phase.tail() for phase in rows) / positions
            values.append(Value(metric="teacher_tail_mass", value=tail, direction="lower", n=positions))
            values += self._errors(student, adapter)
        return tuple(values)

    @torch.inference_mode()
    def _errors(self, student: nn.Module, adapter: FamilyAdapter) -> list[Value]:
        """Of the student as it is, over the sampled positions."""
        found: list[torch.Tensor] = []
        head, heat = adapter.mlm_head(student), self.teacher.temperature
        for phase, rows in enumerate(self.teacher.phases):
            for number, sequence in enumerate(rows.shape.sampled.tolist()):
                kept = rows.sample(number)
                if kept is None:
                    continue
                ids = self.steps.one(phase, sequence).input_ids
                hidden = adapter.base_model(student)(input_ids=ids).last_hidden_state[0]
                logits = head(hidden[torch.from_numpy(rows.shape.positions).to(ids.device)])
                found.append(_errors_of(logits.float().cpu(), torch.from_numpy(kept.copy()), rows.shape.top_k, heat))
        if not found:
            return []
        errors = torch.cat(found)
        means = errors.double().mean(0).tolist()
        names = ("full_kl", "missed_kl", "missed_kl_bound")
        return [
            Value(metric=name, value=mean, unit="nats", direction="lower", n=len(errors))
            for name, mean in zip(names, means, strict=True)
        ]


def _errors_of(student_PV: torch.Tensor, log_teacher_PV: torch.Tensor, kept: int, heat: float) -> torch.Tensor:
    """(full divergence, what binning misses, the bound on that) at T of each position, of shape (P, 3), in nats."""
    log_q_PV, hot_PV = log_teacher_PV.double().log_softmax(-1), student_PV.double() / heat
    full_P = (log_q_PV.exp() * (log_q_PV - torch.log_softmax(hot_PV, dim=-1))).sum(-1)
    shares = binned(log_q_PV, 1.0, kept)
    return torch.stack([full_P, full_P - binned_kl(hot_PV, shares), missed_bound(hot_PV, shares)], dim=-1)


def _shapes_alone(steps: RepeatedSteps) -> list[dict[str, int]]:
    """Of the first pass; which losses hold in a phase is the student's business."""
    return [{name: phase[name] for name in ("steps", "batch_size", "sequence_length")} for phase in steps.slices]


def _width(teacher: Any) -> int:
    """Of its last hidden states."""
    config = teacher.config
    return int(getattr(config, "hidden_size", 0) or config.dim)


def _weights_digest(model: Any) -> str:
    """SHA-256 of a model's config and weights."""
    config = {k: v for k, v in model.config.to_dict().items() if k not in {"_name_or_path", "transformers_version"}}
    found = hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode())
    for name, tensor in sorted(model.state_dict().items()):
        found.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        found.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()
