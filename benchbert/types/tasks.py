"""A thing to fine-tune on and to score, the dataset behind it, and the workload of a profile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["DatasetRef", "Head", "Split", "Task", "Workload"]

Head = Literal["classification", "regression", "span"]


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
    held_back: tuple[Split, ...] = ()
    """Labelled splits kept for a last look: nothing is tuned on them, and only `scored_on = "test"` scores them."""
    metrics: tuple[str, ...]
    """Names in `benchbert.metrics`, the main one first."""
    unanswerable: bool = False
    """Spans only: questions may have no answer (SQuAD 2.0)."""
    head_of: str = ""
    """Task whose fine-tuned model scores this one (AX uses MNLI's); empty: its own."""
    reference: str = ""
    """Paper that defines task and metrics."""

    @property
    def splits(self) -> tuple[Split, ...]:
        """All splits: for fine-tuning, labelled, unlabelled and held back."""
        return (*((self.train,) if self.train else ()), *self.evaluation, *self.test, *self.held_back)

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
