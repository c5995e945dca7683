"""A split is tokenized once, whoever asks, and never answered with tokens of other settings, data or code."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import datasets
import numpy as np
import pytest

from benchbert.lock import DatasetLock
from benchbert.tasks.encoding import Features
from benchbert.tasks.heads import encode
from benchbert.training import token_cache
from benchbert.training.token_cache import cached_features
from benchbert.training.wordpiece import train_wordpiece
from benchbert.types import DatasetRef, Head, Split, Task

TEXT = "an old dog walks to a river and a young cat sleeps by the mill"
DATASET = DatasetLock(id="made/up", origin="builtin", fingerprint="f1")


def task(head: Head, **changes) -> Task:
    labels = () if head == "span" else ("no", "yes")
    texts = {"span": ("question", "context"), "token_classification": ("tokens",)}
    return Task(
        name="made-up",
        dataset=DatasetRef(id="made/up"),
        head=head,
        text=texts.get(head, ("sentence",)),
        label={"span": "answers", "token_classification": "tags"}.get(head, "label"),
        labels=labels,
        evaluation=(Split(name="validation", rows=3),),
        metrics=("accuracy",),
        **changes,
    )


def rows(head: Head) -> datasets.Dataset:
    if head == "span":
        answers = {"text": ["river"], "answer_start": [TEXT.index("river")]}
        made = {"id": ["a", "b"], "question": ["an old dog", "a cat"], "context": [TEXT] * 2, "answers": [answers] * 2}
        return datasets.Dataset.from_dict(made)
    if head == "token_classification":
        words = TEXT.split()
        return datasets.Dataset.from_dict({"tokens": [words, words[:3]], "tags": [[0] * len(words), [1, 0, 1]]})
    return datasets.Dataset.from_dict({"sentence": [TEXT, "a dog", ""], "label": [0, 1, 0]})


@pytest.fixture(scope="module")
def tokenizer():
    return train_wordpiece([TEXT], vocabulary=60)


@pytest.fixture
def tokenized(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one with each split that is tokenized."""
    calls: list[int] = []

    def counted(*args, **kwargs) -> Features:
        calls.append(1)
        return encode(*args, **kwargs)

    monkeypatch.setattr(token_cache, "encode", counted)
    return calls


def read(folder: Path, tokenizer, head: Head = "classification", **changes) -> Features:
    settings = {"task": task(head), "dataset": DATASET, "split": "validation", "rows": rows(head)}
    numbers = {"max_length": 24, "stride": 4, "train": False}
    return cached_features(folder, tokenizer=tokenizer, **(settings | numbers | changes))


def arrays(features: Features) -> dict[str, np.ndarray]:
    encoded = features.encoded
    found = {"tokens": encoded.tokens, "types": encoded.token_types, "starts": encoded.starts}
    found |= {"example": encoded.example, **encoded.labels}
    if encoded.token_labels is not None:
        found["token_labels"] = encoded.token_labels
    for part in (features.windows, features.words):
        found |= {} if part is None else vars(part)
    return found


@pytest.mark.parametrize("head", ["classification", "span", "token_classification"])
def test_what_is_read_is_what_encoding_makes(tmp_path: Path, tokenizer, tokenized, head: Head) -> None:
    train = head == "span"
    plain = arrays(encode(task(head), rows(head), tokenizer, max_length=24, stride=4, train=train))
    for _ in range(2):
        found = arrays(read(tmp_path, tokenizer, head, train=train))
        assert found.keys() == plain.keys()
        for name, values in plain.items():
            assert found[name].shape == values.shape
            assert (found[name] == values).all(), name
    assert len(tokenized) == 1
    assert read(tmp_path, tokenizer, head, train=train).encoded.tokens.dtype == np.uint16
    assert len(list(tmp_path.iterdir())) == 1


def test_everything_that_decides_the_tokens_is_part_of_the_name(tmp_path: Path, tokenizer, monkeypatch) -> None:
    other = train_wordpiece([TEXT + " and a horse"], vocabulary=61)
    read(tmp_path, tokenizer)
    for changes in (
        {"max_length": 23},
        {"stride": 5},
        {"train": True},
        {"split": "test"},
        {"task": replace(task("classification"), version=2)},
        {"dataset": replace(DATASET, fingerprint="f2")},
        {"dataset": replace(DATASET, config="other")},
    ):
        before = len(list(tmp_path.iterdir()))
        read(tmp_path, tokenizer, **changes)
        assert len(list(tmp_path.iterdir())) == before + 1, changes
    before = len(list(tmp_path.iterdir()))
    read(tmp_path, other)
    monkeypatch.setattr(token_cache, "ENCODING", token_cache.ENCODING + 1)
    read(tmp_path, tokenizer)
    assert len(list(tmp_path.iterdir())) == before + 2


def test_the_truncation_of_an_earlier_call_is_no_part_of_the_tokenizer(tmp_path: Path, tokenizer, tokenized) -> None:
    read(tmp_path, tokenizer)
    tokenizer(["a dog"], truncation=True, max_length=5, padding="max_length")
    read(tmp_path, tokenizer)
    assert len(tokenized) == 1


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied", "text"])
def test_a_damaged_entry_is_made_anew(tmp_path: Path, tokenizer, tokenized, damage: str) -> None:
    good = arrays(read(tmp_path, tokenizer))
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    last = whole.rstrip(b"\0")
    broken = {"cut": whole[:-70], "flipped": last[:-1] + bytes([last[-1] ^ 1]), "emptied": b"", "text": b"not tokens"}
    path.unlink()
    path.write_bytes(broken[damage].ljust(len(whole), b"\0") if damage == "flipped" else broken[damage])
    again = arrays(read(tmp_path, tokenizer))
    assert len(tokenized) == 2
    assert all((again[name] == values).all() for name, values in good.items())
    assert path.read_bytes() == whole


def test_workers_side_by_side_all_read_whole_entries(tmp_path: Path, tokenizer) -> None:
    plain = arrays(encode(task("span"), rows("span"), tokenizer, max_length=24, stride=4, train=False))
    wrong: list[str] = []

    def work() -> None:
        mine = train_wordpiece([TEXT], vocabulary=60)
        for _ in range(5):
            found = arrays(read(tmp_path, mine, "span"))
            wrong.extend(name for name, values in plain.items() if not (found[name] == values).all())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert [path.suffix for path in tmp_path.iterdir()] == [".tokens"]


def test_what_is_read_cannot_be_written_to(tmp_path: Path, tokenizer) -> None:
    encoded = read(tmp_path, tokenizer).encoded
    with pytest.raises(ValueError, match="read-only"):
        encoded.tokens[0] = 1
    assert encoded.padded([0, 1], 0)["input_ids"].dtype == np.int64
