"""The nouns of benchbert: frozen, keyword-only dataclasses of the standard library, shared by every room.

What a user writes (`Suite`, `Recipe`) stands in suite.py and recipe.py; what a run keeps (`Job`, `Value`, `Result`) and
what is registered (`ModelSpec`, `Task`) stand here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Literal

__all__ = [
    "SCHEMA_VERSION",
    "ArchitectureSource",
    "Artefact",
    "DatasetRef",
    "Direction",
    "FolderSource",
    "Head",
    "HubSource",
    "Job",
    "JobKind",
    "ModelSource",
    "ModelSpec",
    "PublishedFacts",
    "RecipeSource",
    "Resources",
    "Result",
    "ResultKey",
    "Split",
    "Status",
    "Task",
    "Value",
    "Workload",
    "as_json",
    "canonical_json",
    "digest",
]

SCHEMA_VERSION = 1
"""Version of `Result` on disk."""

Head = Literal["classification", "regression", "span"]
Direction = Literal["higher", "lower", "none"]
Status = Literal["ok", "failed", "out_of_memory", "timeout"]
JobKind = Literal["pretrain", "distil", "finetune", "predict", "profile"]


def canonical_json(value: Any) -> str:
    """The one JSON text of a value: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON of a value, in hexadecimal."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


# --- models ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class HubSource:
    """Published weights under a hub id, on the hub or in a mirror."""

    id: str
    """Hub id, `organisation/name`."""
    revision: str = "main"
    """Branch, tag or commit; what it resolved to goes into the Lock."""


@dataclass(frozen=True, kw_only=True)
class FolderSource:
    """Weights in a local folder as transformers saves them."""

    path: str
    """Absolute path of the folder."""


@dataclass(frozen=True, kw_only=True)
class ArchitectureSource:
    """An architecture with random weights: for hardware profiles, and as a control."""

    of: str
    """Registered model whose architecture it is."""


@dataclass(frozen=True, kw_only=True)
class RecipeSource:
    """Weights that a recipe of this suite makes."""

    path: str
    """Absolute path of the recipe file."""


ModelSource = HubSource | FolderSource | ArchitectureSource | RecipeSource


@dataclass(frozen=True, kw_only=True)
class PublishedFacts:
    """What the literature says of a model; tests hold the architecture against it."""

    parameters: float
    """Parameters of encoder and pooler, in millions."""
    gflops: float
    """2 x multiply-adds of one 128-token sequence, in 10^9."""


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """A model that can be named in a suite."""

    name: str
    """Unique name, such as `bert-base-uncased`."""
    family: str
    """Name of its FamilyAdapter, such as `bert`."""
    source: ModelSource | None
    """Where its weights come from; None: no published weights, architecture only."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments of its transformers config, `model_type` among them; empty: read from the weights' folder."""
    cased: bool = False
    """Whether its vocabulary distinguishes case."""
    licence: str = "unknown"
    """SPDX id of the licence of the published weights."""
    reference: str = ""
    """Paper, as `Authors year, arXiv id`."""
    published: PublishedFacts | None = None
    """Facts to check against; None: none known."""
    labels: tuple[str, ...] = ()
    """Names of the outputs of its head, in order, when its config has only `LABEL_i`; empty: read from the config."""


# --- tasks ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class DatasetRef:
    """A dataset as `datasets.load_dataset(id, config)` names it; `builtin/...` ids are generated."""

    id: str
    """Hub id or `builtin/...`."""
    config: str = ""
    """Name of the configuration; empty: the default one."""

    @property
    def key(self) -> str:
        """`id` or `id/config`: its name in the Lock."""
        return f"{self.id}/{self.config}" if self.config else self.id


@dataclass(frozen=True, kw_only=True)
class Split:
    """One split of a task's dataset."""

    name: str
    """Name in the dataset, such as `validation_matched`."""
    rows: int
    """Official number of rows; another number makes values `complete = false`."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """A thing to fine-tune on and to score."""

    name: str
    """Unique name, such as `glue/cola` or `builtin/squad`."""
    version: int = 1
    """Raised when encoding, decoding or metrics change: results of other versions are stale."""
    dataset: DatasetRef
    """Where its rows are."""
    head: Head
    """Output layer: classification (logits over labels), regression (one number), span (start and end logits)."""
    text: tuple[str, ...]
    """Columns with the text: one, or two for a pair; question and context for a span."""
    label: str = "label"
    """Column with the label; `answers` for a span."""
    labels: tuple[str, ...] = ()
    """Names of the classes in the dataset's order; empty for other heads."""
    train: Split | None = None
    """Split for fine-tuning; None: the task only scores (see `head_of`)."""
    evaluation: tuple[Split, ...]
    """Labelled splits that are scored."""
    test: tuple[Split, ...] = ()
    """Unlabelled splits for submissions."""
    metrics: tuple[str, ...]
    """Names in `benchbert.metrics`, the main one first."""
    unanswerable: bool = False
    """Spans only: questions may have no answer (SQuAD 2.0)."""
    head_of: str = ""
    """Task whose fine-tuned model scores this one (AX uses MNLI's); empty: its own."""
    reference: str = ""
    """Paper that defines task and metrics."""

    @property
    def main_metric(self) -> str:
        """The metric that ranks models on this task."""
        return self.metrics[0]


@dataclass(frozen=True, kw_only=True)
class Workload:
    """What a hardware profile runs."""

    device: str = "cpu"
    """`cpu`, `cuda` or `cuda:N`."""
    dtype: str = "float32"
    """`float32`, `bfloat16` or `float16`."""
    threads: int = 1
    """Intra-op threads of the measuring process."""
    batch_size: int = 1
    """Sequences a forward pass."""
    sequence_length: int = 128
    """Tokens a sequence, no padding."""


# --- jobs -----------------------------------------------------------------------------------------------------------


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


# --- results --------------------------------------------------------------------------------------------------------


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
