"""A batch is as long as memory allows, and never longer than what is fastest."""

from __future__ import annotations

import pytest
import torch

from benchbert.training import budget
from benchbert.training.budget import MemoryMeter, fastest_budget


@pytest.fixture
def memory(monkeypatch) -> dict[str, float]:
    """Bytes that the system tells of: `now`, `peak` and `free`."""
    told = {"now": 100.0, "peak": 100.0, "free": 1e12}
    monkeypatch.setattr(budget, "_now_and_peak", lambda device: (told["now"], told["peak"]))
    monkeypatch.setattr(budget, "_free", lambda device: told["free"])
    monkeypatch.setattr(budget, "reset_peak", lambda device: True)
    return told


def test_the_fastest_is_the_upper_bound(memory) -> None:
    fastest = fastest_budget("cpu")
    assert fastest == 1_024 * torch.get_num_threads()
    meter = MemoryMeter("cpu")
    memory["peak"] = 101.0
    assert meter.budget(50) == fastest


def test_half_of_the_free_memory_is_for_a_batch(memory) -> None:
    memory["free"] = 1_000.0
    meter = MemoryMeter("cpu")
    # 40 tokens took 200 bytes: 5 a token, and 500 may be taken.
    memory["peak"] = 300.0
    assert meter.budget(40) == 100


def test_what_a_later_batch_takes_counts_too(memory) -> None:
    memory["free"] = 1_000.0
    meter = MemoryMeter("cpu")
    # The first one lives on what was taken before, and seems to take none.
    assert meter.budget(40) == fastest_budget("cpu")
    memory["peak"] = 1_100.0
    assert meter.budget(200) == 100
    # A short one behind it raised no peak, and changes nothing.
    assert meter.budget(3) == 100


def test_at_least_a_token_and_nothing_known(memory, monkeypatch) -> None:
    memory["free"] = 1.0
    meter = MemoryMeter("cpu")
    memory["peak"] = 1e9
    assert meter.budget(5) == 1
    monkeypatch.setattr(budget, "reset_peak", lambda device: False)
    assert MemoryMeter("cpu").budget(5) == fastest_budget("cpu")


def test_it_measures_this_process() -> None:
    meter = MemoryMeter("cpu")
    taken = torch.ones(64 * 2**20)
    free = budget._free("cpu")
    # A quarter of a gigabyte for one token: as many tokens as half of what is free holds of it, a little more or less.
    assert meter.budget(1) <= min(fastest_budget("cpu"), free / (2 * taken.nbytes) * 1.2 + 1)
