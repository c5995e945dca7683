"""The documents of a user's files as a table on disk, mapped into memory: a corpus may be larger than it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from benchbert.errors import DataError, UnavailableError
from benchbert.lock import DataFile, DatasetLock
from benchbert.own_data.cached_table import writing_table
from benchbert.own_data.corpus_files import checked_text_digest, split_of
from benchbert.own_data.documents import Counts, DocumentEnd, documents
from benchbert.types import digest

if TYPE_CHECKING:
    import datasets

__all__ = ["TEXT", "corpus_table"]

TEXT = "text"
"""Column of the table."""

_VERSION = 1
"""Raised when documents are read in another way: older tables are then written anew."""

_BATCH = 1_000
_BATCH_CHARACTERS = 1 << 23
"""Documents, or characters of documents, that are in memory at once."""


def corpus_table(dataset: DatasetLock, split: str, *, end: DocumentEnd, column: str) -> tuple[datasets.Dataset, Counts]:
    """The documents of one split of a corpus of files, in a column `text`, and what was met on the way.

    Args:
        dataset: the corpus; its files are as they were when it was resolved.
        split: `train` or `validation`.
        end: where a document of a text file ends.
        column: column with the texts of JSON-lines and parquet files.

    Raises:
        UnavailableError: it has no such split.
        DataError: a file changed since, has a row that cannot be read, or there is no text in any of them.
        StoreError: the cache cannot be written.
    """
    from datasets import Dataset, config

    files = {name: file for name, file in dataset.files.items() if split_of(name) == split}
    if not files:
        raise UnavailableError(f"{dataset.id} has no split {split!r}")
    key = digest([_VERSION, [[name, file.sha256] for name, file in files.items()], end, column])
    place = Path(config.HF_DATASETS_CACHE) / "benchbert-corpora" / f"{key[:24]}.arrow"
    if not place.is_file():
        _write(list(files.values()), place, end=end, column=column)
    return Dataset.from_file(str(place)), _counts(place)


def _write(files: Sequence[DataFile], place: Path, *, end: DocumentEnd, column: str) -> None:
    from datasets import Features, Value
    from datasets.arrow_writer import ArrowWriter

    for file in files:
        if checked_text_digest(Path(file.path)) != file.sha256:
            raise DataError(f"{file.path}: it changed since the recipe was resolved: run it again")
    counts = Counts()
    with writing_table(place) as temporary:
        with ArrowWriter(features=Features({TEXT: Value("string")}), path=str(temporary)) as writer:
            for file in files:
                for batch in _batches(documents(Path(file.path), end=end, column=column, counts=counts)):
                    writer.write_batch({TEXT: batch})
            if not counts.documents:
                raise DataError(
                    f"{files[0].path}: no text in it{' and its like' * (len(files) > 1)}: name another corpus"
                )
            writer.finalize()
        place.with_suffix(".json").write_text(json.dumps(asdict(counts)), encoding="utf-8")


def _batches(texts: Iterator[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for text in texts:
        batch.append(text)
        size += len(text)
        if len(batch) == _BATCH or size >= _BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _counts(place: Path) -> Counts:
    """What was met when a table was written."""
    return Counts(**json.loads(place.with_suffix(".json").read_text(encoding="utf-8")))
