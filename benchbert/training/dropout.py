"""Dropout (Srivastava et al. 2014, JMLR 15) by masks that are cheap on a CPU.

torch draws one double a number there, one after another: a tenth of a fine-tuning step. Here a number is 16 random bits
held against a threshold, and a mask is the number's bits or none of them, so that dropping is one AND. The generator
(SFC64) is seeded from torch's global one once for each forward pass: `torch.manual_seed` governs it, and a run that
restores torch's state goes on with the same masks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

__all__ = ["Kept", "Masks"]

_VALUES = 1 << 16
"""Values that a number's random bits take; a share of dropout is rounded to so many parts."""

_BITS = {2: torch.int16, 4: torch.int32, 8: torch.int64}
"""Bytes of a floating-point number -> integers of that size."""


@dataclass(frozen=True)
class Kept:
    """Which numbers of a tensor are kept."""

    mask: torch.Tensor | None
    """All bits set where a number is kept, none where it is dropped, in integers as long as the numbers; None: all."""
    scale: float
    """What the kept ones are to be multiplied by, so that the expected value stays."""

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """The numbers, 0 where they are dropped, not yet scaled."""
        return x if self.mask is None else (x.view(self.mask.dtype) & self.mask).view(x.dtype)


class Masks:
    """The masks of one forward pass."""

    def __init__(self) -> None:
        self._generator: np.random.SFC64 | None = None

    def draw(self, dropout: nn.Dropout | None, shape: torch.Size, dtype: torch.dtype) -> Kept:
        """What a dropout module would keep of a tensor of this shape and dtype; everything outside training."""
        parts = round(dropout.p * _VALUES) if dropout is not None and dropout.training else 0
        if not parts:
            return Kept(None, 1.0)
        if self._generator is None:
            self._generator = np.random.SFC64(int(torch.randint(2**63 - 1, ())))
        count = shape.numel()
        drawn = self._generator.random_raw(-(-count // 4)).view(np.uint16)[:count]
        # Held against what is kept, which is below `_VALUES` and so a 16-bit number.
        kept = torch.from_numpy(drawn < np.uint16(_VALUES - parts)).view(torch.int8)
        mask = kept.to(_BITS[dtype.itemsize]).neg_().view(shape)
        return Kept(mask, _VALUES / (_VALUES - parts) if parts < _VALUES else 0.0)
