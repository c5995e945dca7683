"""A submission to GLUE's server: eleven files in a zip (Wang et al. 2018, arXiv 1804.07461; gluebenchmark.com, "FAQ").

Each file has the header `index`, `prediction` and one line a row of an official test split, counted from 0 in the order
of the split. MNLI, QNLI, RTE and the diagnostics want the names of labels, the other tasks their numbers, and STS-B
scores from 0 to 5. Only here are its scores clipped: what is stored and what is scored is what the model said.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from benchbert import registry
from benchbert.errors import DataError, StoreError, UsageError
from benchbert.store.files import writing
from benchbert.types import Task

__all__ = ["FILES", "HEADER", "SCORES", "SubmissionFile", "write_submission"]

HEADER = ("index", "prediction")
"""Columns of every file."""

SCORES = (0.0, 5.0)
"""Lowest and highest score of STS-B."""

_TIMESTAMP = (1980, 1, 1, 0, 0, 0)
"""Of every file in the zip, so that the same predictions give the same bytes."""


@dataclass(frozen=True, kw_only=True)
class SubmissionFile:
    """One of the eleven files."""

    name: str
    """Name in the zip, such as `MNLI-mm.tsv`."""
    task: str
    """Name of the task."""
    split: str = "test"
    """Its split that is predicted."""
    words: bool = False
    """Whether the server wants the names of labels, not their numbers."""

    @property
    def source(self) -> Task:
        """The task."""
        found: Task = registry.find("tasks", self.task)
        return found

    @property
    def rows(self) -> int:
        """Official number of rows of the split."""
        return next(split.rows for split in self.source.test if split.name == self.split)

    @property
    def allowed(self) -> tuple[str, ...]:
        """What a prediction may be, in class order; empty: a score."""
        labels = self.source.labels
        return labels if self.words else tuple(str(number) for number in range(len(labels)))


FILES = (
    SubmissionFile(name="CoLA.tsv", task="glue/cola"),
    SubmissionFile(name="SST-2.tsv", task="glue/sst2"),
    SubmissionFile(name="MRPC.tsv", task="glue/mrpc"),
    SubmissionFile(name="STS-B.tsv", task="glue/stsb"),
    SubmissionFile(name="QQP.tsv", task="glue/qqp"),
    SubmissionFile(name="MNLI-m.tsv", task="glue/mnli", split="test_matched", words=True),
    SubmissionFile(name="MNLI-mm.tsv", task="glue/mnli", split="test_mismatched", words=True),
    SubmissionFile(name="QNLI.tsv", task="glue/qnli", words=True),
    SubmissionFile(name="RTE.tsv", task="glue/rte", words=True),
    SubmissionFile(name="WNLI.tsv", task="glue/wnli"),
    SubmissionFile(name="AX.tsv", task="glue/ax", words=True),
)
"""The eleven files, in the order of the server's table, the diagnostics last."""


def write_submission(path: Path, predictions: Mapping[str, ArrayLike]) -> None:
    """Writes the zip, whole or not at all; an older one at its place is replaced.

    Args:
        path: Where it goes.
        predictions: Name of each file -> class numbers or scores of shape (rows,), in the order of the split.

    Raises:
        DataError: a file without predictions, or with other ones than the server takes (all problems are listed).
        StoreError: it cannot be written.
        UsageError: `path` is a folder.
    """
    from benchbert.tasks.submission_check import validate_submission

    if path.is_dir():
        raise UsageError(f"{path} is a folder: name the zip to write, such as {path / 'glue.zip'}")
    if lost := [file.name for file in FILES if file.name not in predictions]:
        raise DataError(f"a submission needs all of GLUE's files: there are no predictions for {', '.join(lost)}")
    contents = {file.name: _content(file, np.asarray(predictions[file.name])) for file in FILES}
    try:
        with writing(path) as temporary:
            with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
                for name, content in contents.items():
                    info = zipfile.ZipInfo(name, _TIMESTAMP)
                    info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
                    archive.writestr(info, content)
            if problems := validate_submission(temporary):
                raise DataError(f"{path} would be refused, and is not written:\n" + "\n".join(problems))
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror or error}); choose another --out") from error


def _content(file: SubmissionFile, values: np.ndarray[Any, Any]) -> str:
    """The text of a file from its predictions of shape (rows,)."""
    cells = _labels(file, values) if file.allowed else _scores(values)
    return "".join(f"{index}\t{cell}\n" for index, cell in ((HEADER[0], HEADER[1]), *enumerate(cells)))


def _labels(file: SubmissionFile, values: np.ndarray[Any, Any]) -> list[str]:
    classes = len(file.allowed)
    wrong = ~np.isin(values, np.arange(classes))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(
            f"{file.name}: row {row} has the class {values[row]}: {file.task} has the classes 0 to {classes - 1}"
        )
    return [file.allowed[int(value)] for value in values]


def _scores(values: np.ndarray[Any, Any]) -> list[str]:
    """Clipped, in as few digits as give back the float32 that the model said: rounding would make ties."""
    clipped = np.clip(values.astype(np.float32), *SCORES)
    return [np.format_float_positional(value, unique=True, trim="0") for value in clipped]
