"""What names an export, and that a damaged one is never run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tiny_models import tiny

from benchbert.backends.exports import Interface, export_key, exported, whole

MODEL = tiny("bert")
INTERFACE = Interface(inputs=("input_ids",), outputs=("logits",), vocabulary=9, longest=8, weights="random")


def key(model=MODEL, head="encoder", folder=None, **settings) -> str:
    return export_key(model, head, folder, libraries=("torch",), **({"dtype": "float32"} | settings))


def test_a_key_is_of_all_that_decides_and_of_no_name(tmp_path: Path) -> None:
    assert key() == key(replace(MODEL, name="other"))
    others = [
        key(replace(MODEL, revision="r2")),
        key(replace(MODEL, config={**MODEL.config, "hidden_size": 64})),
        key(head="span"),
        key(dtype="int8"),
        export_key(MODEL, "encoder", None, libraries=(), dtype="float32"),
    ]
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    others.append(key(folder=tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    others.append(key(folder=tmp_path))
    assert len({key(), *others}) == len(others) + 1


def test_made_once_whole_and_made_anew_when_damaged(tmp_path: Path) -> None:
    made = []

    def make(place: Path) -> Interface:
        made.append(place)
        (place / "model.bin").write_bytes(b"12345")
        return INTERFACE

    first = exported(tmp_path, "k" * 64, make)
    assert exported(tmp_path, "k" * 64, make) == first
    assert len(made) == 1
    assert (first.interface, first.record["bytes"]) == (INTERFACE, 5)
    assert whole(tmp_path, first.record)
    (first.folder / "model.bin").write_bytes(b"1234!")
    assert not whole(tmp_path, first.record)
    assert not first.folder.exists()
    assert exported(tmp_path, "k" * 64, make).files == first.files
    assert len(made) == 2


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail(place: Path) -> Interface:
        (place / "half").write_bytes(b"")
        raise ValueError

    with pytest.raises(ValueError):
        exported(tmp_path, "k" * 64, fail)
    assert not list((tmp_path / "exports").iterdir())
