"""The documents of a corpus: which are held out, and in what column they stand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchbert.errors import DataError
from benchbert.lock import DatasetLock
from benchbert.own_data.corpus_files import corpus_files
from benchbert.resolve import resolve_dataset
from benchbert.training.documents import open_documents
from benchbert.types import DatasetRef


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from datasets import config

    monkeypatch.setattr(config, "HF_DATASETS_CACHE", tmp_path / "cache")


def mirrored(folder: Path, column: str = "text", **splits: list[object]) -> DatasetLock:
    place = folder / "org" / "books"
    place.mkdir(parents=True)
    for split, rows in splits.items():
        pq.write_table(pa.table({column: rows, "number": list(range(len(rows)))}), place / f"{split}.parquet")
    return resolve_dataset(DatasetRef(id="org/books"), folder)


def lines(folder: Path, count: int) -> DatasetLock:
    (folder / "a.txt").write_text("".join(f"text {i}\n" for i in range(count)))
    return corpus_files("./a.txt", folder)


@pytest.mark.parametrize("count", [2, 3, 49, 50, 51, 1_000])
def test_two_in_a_hundred_are_held_out_where_nobody_did(tmp_path: Path, count: int) -> None:
    lock = lines(tmp_path, count)
    train, held_out = (list(open_documents(lock, split, {})) for split in ("train", "validation"))
    assert sorted(train + held_out) == sorted(f"text {i}" for i in range(count))
    assert len(held_out) == max(1, count // 50)


def test_a_single_document_cannot_be_held_out_and_trained_on(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a single document"):
        open_documents(lines(tmp_path, 1), "train", {})


def test_a_validation_split_is_what_is_held_out(tmp_path: Path) -> None:
    lock = mirrored(tmp_path, train=[f"t{i}" for i in range(60)], validation=["v"])
    assert len(open_documents(lock, "train", {})) == 60
    assert list(open_documents(lock, "validation", {})) == ["v"]


def test_any_dataset_with_a_column_of_texts_is_a_corpus(tmp_path: Path) -> None:
    lock = mirrored(tmp_path, column="body", train=[*(f"t{i}" for i in range(300)), None])
    with pytest.raises(DataError, match=r"needs a column 'text', this one has body, number.*corpus_column"):
        open_documents(lock, "train", {})
    with pytest.raises(DataError, match="'number' is not of texts"):
        open_documents(lock, "train", {"corpus_column": "number"})
    found = open_documents(lock, "train", {"corpus_column": "body"})
    assert len(found) == 295
    order = np.random.default_rng(0).permutation(len(found))
    texts = list(found)
    assert list(found.in_order(order)) == [texts[i] for i in order]
    assert list(open_documents(lock, "validation", {"corpus_column": "body"})) == [f"t{i}" for i in range(49, 300, 50)]
