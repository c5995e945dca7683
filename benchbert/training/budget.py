"""How many tokens a forward pass takes: as many as its memory allows, and never more than are fastest on the device.

What is fastest is a constant, an upper bound, and not a timing of each run: a batch's size decides how sums are
blocked, and two runs of one job must give the same bits. Memory is measured while batches run whose outputs count: the
first one is a quarter of the fastest and of the longest sequences, what it took decides how long the others may be, and
where one of them takes more than that foretold, those behind it are shorter again.
"""

from __future__ import annotations

import psutil
import torch

from benchbert.machine import machine
from benchbert.worker.memory_reading import reset_peak, resident

__all__ = ["MemoryMeter", "fastest_budget"]

_PER_THREAD = 1_024
"""Tokens a CPU thread: activations stay in its caches. BERT-base in bfloat16 reached 95 % of the rate of a bare product
there, with sequences of one length."""

_CUDA = 65_536
"""Tokens that keep the largest GPUs busy; longer batches only take more memory."""

_SHARE = 0.5
"""Of the free memory that a batch may take: others want some too, and shorter batches may split it less well."""


def fastest_budget(device: str) -> int:
    """Tokens a batch where memory does not matter."""
    return _CUDA if device.startswith("cuda") else _PER_THREAD * torch.get_num_threads()


class MemoryMeter:
    """Watches batches, and says how long the next ones may be."""

    def __init__(self, device: str) -> None:
        """Sets the high-water marks back.

        Args:
            device: `cpu` or `cuda`.
        """
        self._device = device
        self._free = _free(device)
        self._known = reset_peak(device)
        self._before = _now_and_peak(device)[0]
        self._most = 0

    def budget(self, tokens: int) -> int:
        """Tokens a batch, after one of `tokens` tokens ran: at most the fastest, at least one.

        The peak since the start is held against the longest batch so far. Memory that the process had taken before and
        uses again is not seen: a first batch may seem to take none.
        """
        fastest = fastest_budget(self._device)
        self._most = max(self._most, tokens)
        taken = _now_and_peak(self._device)[1] - self._before
        if not self._known or taken <= 0:
            return fastest
        return max(1, min(fastest, int(_SHARE * self._free * self._most / taken)))


def _now_and_peak(device: str) -> tuple[float, float]:
    """Bytes taken now, and at most since the marks were set back; 0 where the system does not tell."""
    if device.startswith("cuda"):
        return float(torch.cuda.memory_allocated(device)), float(torch.cuda.max_memory_allocated(device))
    return resident() or (0.0, 0.0)


def _free(device: str) -> float:
    """Bytes that may still be taken."""
    if device.startswith("cuda"):
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return float(torch.cuda.mem_get_info(device)[0] + unused)
    limit = machine().memory - psutil.Process().memory_info().rss
    return float(min(psutil.virtual_memory().available, limit))
