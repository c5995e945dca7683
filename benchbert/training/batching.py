"""Which examples an optimizer step sees, and how they are split into micro-batches.

A step sees exactly `batch_size` examples. They are drawn from pools of several steps sorted by length, so that little
is padded; a budget of padded tokens splits a step into micro-batches, and never changes what the step computes.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchbert.tasks.encoding import Encoded

__all__ = ["Batch", "Steps", "make_batch", "model_inputs", "on_device", "token_budget_batches"]

_POOL_STEPS = 50
"""Steps whose examples are sorted together: long enough for even lengths, short enough to stay random."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A micro-batch on its device."""

    inputs: dict[str, torch.Tensor]
    """`input_ids`, `attention_mask` and, where there are several, `token_type_ids`, each of shape (batch, longest)."""
    labels: dict[str, torch.Tensor] = field(default_factory=dict)
    """Targets, each with batch rows; those of tokens of shape (batch, longest)."""
    size: int
    """Examples."""


def model_inputs(model: nn.Module) -> frozenset[str]:
    """Names of the tensors that the model takes of a batch."""
    taken = inspect.signature(model.forward).parameters
    return frozenset({"input_ids", "attention_mask", "token_type_ids"} & set(taken))


def on_device(array: NDArray[Any], device: str) -> torch.Tensor:
    """An array as a tensor there; to CUDA through pinned memory, so that the host goes on while it is copied."""
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    return tensor if device == "cpu" else tensor.pin_memory().to(device, non_blocking=True)


def make_batch(encoded: Encoded, indices: NDArray[Any], pad_id: int, device: str, names: frozenset[str]) -> Batch:
    """The named examples, padded to the longest of them.

    Args:
        encoded: all examples.
        indices: which of them, of shape (batch,).
        pad_id: id of the padding token.
        device: where the tensors go.
        names: inputs that the model takes (DistilBERT takes no `token_type_ids`).
    """
    padded = encoded.padded(indices, pad_id)
    inputs = {k: on_device(v, device) for k, v in padded.items() if k in names}
    labels = {k: on_device(v[indices], device) for k, v in encoded.labels.items()}
    if encoded.token_labels is not None:
        labels["labels"] = on_device(encoded.padded_token_labels(indices), device)
    return Batch(inputs=inputs, labels=labels, size=len(indices))


def token_budget_batches(
    lengths: NDArray[Any], order: NDArray[Any], budget: int, *, padding: bool = True
) -> list[NDArray[Any]]:
    """Cuts examples, in the given order, into batches of at most `budget` tokens (at least one example each).

    Args:
        lengths: tokens of all examples.
        order: which examples.
        budget: tokens of a batch.
        padding: whether padding counts, as where examples are padded to the longest of their batch.
    """
    batches: list[NDArray[Any]] = []
    start, longest, real = 0, 0, 0
    for position, index in enumerate(order):
        length = int(lengths[index])
        longest, real = max(longest, length), real + length
        if position > start and (longest * (position - start + 1) if padding else real) > budget:
            batches.append(order[start:position])
            start, longest, real = position, length, length
    if start < len(order):
        batches.append(order[start:])
    return batches


class Steps(Sequence[NDArray[Any]]):
    """The examples of every optimizer step, fixed by the seed: `steps[i]` has shape (batch_size,)."""

    def __init__(self, lengths: NDArray[Any], *, batch_size: int, epochs: float, seed: int) -> None:
        examples = len(lengths)
        self._count = max(1, round(examples * epochs / batch_size))
        generator = np.random.default_rng([seed, 0x5EED])
        needed = self._count * batch_size
        passes = [generator.permutation(examples) for _ in range(-(-needed // examples))]
        stream = np.concatenate(passes)[:needed]
        pool = _POOL_STEPS * batch_size
        parts = [self._pool(stream[i : i + pool], lengths, batch_size, generator) for i in range(0, needed, pool)]
        self._order = np.concatenate(parts)

    @staticmethod
    def _pool(
        stream: NDArray[Any], lengths: NDArray[Any], batch_size: int, generator: np.random.Generator
    ) -> NDArray[Any]:
        by_length = stream[np.argsort(lengths[stream], kind="stable")]
        return generator.permutation(by_length.reshape(-1, batch_size))

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, step: Any) -> Any:
        return self._order[step]
