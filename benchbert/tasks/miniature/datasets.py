"""What the miniature world offers, under `builtin/...` ids and in the shapes that the hub has.

Rows are generated when they are first asked for, once a process. Labels of GLUE's test splits are -1, as on the hub;
`labelled` has them, and a split named `hidden_` and the test split's name, for a look at data that nobody tuned on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from benchbert.errors import DataError
from benchbert.tasks.miniature import (
    acceptability,
    corpus,
    diagnostics,
    entailment,
    paraphrase,
    pronouns,
    questions,
    recognition,
    sentiment,
    similarity,
    spans,
)

__all__ = ["REGISTERED", "Builtin"]

_HIDDEN = "hidden_"
"""Before the name of a test split: the same rows with their true labels."""

Rows = list[dict[str, Any]]
Builder = Callable[[Mapping[str, int]], Mapping[str, Rows]]


@dataclass(frozen=True, kw_only=True)
class Config:
    """One configuration of a generated dataset."""

    rows: Mapping[str, int]
    """Split -> number of rows, as published."""
    build: Builder
    """Sizes -> split -> labelled rows."""
    kept: Mapping[str, int]
    """Split -> number of rows of splits that the hub's shape does not have; only `labelled` gives them."""
    labels: tuple[str, ...] = ()
    """Names of the classes, in order; empty: no classes."""
    hidden: tuple[str, ...] = ()
    """Splits whose labels are published as -1."""
    indexed: bool = False
    """Whether rows carry `idx`, as GLUE's do."""
    version: str = ""
    """Raised when rows of this configuration alone change; empty: none has since the dataset's version was raised."""


@dataclass(frozen=True, kw_only=True)
class Builtin:
    """A generated dataset."""

    name: str
    """Its id, `builtin/...`."""
    version: str
    """Raised whenever rows of all configurations change; results of another version are stale."""
    configs: Mapping[str, Config]
    """Configuration -> what it is made of."""

    @property
    def rows(self) -> dict[str, dict[str, int]]:
        """Configuration -> split -> number of rows, known without generating any."""
        return {config: dict(made.rows) for config, made in self.configs.items()}

    @property
    def held_back(self) -> dict[str, dict[str, int]]:
        """Configuration -> `hidden_` split -> number of rows: test splits with the labels that are not published."""
        return {
            config: {f"{_HIDDEN}{split}": rows for split, rows in made.kept.items()}
            | {f"{_HIDDEN}{split}": made.rows[split] for split in made.hidden}
            for config, made in self.configs.items()
        }

    def version_of(self, config: str) -> str:
        """Version of a configuration's rows."""
        own = self._config(config).version
        return f"{self.version}.{own}" if own else self.version

    def label_names(self, config: str) -> tuple[str, ...]:
        """Names of the classes in the order of the labels; empty where there are none."""
        return self._config(config).labels

    def generate(self, config: str, split: str) -> dict[str, list[Any]]:
        """Columns of a split as the hub publishes them, or of a `held_back` one as `labelled` has it.

        Column -> one value a row. A configuration or split that there is not is a `DataError`.
        """
        made = self._config(config)
        if split in self.held_back[config]:
            return self.labelled(config, split.removeprefix(_HIDDEN))
        if split not in made.rows:
            raise DataError(f"{self.name}: no split {split!r} in {config!r}; there is {', '.join(made.rows)}")
        columns = self.labelled(config, split)
        columns.pop("phenomenon", None)
        if split in made.hidden:
            columns["label"] = [-1.0 if isinstance(v, float) else -1 for v in columns["label"]]
        return columns

    def labelled(self, config: str, split: str) -> dict[str, list[Any]]:
        """Columns of a split with its true labels, hidden and kept-back splits too.

        `ax` has its phenomena as well. A configuration or split that there is not is a `DataError`.
        """
        made = self._config(config)
        if split not in made.rows and split not in made.kept:
            raise DataError(
                f"{self.name}: no split {split!r} in {config!r}; there is {', '.join({**made.rows, **made.kept})}"
            )
        rows = _built(self, config)[split]
        columns = {column: [row[column] for row in rows] for column in rows[0]}
        if made.indexed:
            columns["idx"] = list(range(len(rows)))
        return columns

    def hidden_labels(self, config: str, split: str = "test") -> list[Any]:
        """True labels of a split whose published labels are -1. A `DataError` where there is no such split."""
        return self.labelled(config, split)["label"]

    def _config(self, config: str) -> Config:
        if config not in self.configs:
            raise DataError(f"{self.name}: no configuration {config!r}; there is {', '.join(map(repr, self.configs))}")
        return self.configs[config]

    def __hash__(self) -> int:
        return hash(self.name)


@cache
def _built(dataset: Builtin, config: str) -> Mapping[str, Rows]:
    """All splits of a configuration, built together so that no row is in two of them."""
    made = dataset.configs[config]
    return made.build({**made.rows, **made.kept})


def _glue(build: Builder, labels: str, version: str = "", **rows: int) -> Config:
    hidden = tuple(split for split in rows if split.startswith("test"))
    return Config(
        rows=rows, kept={}, build=build, labels=tuple(labels.split()), hidden=hidden, indexed=True, version=version
    )


def _corpus(sizes: Mapping[str, int]) -> Mapping[str, Rows]:
    return {split: [{"text": text} for text in corpus.documents(split)] for split in sizes}


def _squad(sizes: Mapping[str, int]) -> Mapping[str, Rows]:
    return spans.build(sizes, unanswerable=False)


def _squad_v2(sizes: Mapping[str, int]) -> Mapping[str, Rows]:
    return spans.build(sizes, unanswerable=True)


_GLUE = {
    "cola": _glue(acceptability.build, "unacceptable acceptable", train=3000, validation=500, test=1000),
    "sst2": _glue(sentiment.build, "negative positive", train=2400, validation=500, test=1000),
    "mrpc": _glue(paraphrase.build, "not_equivalent equivalent", train=3600, validation=500, test=1000),
    "stsb": _glue(similarity.build, "", train=3600, validation=500, test=1000),
    "qqp": _glue(questions.build_qqp, "not_duplicate duplicate", train=3600, validation=500, test=1000),
    "mnli": _glue(
        entailment.build,
        "entailment neutral contradiction",
        version="1",
        train=4000,
        validation_matched=500,
        validation_mismatched=500,
        test_matched=500,
        test_mismatched=500,
    ),
    "qnli": _glue(questions.build_qnli, "entailment not_entailment", train=3000, validation=500, test=1000),
    "rte": _glue(recognition.build, "entailment not_entailment", train=2400, validation=300, test=1000),
    "wnli": _glue(pronouns.build, "not_entailment entailment", train=800, validation=200, test=600),
    "ax": _glue(diagnostics.build, "entailment neutral contradiction", test=280),
}

_SQUAD_SIZES = {"train": 4000, "validation": 500}

REGISTERED = (
    Builtin(name="builtin/glue", version="3", configs=_GLUE),
    Builtin(
        name="builtin/squad",
        version="2",
        configs={"": Config(rows=_SQUAD_SIZES, kept={"test": 500}, build=_squad)},
    ),
    Builtin(
        name="builtin/squad_v2",
        version="2",
        configs={"": Config(rows=_SQUAD_SIZES, kept={"test": 500}, build=_squad_v2)},
    ),
    Builtin(
        name="builtin/corpus",
        version="2",
        configs={"": Config(rows=corpus.DOCUMENTS, kept={}, build=_corpus)},
    ),
)
"""Every generated dataset."""
