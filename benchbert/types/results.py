"""What a job found: values with what is needed to read them, and where they came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from benchbert.types.jobs import Job

__all__ = ["SCHEMA_VERSION", "Artefact", "Direction", "Result", "ResultKey", "Status", "Value", "as_json"]

SCHEMA_VERSION = 1
"""Version of `Result` on disk."""

Direction = Literal["higher", "lower", "none"]
Status = Literal["ok", "failed", "out_of_memory", "timeout"]


@dataclass(frozen=True, kw_only=True)
class Value:
    """One number, with what is needed to read it."""

    metric: str
    """Name that carries its unit where it has one, such as `latency_ms`."""
    value: float | None
    """The number; None: undefined (a correlation with a constant, say), never NaN."""
    unit: str = ""
    """`ms`, `MiB`, `sequences/s`, ... ; empty: a score in 0..1 or -1..1."""
    direction: Direction = "none"
    """Which way is better."""
    n: int = 0
    """Number of examples, samples or processes that the interval is over."""
    ci_low: float | None = None
    """Lower end of the interval; None: no interval."""
    ci_high: float | None = None
    """Upper end."""
    ci_kind: str = ""
    """How the interval was made, such as `bootstrap over examples` or `none: replicates = 1`."""
    ci_level: float | None = None
    """Coverage aimed at, such as 0.95."""
    split: str = ""
    """Split of the dataset it was computed on."""
    convention: str = ""
    """Which of several definitions it follows, such as `null threshold 0`."""
    complete: bool | None = None
    """Scores: whether the splits had their official row counts. None: does not apply."""


@dataclass(frozen=True, kw_only=True)
class Artefact:
    """A file or folder that a job left for others."""

    role: str
    """`model`, `head`, `predictions`, `samples`, `curve`."""
    path: str
    """Path relative to the run folder."""
    sha256: str
    """Digest of the file, or of the sorted (name, digest) pairs of a folder."""


@dataclass(frozen=True, kw_only=True)
class ResultKey:
    """What makes two results the same measurement."""

    job_id: str
    """`Job.id`."""
    machine_id: str
    """`Machine.id`."""
    environment_id: str
    """`Environment.id`."""
    replicate: int = 0
    """Which repetition of the whole job it is."""
    run_id: str = ""
    """The run that made it; not compared when a result is looked up."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one job found, or why it did not."""

    schema: int = SCHEMA_VERSION
    """Version of this record."""
    key: ResultKey
    """Which measurement it is."""
    job: Job
    """The job itself, so that a result file explains itself."""
    status: Status
    """How it ended."""
    values: tuple[Value, ...] = ()
    """What it found; empty unless `ok`."""
    samples: Mapping[str, Any] = field(default_factory=dict)
    """Small raw samples; large ones are an artefact with the role `samples`."""
    artefacts: tuple[Artefact, ...] = ()
    """Files it left."""
    quiet: bool | None = None
    """Profiles: whether the machine was quiet around the measurement. None: does not apply."""
    steady: bool | None = None
    """Profiles: whether a steady state was reached. None: does not apply."""
    pair: int | None = None
    """Index of the pair where it was measured against another, else None."""
    side: Literal["base", "head"] | None = None
    """Side within the pair."""
    block: int | None = None
    """Block within the pair."""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """Dataset fingerprint, revisions, library versions, git commit, ISA, notes."""
    started_at: str = ""
    """UTC, ISO 8601."""
    duration: float = 0.0
    """Seconds of wall clock."""
    error: str = ""
    """One line for people; empty when `ok`."""
    traceback: str = ""
    """For developers; empty when `ok` or when a BenchbertError says enough."""


def as_json(value: Any) -> dict[str, Any]:
    """A dataclass of this file as a JSON object."""
    return asdict(value)
