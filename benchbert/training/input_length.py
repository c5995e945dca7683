"""How many tokens of an example a model is given, and whether it has positions for so many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from benchbert.errors import UnavailableError
from benchbert.tasks.encoding import Encoded
from benchbert.tasks.windows import STRIDE
from benchbert.types import HEAD_LENGTHS, Task

__all__ = ["input_settings", "require_positions"]


def input_settings(task: Task, model: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    """`max_length` and `stride`, in tokens, that a model is to predict with.

    A model that was fine-tuned here keeps the numbers that it was trained with. One that brings its head takes the
    head's usual ones, or as many tokens as it has positions for where those are fewer.

    Args:
        task: the task.
        model: the transformers model.
        settings: of its fine-tuning; empty: it brings its head.
    """
    usual = {"max_length": min(HEAD_LENGTHS[task.head], _positions(model)), "stride": STRIDE}
    return usual | dict(settings)


def require_positions(name: str, task: Task, model: Any, encoded: Encoded) -> None:
    """Nothing that is tokenized may be longer than the model can read.

    Raises:
        UnavailableError: something is; names its row.
    """
    lengths, most = encoded.lengths, _positions(model)
    if not len(lengths) or lengths.max() <= most:
        return
    first = int(np.argmax(lengths > most))
    raise UnavailableError(
        f"{name} reads at most {most} tokens, and {task.name} has {lengths[first]} in row {encoded.example[first]}: "
        f'set max_length to {most} or less in [finetune.per_model."{name}"]'
    )


def _positions(model: Any) -> int:
    """Tokens of the longest sequence that a model can read."""
    return int(getattr(model.config, "max_position_embeddings", np.iinfo(np.int32).max))
