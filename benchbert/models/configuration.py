"""Transformers configs from a folder's config.json or the registry, without running anything that came with them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchbert.errors import UnavailableError
from benchbert.models.location import one_line

__all__ = ["build_config", "read_config"]

_DROPPED = frozenset(
    {
        "attn_implementation",
        "_attn_implementation",
        "_attn_implementation_internal",
        "auto_map",
        "distributed_config",
        "experts_implementation",
        "_experts_implementation",
        "fusion_config",
        "transformers_weights",
    }
)
"""Settings that name code, kernels or files to load: how a model runs is said here, not by its folder."""


def read_config(folder: Path, *, model_type: str = "") -> Any:
    """The transformers config of a model's folder.

    Args:
        folder: has config.json.
        model_type: used where the file has none, as some old published ones do.

    Raises:
        UnavailableError: there is no such file, it is damaged, or its architecture is not part of transformers.
    """
    path = folder / "config.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UnavailableError(f"{folder} has no config.json: it is no model folder") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UnavailableError(f"{path} is damaged ({one_line(error)}): fetch or save it again") from error
    if not isinstance(values, dict):
        raise UnavailableError(f"{path} is no JSON object: fetch or save it again")
    return build_config({"model_type": model_type, **values}, where=str(path))


def build_config(values: Mapping[str, Any], *, where: str) -> Any:
    """The transformers config with these keyword arguments, `model_type` among them.

    Args:
        values: keyword arguments; settings that name code to load are left out.
        where: what they are of, for errors.

    Raises:
        UnavailableError: transformers has no such architecture, or the values are none of its.
    """
    from huggingface_hub.errors import StrictDataclassError
    from transformers import CONFIG_MAPPING

    model_type = values.get("model_type")
    if not isinstance(model_type, str) or model_type not in CONFIG_MAPPING:
        raise UnavailableError(
            f"{where}: model_type {model_type!r} is no architecture of transformers, and code that comes with a model "
            "is never run; convert it to an architecture of transformers"
        )
    if values.get("quantization_config"):
        raise UnavailableError(f"{where}: the weights are quantised; give the model in full precision")
    kept = {name: value for name, value in values.items() if name not in _DROPPED}
    try:
        return CONFIG_MAPPING[model_type].from_dict(kept)
    except (StrictDataclassError, TypeError, ValueError, KeyError, AttributeError) as error:
        raise UnavailableError(f"{where}: not a {model_type} config ({one_line(error)})") from error
