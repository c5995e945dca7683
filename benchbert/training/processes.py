"""The processes of one data-parallel run: each takes its share of a step's micro-batches, and they add up gradients.

Gradients are added once a step, after the last micro-batch: nothing is exchanged while they accumulate. Losses are
normalised over the whole step, so the sum over the processes is the gradient of the step, whatever their number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import nn

__all__ = ["Processes"]

_BUCKET = 1 << 24
"""Numbers that are added up in one exchange: few exchanges, and no second copy of a large model's gradients."""


class Processes:
    """A process among those of its run; alone, it exchanges nothing."""

    def __init__(self, accelerator: Accelerator) -> None:
        """Finds its place.

        Args:
            accelerator: knows the processes that torchrun or `accelerate launch` started.
        """
        self._accelerator = accelerator
        self.count = int(accelerator.num_processes)
        self.rank = int(accelerator.process_index)

    @property
    def first(self) -> bool:
        """Whether this is the process that reports and saves."""
        return self.rank == 0

    def share(self, micro_batches: Sequence[Any]) -> Sequence[Any]:
        """The micro-batches of a step that this process computes; none, where there are fewer than processes."""
        return micro_batches[self.rank :: self.count]

    def add_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Makes every gradient the sum over the processes; one that no process has stays None, as with one process."""
        if self.count == 1:
            return
        present = torch.tensor([float(p.grad is not None) for p in parameters], device=self._accelerator.device)
        somewhere = self._accelerator.reduce(present, reduction="sum").tolist()
        for bucket in _buckets([p for p, there in zip(parameters, somewhere, strict=True) if there]):
            grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in bucket]
            flat = self._accelerator.reduce(torch.cat([grad.flatten() for grad in grads]), reduction="sum")
            for p, part in zip(bucket, flat.split([p.numel() for p in bucket]), strict=True):
                p.grad = part.view_as(p).clone()

    def add(self, tensor: torch.Tensor) -> torch.Tensor:
        """The sum of a tensor over the processes."""
        found: torch.Tensor = tensor if self.count == 1 else self._accelerator.reduce(tensor, reduction="sum")
        return found

    def add_terms(self, terms: Mapping[str, torch.Tensor]) -> dict[str, float]:
        """Sums of the terms of the loss; a process may have terms that another one has not."""
        own = {name: float(term) for name, term in terms.items()}
        total: dict[str, float] = {}
        for part in [own] if self.count == 1 else gather_object([own]):
            for name, value in part.items():
                total[name] = total.get(name, 0.0) + value
        return total

    def agree(self, wish: bool) -> bool:
        """What the first process wishes: their clocks differ."""
        if self.count == 1:
            return wish
        flag = torch.tensor(float(wish and self.first), device=self._accelerator.device)
        return bool(self._accelerator.reduce(flag, reduction="sum"))

    def gather(self, tensor: torch.Tensor) -> list[torch.Tensor]:
        """The tensors of all processes, in their order."""
        return [tensor] if self.count == 1 else list(gather_object([tensor]))

    def wait(self) -> None:
        """Until all processes are here."""
        self._accelerator.wait_for_everyone()


def _buckets(parameters: Sequence[nn.Parameter]) -> Iterator[list[nn.Parameter]]:
    bucket: list[nn.Parameter] = []
    size = 0
    for parameter in parameters:
        if bucket and size + parameter.numel() > _BUCKET:
            yield bucket
            bucket, size = [], 0
        bucket.append(parameter)
        size += parameter.numel()
    if bucket:
        yield bucket
