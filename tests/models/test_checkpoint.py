"""Weight files: the safe formats are read, everything else is refused and nothing is run."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from small_models import lock, saved

from benchbert.errors import UnavailableError
from benchbert.models.checkpoint import read_weights
from benchbert.models.load import load_model, weight_format


class _Payload:
    def __init__(self, trap: Path) -> None:
        self.trap = trap

    def __reduce__(self) -> Any:
        return Path.touch, (self.trap,)


def test_safetensors_go_first(tmp_path: Path) -> None:
    saved(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"never read")
    assert weight_format(tmp_path) == "safetensors"
    assert read_weights(tmp_path)[1] == "safetensors"


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_a_loaded_model_does_not_change_with_its_file(tmp_path: Path, kind: str) -> None:
    saved(tmp_path, kind=kind)
    weight = load_model(lock(tmp_path), head="encoder").model.encoder.layer[0].output.dense.weight.detach()
    before = weight.clone()
    path = tmp_path / ("model.safetensors" if kind == "safetensors" else "pytorch_model.bin")
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
    assert torch.equal(weight, before)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("protocol", ["torch", "pickle"])
def test_a_pickle_with_a_payload_is_refused_and_not_run(tmp_path: Path, protocol: str) -> None:
    trap, path = tmp_path / "trap", tmp_path / "pytorch_model.bin"
    content = {"weight": torch.zeros(2), "payload": _Payload(trap)}
    saved(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save(content, path) if protocol == "torch" else path.write_bytes(pickle.dumps(content))
    with pytest.raises(UnavailableError, match="save the model again as safetensors") as caught:
        load_model(lock(tmp_path), head="encoder")
    assert "\n" not in str(caught.value)
    assert not trap.exists()
    torch.load(path, weights_only=False) if protocol == "torch" else pickle.loads(path.read_bytes())
    assert trap.exists(), "the payload works where it is trusted"


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("damage", ["empty", "cut", "noise"])
@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_damaged_weights_are_refused(tmp_path: Path, kind: str, damage: str) -> None:
    saved(tmp_path, kind=kind)
    path = tmp_path / ("model.safetensors" if kind == "safetensors" else "pytorch_model.bin")
    content = path.read_bytes()
    path.write_bytes({"empty": b"", "cut": content[: len(content) // 2], "noise": b"\x80\x05noise" * 99}[damage])
    with pytest.raises(UnavailableError, match=path.name) as caught:
        load_model(lock(tmp_path), head="encoder")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [{"model": {"a": torch.zeros(1)}, "epoch": 3}, [torch.zeros(1)], torch.zeros(1)])
def test_a_bin_that_is_no_table_of_tensors_is_refused(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "pytorch_model.bin")
    with pytest.raises(UnavailableError, match="no table of tensors"):
        read_weights(tmp_path)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("tf_model.h5", "not from tf_model.h5"),
        ("model.ckpt.index", r"not from model\.ckpt\.index"),
        ("model.safetensors.index.json", "split over several files"),
        ("README.md", "neither model.safetensors nor pytorch_model.bin"),
    ],
)
def test_other_formats_are_refused_with_the_mend(tmp_path: Path, file: str, message: str) -> None:
    (tmp_path / file).write_text("x")
    with pytest.raises(UnavailableError, match=message):
        weight_format(tmp_path)
