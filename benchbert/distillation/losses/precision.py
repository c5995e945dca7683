"""The dtype in which losses are summed."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["wide"]


def wide(tensor: Tensor) -> Tensor:
    """The tensor in float32, or as it is where its dtype is wider: sums of half precision lose what they compare."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))
