"""Reads a model folder's weights: safetensors, else a .bin through torch's weights_only unpickler, else nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from benchbert.errors import UnavailableError
from benchbert.models.location import one_line

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["WEIGHT_FILES", "WeightFormat", "read_weights", "weight_format"]

WeightFormat = Literal["safetensors", "bin"]

WEIGHT_FILES: dict[WeightFormat, str] = {"safetensors": "model.safetensors", "bin": "pytorch_model.bin"}
"""Format -> name of the file in a model's folder, the preferred one first."""

_OTHER_FORMATS = ("*.h5", "*.msgpack", "*.ot", "*.ckpt*", "*.pt", "*.pth", "*.pkl", "*.onnx", "*.gguf", "*.npz")


def weight_format(folder: Path) -> WeightFormat:
    """The format in which a model's folder has its weights.

    Raises:
        UnavailableError: in none that is read here.
    """
    for name, file in WEIGHT_FILES.items():
        if (folder / file).is_file():
            return name
    mend = "load it where it came from and `save_pretrained` it as one model.safetensors"
    sharded = next((file for file in WEIGHT_FILES.values() if (folder / f"{file}.index.json").is_file()), "")
    if sharded:
        raise UnavailableError(f"{folder}: its weights are split over several files; {mend}")
    others = sorted(path.name for pattern in _OTHER_FORMATS for path in folder.glob(pattern))
    if others:
        raise UnavailableError(f"{folder}: weights are read from safetensors or .bin, not from {others[0]}; {mend}")
    wanted = " nor ".join(WEIGHT_FILES.values())
    raise UnavailableError(f"{folder}: there is neither {wanted}; give a folder that has its weights")


def read_weights(folder: Path) -> tuple[dict[str, Tensor], WeightFormat]:
    """The weights of a model's folder by name, on the CPU, and the format that they were read from.

    Raises:
        UnavailableError: there are none, they are damaged, or reading them would run code.
    """
    kind = weight_format(folder)
    path = folder / WEIGHT_FILES[kind]
    weights = _read_safetensors(path) if kind == "safetensors" else _read_bin(path)
    return weights, kind


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        # Copies: load_file maps the file, and a model must not change with a file that is saved over.
        weights: dict[str, Tensor] = {name: value.clone() for name, value in load_file(path).items()}
    except (SafetensorError, OSError, ValueError) as error:
        raise UnavailableError(f"{path} is damaged ({one_line(error)}): fetch or save it again") from error
    return weights


def _read_bin(path: Path) -> dict[str, Tensor]:
    import pickle

    import torch

    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # torch raises this both for forbidden objects and for bytes that are no pickle.
        raise UnavailableError(
            f"{path} is damaged or holds more than tensors, and reading it would run code from the file: it was not "
            "read; save the model again as safetensors"
        ) from error
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, AttributeError, TypeError, IndexError) as error:
        raise UnavailableError(f"{path} is damaged ({one_line(error)}): fetch or save it again") from error
    if not isinstance(content, Mapping) or not all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in content.items()
    ):
        raise UnavailableError(f"{path} is no table of tensors (but a training checkpoint, say): save the model alone")
    return dict(content)
