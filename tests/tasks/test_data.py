"""Loading splits: generator, mirror, hub, and what each says when it has not got something."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchbert import registry
from benchbert.errors import DataError, UnavailableError
from benchbert.lock import DatasetLock
from benchbert.tasks.data import check_rows, load_split, validate

README = """---
configs:
- config_name: rte
  data_files:
  - {split: train, path: rte/train-*}
- config_name: mrpc
  data_files:
  - {split: train, path: mrpc/train-*}
---
"""


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A mirror of two configurations, the second without its files, and a cache of its own."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "mirror"
    (folder / "rte").mkdir(parents=True)
    (folder / "README.md").write_text(README)
    write(folder / "rte" / "train-0.parquet", ["one", "two"])
    return DatasetLock(id="nyu-mll/glue", config="rte", origin="mirror", folder=str(folder))


def write(path, texts):
    pq.write_table(pa.table({"sentence1": texts, "sentence2": texts, "label": [0] * len(texts)}), path)


def locked(lock, **changes):
    return DatasetLock(**{name: getattr(lock, name) for name in ("id", "config", "origin", "folder")} | changes)


def test_generated():
    task = registry.find("tasks", "builtin/glue/cola")
    rows = load_split(DatasetLock(id="builtin/glue", config="cola", origin="builtin"), "validation")
    assert check_rows(task, "validation", len(rows))
    validate(task, rows)
    assert rows.features["label"].names == ["unacceptable", "acceptable"]
    hidden = load_split(DatasetLock(id="builtin/glue", config="cola", origin="builtin"), "test")
    assert set(hidden["label"]) == {-1}
    validate(task, hidden)


@pytest.mark.parametrize("name", [n for n in registry.entries("tasks") if n.startswith("builtin/")])
def test_held_back_splits_are_the_test_rows_with_their_true_labels(name):
    task = registry.find("tasks", name)
    lock = DatasetLock(id=task.dataset.id, config=task.dataset.config, origin="builtin")
    for split in task.held_back:
        rows = load_split(lock, split.name)
        validate(task, rows)
        assert check_rows(task, split.name, len(rows))
        true = registry.find("datasets", lock.id).labelled(lock.config, split.name.removeprefix("hidden_"))
        assert rows[task.label][:] == true[task.label]
        if task.test:
            published = load_split(lock, split.name.removeprefix("hidden_"))
            assert [published[column][:] for column in task.text] == [rows[column][:] for column in task.text]
            assert rows.features[task.label] == published.features[task.label]


def test_a_held_back_split_must_be_labelled():
    task = registry.find("tasks", "builtin/glue/cola")
    published = load_split(DatasetLock(id="builtin/glue", config="cola", origin="builtin"), "test")
    with pytest.raises(DataError, match="no label"):
        validate(task, published, "hidden_test")


@pytest.mark.parametrize(("config", "split", "words"), [("cloa", "train", "'cloa'"), ("cola", "dev", "'dev'")])
def test_generator_without_it(config, split, words):
    with pytest.raises(UnavailableError, match=words):
        load_split(DatasetLock(id="builtin/glue", config=config, origin="builtin"), split)


def test_another_version_of_a_generator_is_refused():
    with pytest.raises(UnavailableError, match="version 0"):
        load_split(DatasetLock(id="builtin/glue", config="cola", origin="builtin", revision="0"), "train")


def test_mirror_notices_replaced_files(mirror):
    assert load_split(mirror, "train")["sentence1"][:] == ["one", "two"]
    write(f"{mirror.folder}/rte/train-0.parquet", ["three", "four", "five"])
    assert load_split(mirror, "train")["sentence1"][:] == ["three", "four", "five"]


@pytest.mark.parametrize(
    ("changes", "split", "error", "words"),
    [
        (
            {"config": "stsb"},
            "train",
            UnavailableError,
            r"no configuration 'stsb' in the mirror folder .*mirror \(it has rte, mrpc\)",
        ),
        ({"config": "mrpc"}, "train", UnavailableError, "no data files for configuration 'mrpc'"),
        ({}, "validation", UnavailableError, r"no split 'validation' in the mirror folder .* \(it has train\)"),
        ({"folder": "/nowhere/glue"}, "train", UnavailableError, "the mirror has no folder /nowhere/glue"),
        ({"error": "gated: log in"}, "train", UnavailableError, "gated: log in"),
    ],
)
def test_mirror_without_it_says_so_in_one_line(mirror, changes, split, error, words):
    with pytest.raises(error, match=words) as raised:
        load_split(locked(mirror, **changes), split)
    assert "\n" not in str(raised.value)


def test_damaged_file(mirror):
    Path(mirror.folder, "rte", "train-0.parquet").write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(DataError, match="cannot be read") as raised:
        load_split(mirror, "train")
    assert "\n" not in str(raised.value)


def test_hub_offline_and_not_cached(tmp_path, monkeypatch):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    with pytest.raises(UnavailableError, match="--mirror"):
        load_split(DatasetLock(id="nyu-mll/no-such-glue", config="cola", origin="hub", revision="0" * 40), "train")


def test_hub_revision_that_is_not_the_cached_one(tmp_path, monkeypatch):
    """Offline, datasets gives whatever revision it has: that must not pass for the one in the Lock."""
    import datasets

    rows = datasets.Dataset.from_dict({"sentence": ["x"], "label": [0]})
    old = "a" * 40
    rows.save_to_disk(tmp_path / "glue" / old)
    cached = datasets.DatasetDict({"train": datasets.load_from_disk(tmp_path / "glue" / old)})
    monkeypatch.setattr(datasets, "load_dataset", lambda *args, **options: cached)
    assert len(load_split(DatasetLock(id="nyu-mll/glue", config="cola", origin="hub", revision=old), "train")) == 1
    with pytest.raises(UnavailableError, match="is not cached here"):
        load_split(DatasetLock(id="nyu-mll/glue", config="cola", origin="hub", revision="b" * 40), "train")


def test_real_mirror(real_data):
    for name in ("cola", "sst2", "rte", "wnli"):
        task = registry.find("tasks", f"glue/{name}")
        lock = DatasetLock(id="nyu-mll/glue", config=name, origin="mirror", folder=str(real_data / "nyu-mll" / "glue"))
        rows = load_split(lock, "validation")
        validate(task, rows)
        assert check_rows(task, "validation", len(rows)) == (name != "wnli")
    for name in ("mrpc", "stsb", "qqp", "mnli", "qnli"):
        lock = DatasetLock(id="nyu-mll/glue", config=name, origin="mirror", folder=str(real_data / "nyu-mll" / "glue"))
        with pytest.raises(UnavailableError, match=f"nyu-mll/glue has no configuration '{name}'"):
            load_split(lock, "validation")


def test_real_mirror_is_left_alone(real_data, tmp_path):
    copy = tmp_path / "glue"
    shutil.copytree(real_data / "nyu-mll" / "glue" / "rte", copy / "rte")
    (copy / "README.md").write_text(README)
    before = sorted(p.relative_to(copy) for p in copy.rglob("*"))
    load_split(DatasetLock(id="nyu-mll/glue", config="rte", origin="mirror", folder=str(copy)), "train")
    assert sorted(p.relative_to(copy) for p in copy.rglob("*")) == before


def test_rows_of_an_unknown_split():
    with pytest.raises(DataError, match="validation_matched"):
        check_rows(registry.find("tasks", "glue/mnli"), "validation", 9815)
