"""The tables of a suite file: models and tasks of one's own, fine-tuning, profiles."""

from __future__ import annotations

import fnmatch
import itertools
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar, Literal

from benchbert import registry
from benchbert.task_distillation import Method, TaskDistillation
from benchbert.types import HEAD_LENGTHS, FileLayout, Head

__all__ = ["STRICT", "Dtype", "Finetune", "FinetuneOverride", "ModelEntry", "Profile", "TaskEntry", "TrainSettings"]

STRICT: dict[str, Any] = {"extra": "forbid"}
"""Pydantic's settings of every table: an unknown key is an error."""
Dtype = Literal["float32", "bfloat16", "float16", "int8"]


@dataclass(frozen=True, kw_only=True)
class ModelEntry:
    """A model that the registry does not have: exactly one of folder, recipe, hub and architecture."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    name: str
    """What it is called in the results."""
    folder: str = ""
    """Checkpoint as transformers saves it; relative to the suite file."""
    recipe: str = ""
    """Recipe that makes it; relative to the suite file."""
    hub: str = ""
    """Hub id."""
    revision: str = "main"
    """Branch, tag or commit, with `hub`."""
    architecture: str = ""
    """Registered model (or `recipe:` and a recipe's path) whose architecture is filled with random weights."""
    labels: tuple[str, ...] = ()
    """Names of its head's outputs in order, where its config has only `LABEL_i`."""
    control_of: str = ""
    """Model of this suite that it is a control of: shown against it, never ranked. Empty: none."""
    recipe_seeds: Literal["recipe", "suite"] = "recipe"
    """`suite`: its recipe is carried out once for each of the suite's seeds, which takes the place of the recipe's own,
    so that intervals over seeds hold what its training does to a score; its teacher and tokenizer are made once."""
    task_teacher: str = ""
    """Model that teaches it on each task, fine-tuned there itself: one of this suite, a registered one, a recipe
    (`recipe:NAME`, `*.toml`) or a folder (`./...`), relative to the suite file. Empty: none."""
    task_distillation: Method | TaskDistillation | None = None
    """How it learns from its task teacher: a method, or a table. None: `distilbert`, where it has one."""

    @property
    def distillation(self) -> TaskDistillation | None:
        """`task_distillation` as a table; None: it has neither that nor a teacher."""
        if isinstance(self.task_distillation, TaskDistillation):
            return self.task_distillation
        if self.task_distillation is not None:
            return TaskDistillation(method=self.task_distillation)
        return TaskDistillation() if self.task_teacher else None


@dataclass(frozen=True, kw_only=True)
class TaskEntry:
    """A task over the user's own files: CSV, TSV, JSON lines or parquet, relative to the suite file."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    name: str
    """What it is called in the results."""
    train: str
    """File that models are fine-tuned on."""
    validation: str
    """File that they are scored on."""
    test: str = ""
    """File that is only predicted: its labels, if it has any, are not read. Empty: none."""
    head: Head = "classification"
    """What is predicted: one class, one number, an answer in a text, several labels, or a tag for each token."""
    text: tuple[str, ...] = ()
    """Columns with the text: one, or two for a pair. Empty: `question` and `context` of a span, `tokens` of tokens."""
    label: str = ""
    """Column with what is predicted. Empty: `answers` of a span, `tags` of tokens, else `label`."""
    labels: tuple[str, ...] = ()
    """Names of the classes, labels or tags in order; empty: those of the training file, sorted."""
    id: str = ""
    """Column with the ids; empty: `id` or `idx` where there is one, else the rows are counted."""
    separator: str = ""
    """What stands between the labels or tokens of a cell; empty: cells are lists."""
    metrics: tuple[str, ...] = ()
    """Metrics, the main one first; empty: the head's."""

    @property
    def files(self) -> dict[str, str]:
        """Split -> its file, as the suite names it."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {split: file for split, file in named.items() if file}

    @property
    def layout(self) -> FileLayout:
        """How the files are read, with the head's usual columns where none are named."""
        texts = {"span": ("question", "context"), "token_classification": ("tokens",)}
        labels = {"span": "answers", "token_classification": "tags"}
        return FileLayout(
            head=self.head,
            text=self.text or texts.get(self.head, ()),
            label=self.label or labels.get(self.head, "label"),
            id=self.id,
            separator=self.separator,
        )


@dataclass(frozen=True, kw_only=True)
class FinetuneOverride:
    """Settings that differ for some tasks or models; a key left out keeps its value."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    epochs: float | None = None
    learning_rate: float | None = None
    batch_size: int | None = None
    max_length: int | None = None
    stride: int | None = None
    warmup: float | None = None
    weight_decay: float | None = None
    clip: float | None = None


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """How one model is fine-tuned on one task."""

    epochs: float = 3.0
    """Passes over the training split."""
    learning_rate: float = 5e-5
    """Peak of the schedule."""
    batch_size: int = 32
    """Examples an optimizer step, exactly."""
    max_length: int | None = None
    """Tokens an example; windows of a span task, too. None: by the task's head, 128, of spans 384."""
    stride: int = 128
    """Span tasks: tokens that neighbouring windows share; at most half of max_length is used."""
    warmup: float = 0.1
    """Share of the steps in which the rate rises; it then falls to 0 on a line."""
    weight_decay: float = 0.01
    """Of AdamW; not on biases and LayerNorm."""
    clip: float = 1.0
    """Largest norm of the gradient."""


@dataclass(frozen=True, kw_only=True)
class Finetune(TrainSettings):
    """The `[finetune]` table."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Compute dtype; auto: bfloat16 where the hardware multiplies in it."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where models are trained; auto: cuda where there is one."""
    per_task: Mapping[str, FinetuneOverride] = field(default_factory=dict)
    """Task name or glob -> what differs."""
    per_model: Mapping[str, FinetuneOverride] = field(default_factory=dict)
    """Model name or glob -> what differs; goes before per_task."""

    def settings(self, model: str, task: str, head: Head) -> TrainSettings:
        """Settings for one model and one task; later matches win, models over tasks, what is said over the head's."""
        chosen = {f.name: getattr(self, f.name) for f in fields(TrainSettings)}
        for name, overrides in ((task, self.per_task), (model, self.per_model)):
            for pattern, override in overrides.items():
                if fnmatch.fnmatchcase(name, pattern):
                    chosen |= {k: v for k, v in asdict(override).items() if v is not None}
        if chosen["max_length"] is None:
            chosen["max_length"] = HEAD_LENGTHS[head]
        return TrainSettings(**chosen)


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The `[profile]` table: a grid of hardware profiles for every model."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    profilers: tuple[str, ...] = ("latency", "throughput", "memory", "size")
    """Names from `benchbert list profilers`."""
    backends: tuple[str, ...] = ("eager",)
    """Names from `benchbert list backends`."""
    devices: tuple[str, ...] = ("cpu",)
    """`cpu`, `cuda`."""
    dtypes: tuple[Dtype, ...] = ("float32",)
    """Compute dtypes; one that a backend does not have is left out of its cells where another backend has it."""
    batch_sizes: tuple[int, ...] = (1,)
    """Sequences a forward pass."""
    sequence_lengths: tuple[int, ...] = (128,)
    """Tokens a sequence."""
    threads: tuple[int, ...] = (1,)
    """Intra-op threads."""
    processes: int = 1
    """Fresh processes a timed cell; 5 or more for results to publish."""
    time_limit: float = 30.0
    """Seconds that one process of one cell may measure."""
    score: bool = False
    """Whether the suite's tasks are also scored on each backend and dtype above, so that label flips and the change of
    the score against float32 eager stand beside the speed; at the first of the batch sizes."""

    def backends_with(self, dtype: str, device: str) -> tuple[str, ...]:
        """Those of its backends that know a dtype on a device."""
        return tuple(name for name in self.backends if dtype in registry.find("backends", name).dtypes(device))

    @property
    def variants(self) -> dict[tuple[str, str], str]:
        """(backend, dtype) of the grid -> the first of its devices that can have it."""
        found: dict[tuple[str, str], str] = {}
        for backend, dtype, device in itertools.product(self.backends, self.dtypes, self.devices):
            if backend in self.backends_with(dtype, device):
                found.setdefault((backend, dtype), device)
        return found
