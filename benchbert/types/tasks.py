"""A thing to fine-tune on and to score, the dataset behind it, and the workload of a profile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["HEAD_LENGTHS", "HEAD_METRICS", "DatasetRef", "FileLayout", "Head", "Split", "Task", "Workload"]

Head = Literal["classification", "regression", "span", "multi_label", "token_classification"]

HEAD_METRICS: Mapping[Head, tuple[str, ...]] = {
    "classification": ("accuracy", "macro_f1", "matthews_correlation", "f1"),
    "regression": ("pearson", "spearman", "mse"),
    "span": ("f1", "exact_match"),
    "multi_label": ("micro_f1", "macro_f1", "subset_accuracy"),
    "token_classification": ("entity_f1", "token_accuracy"),
}
"""Head -> every metric that its predictions can be scored with."""

HEAD_LENGTHS: Mapping[Head, int] = {
    "classification": 128,
    "regression": 128,
    "span": 384,
    "multi_label": 128,
    "token_classification": 128,
}
"""Head -> tokens an example, special ones included, where nobody says another number: those of the published scores
(Devlin et al. 2019, arXiv 1810.04805: GLUE at 128; their SQuAD code's windows have 384)."""


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
class FileLayout:
    """How the columns of a user's files are read."""

    head: Head
    """What the rows are for."""
    text: tuple[str, ...]
    """Columns with the text, or the one with the lists of tokens."""
    label: str
    """Column with the label, the labels, the tags or the answers."""
    id: str = ""
    """Column with the ids; empty: `id`, else `idx`, else the rows are counted."""
    separator: str = ""
    """What stands between labels or tokens that share a cell; empty: cells are lists."""


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
    """Output layer: classification (logits over labels), regression (one number), span (start and end logits),
    multi_label (one logit a label, several may hold), token_classification (logits over labels for each word)."""
    text: tuple[str, ...]
    """Columns with the text: one, or two for a pair; question and context for a span; the tokens' for tokens."""
    label: str = "label"
    """Column with the label; `answers` for a span."""
    unlabelled: int | None = -1
    """Label of a row that has none, as in GLUE's test splits; None: every number is a label."""
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
    """`float32`, `bfloat16`, `float16` or `int8` (weights and activations of matrix products)."""
    threads: int = 1
    """Intra-op threads of the measuring process."""
    batch_size: int = 1
    """Sequences a forward pass."""
    sequence_length: int = 128
    """Tokens a sequence, no padding."""
