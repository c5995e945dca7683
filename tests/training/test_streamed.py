"""A corpus that is read from where it lies: as far as needed, in bounded memory, nothing kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import IterableDataset

from benchbert.errors import DataError, SuiteError
from benchbert.execution.execute import execute
from benchbert.execution.session import prepare_recipe
from benchbert.lock import DatasetLock
from benchbert.recipe import read_recipe
from benchbert.resolve import resolve_dataset
from benchbert.store.files import RunFolder
from benchbert.training import streamed
from benchbert.training.corpus import tokenize
from benchbert.training.documents import open_documents
from benchbert.training.streamed import StreamedDocuments
from benchbert.training.wordpiece import train_wordpiece
from benchbert.types import DatasetRef

STREAMED = {"corpus_streaming": True}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from datasets import config

    monkeypatch.setattr(config, "HF_DATASETS_CACHE", tmp_path / "cache")
    return tmp_path / "cache"


def mirrored(folder: Path, **splits: list[Any]) -> DatasetLock:
    place = folder / "org" / "books"
    place.mkdir(parents=True)
    for split, rows in splits.items():
        pq.write_table(pa.table({"text": rows, "number": list(range(len(rows)))}), place / f"{split}.parquet")
    return resolve_dataset(DatasetRef(id="org/books"), folder)


def endless(read: list[int]) -> IterableDataset:
    """A corpus without an end, which tells how far it was read."""

    def rows() -> Iterator[dict[str, str]]:
        number = 0
        while True:
            read.append(number)
            yield {"text": f"text number {number} of no end"}
            number += 1

    return IterableDataset.from_generator(rows)


def test_a_stream_has_the_texts_of_the_table_and_leaves_nothing_behind(tmp_path: Path, own_cache: Path) -> None:
    lock = mirrored(tmp_path, train=[*(f"t{i}" for i in range(170)), None])
    held_out = ["t49", "t99", "t149"]
    assert list(open_documents(lock, "validation", STREAMED)) == held_out
    expected = [*(f"t{i}" for i in range(170) if f"t{i}" not in held_out), ""]
    assert list(open_documents(lock, "train", STREAMED)) == expected
    assert not list(own_cache.rglob("*.arrow"))


def test_a_validation_split_is_what_is_held_out(tmp_path: Path) -> None:
    lock = mirrored(tmp_path, train=[f"t{i}" for i in range(60)], validation=["v"])
    assert list(open_documents(lock, "validation", STREAMED)) == ["v"]
    assert len(list(open_documents(lock, "train", STREAMED))) == 60


def test_a_shuffled_stream_has_every_text_once_and_the_seed_fixes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streamed, "_WINDOW", 20)
    texts = [f"t{i}" for i in range(300)]
    found = open_documents(mirrored(tmp_path, train=texts, validation=["v"]), "train", STREAMED)
    orders = [list(found.shuffled(seed)) for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(texts) != orders[0]
    # A text never comes earlier than the window allows.
    assert all(place >= int(text[1:]) - 20 for place, text in enumerate(orders[0]))


def test_a_corpus_without_an_end_is_read_as_far_as_the_budget_needs() -> None:
    read: list[int] = []
    found = StreamedDocuments(endless(read), "text")
    tokenizer = train_wordpiece(found.for_tokenizer(1_000), vocabulary=100)
    assert max(read) < 8 * 1_000 / len("text number 1 of no end") + 1
    read.clear()
    stream = tokenize(found.shuffled(1), tokenizer, at_least=10, enough=5_000)
    assert len(stream.tokens) >= 5_000
    assert max(read) < 10_000 + 2 * 2_000
    read.clear()
    held_out = StreamedDocuments(endless(read), "text", part="validation")
    tokenize(held_out.shuffled(1), tokenizer, at_least=10, enough=10)
    assert max(read) < 50 * (200 + 2_000 + 1)


def test_the_window_is_bounded_in_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamed, "_CHARACTERS", 1_000)
    read: list[int] = []
    next(StreamedDocuments(endless(read), "text").shuffled(1))
    assert max(read) <= 1_000 / len("text number 1 of no end")


@pytest.mark.parametrize(
    ("rows", "column", "said"),
    [
        (["a"], "body", "needs a column 'body'"),
        (["a"], "number", "is not of texts"),
        ([], "text", "part of the stream cannot be read"),
    ],
)
def test_what_is_no_corpus_says_why(tmp_path: Path, rows: list[str], column: str, said: str) -> None:
    lock = mirrored(tmp_path, train=rows)
    with pytest.raises(DataError, match=said):
        open_documents(lock, "train", STREAMED | {"corpus_column": column})


RECIPE = """
name = "of-a-stream"
kind = "pretrain"
corpus = "org/books"
corpus_streaming = true
vocabulary = 120
phases = [{steps = 2, batch_size = 2, sequence_length = 16}]
[model]
family = "bert"
[model.config]
hidden_size = 16
num_hidden_layers = 1
num_attention_heads = 2
intermediate_size = 16
"""


@pytest.mark.slow
def test_a_recipe_trains_on_a_stream(tmp_path: Path, own_cache: Path) -> None:
    mirrored(tmp_path, train=[f"the {i} cats of house {i * i} sat on a mat" for i in range(400)])
    path = tmp_path / "mine.toml"
    path.write_text(RECIPE)
    prepared = prepare_recipe(path, mirror=tmp_path)
    (job,) = prepared.plan.jobs
    result = execute(job, prepared.lock, RunFolder(tmp_path / "run"), "test", lambda *told: None)
    assert result.status == "ok", result.error
    assert not list(own_cache.rglob("*.arrow"))


def test_only_datasets_are_streamed(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    for corpus in ("./text.txt", "builtin/corpus"):
        path.write_text(RECIPE.replace("org/books", corpus))
        with pytest.raises(SuiteError, match="corpus_streaming: only for datasets"):
            read_recipe(path)
