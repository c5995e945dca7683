"""One unit of work: what decides its outcome, what it needs, and its id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from benchbert.types.digests import digest

__all__ = ["Job", "JobKind", "Resources"]

JobKind = Literal["pretrain", "distil", "finetune", "predict", "profile"]


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What a job needs of a machine; not part of its identity."""

    cpus: int = 1
    """Processor cores."""
    gpus: int = 0
    """CUDA devices."""
    memory: int = 0
    """Bytes of host memory; 0: unknown."""
    exclusive: bool = False
    """Nothing else of this run may run on the machine meanwhile (hardware profiles)."""
    machine: str = ""
    """Label of the machine that must run it; empty: any."""
    estimate: float = 1.0
    """Rough seconds, to order ready jobs by their remaining path; only ratios matter."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One unit of work with one Result."""

    kind: JobKind
    """What it does."""
    spec: Mapping[str, Any]
    """All that decides its outcome and is not a field of its own; JSON only, no local paths."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Role (`model`, `teacher`, `head`) -> id of the job that makes it."""
    resources: Resources = field(default_factory=Resources)
    """Needs; not hashed."""
    threads: int = 1
    """Threads it computes with (they change floating-point sums)."""
    dtype: str = "float32"
    """Compute dtype."""
    seed: int = 0
    """Seed of everything random in it."""
    task_version: int = 0
    """Version of its task; 0: no task."""
    protocol_hash: str = ""
    """Digest of the protocol settings that are not in the spec."""
    slug: str = ""
    """Readable name, such as `finetune.bert-tiny.glue-cola.s1`; not hashed."""
    blocked: str = ""
    """Why it cannot run here (its dataset or model cannot be had); not hashed. Empty: it can."""

    @cached_property
    def id(self) -> str:
        """SHA-256 over everything but resources, slug and blocked."""
        fields = {
            "kind": self.kind,
            "spec": dict(self.spec),
            "inputs": dict(self.inputs),
            "threads": self.threads,
            "dtype": self.dtype,
            "seed": self.seed,
            "task_version": self.task_version,
            "protocol_hash": self.protocol_hash,
        }
        return digest(fields)

    @property
    def short_id(self) -> str:
        """First twelve digits of the id: names of files and folders."""
        return self.id[:12]
