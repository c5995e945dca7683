"""Which errors count as running out of memory."""

from __future__ import annotations

import pytest

from benchbert.worker.channel import is_out_of_memory


def test_a_real_allocation_of_torch_that_cannot_be_met() -> None:
    import torch

    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 50, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory."))


def test_others() -> None:
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(OSError(12, "Cannot allocate memory"))
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_out_of_memory(ValueError("a text about being out of memory"))
