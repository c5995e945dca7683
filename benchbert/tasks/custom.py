"""The user's own files as splits: the typed tables of `benchbert.own_data` with class numbers in place of names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchbert.errors import UnavailableError
from benchbert.lock import DatasetLock
from benchbert.own_data.table import LINE, file_table

if TYPE_CHECKING:
    import datasets

__all__ = ["load_own_split"]


def load_own_split(dataset: DatasetLock, split: str) -> datasets.Dataset:
    """The rows of one of the user's files, with the numbers of the classes where its labels are names.

    Only these numbers are new in memory: the texts stay mapped from disk.

    Raises:
        UnavailableError: the suite names no file for the split.
        DataError: the file changed since the suite was resolved.
        StoreError: the cache cannot be written.
    """
    assert dataset.layout is not None, "datasets of files say how they are read"
    if split not in dataset.files:
        raise UnavailableError(f"{dataset.id} has no file for {split!r} (it has {', '.join(dataset.files)})")
    rows = file_table(dataset.files[split], dataset.layout, labelled=split != "test")
    rows = rows.remove_columns(LINE)
    named = dataset.labels and dataset.layout.label in rows.column_names
    return _numbered(rows, dataset.layout.label, dataset.labels) if named else rows


def _numbered(rows: datasets.Dataset, column: str, labels: tuple[str, ...]) -> datasets.Dataset:
    """The rows with class numbers in place of the names, or lists of names, of a column."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from datasets import ClassLabel, List

    names = pa.array(labels, pa.string())
    classes = ClassLabel(names=list(labels))

    def numbers(values: Any) -> Any:
        found = pc.index_in(values, value_set=names)
        assert found.null_count == 0, "labels were checked when the suite was resolved"
        return found.cast(pa.int64())

    cells = rows.data.column(column)
    if not pa.types.is_list(cells.type):
        return rows.remove_columns(column).add_column(column, numbers(cells), feature=classes)
    chunks = [pa.ListArray.from_arrays(_offsets(chunk), numbers(chunk.flatten())) for chunk in cells.chunks]
    numbered = pa.chunked_array(chunks, pa.list_(pa.int64()))
    return rows.remove_columns(column).add_column(column, numbered, feature=List(classes))


def _offsets(lists: Any) -> Any:
    """Where each list starts in its own flattened values, of shape (rows + 1,)."""
    import numpy as np
    import pyarrow.compute as pc

    lengths = pc.list_value_length(lists).to_numpy(zero_copy_only=False)
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
