"""A linear layer in a compute dtype, with what stands behind it in one product where the CPU has a kernel for that.

Where a CPU multiplies in bfloat16, products take the fused, pre-packed kernels of oneDNN (Intel oneDNN developer guide,
"inner product" with post-operations): bias, GELU and the sum with the residual happen in float32 inside the product,
before the one rounding. Elsewhere they are torch's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

__all__ = ["Dense"]

_POINTWISE = {"gelu": ("gelu", "none"), "gelu_new": ("gelu", "tanh"), "relu": ("relu", "")}
"""Activation -> post-operation of a product and its algorithm."""


@dataclass(frozen=True)
class Dense:
    """A linear layer in the compute dtype, packed for oneDNN where it has a kernel for it."""

    weight: torch.Tensor
    """Of shape (outputs, inputs), or packed."""
    bias: torch.Tensor
    """Of shape (outputs,)."""
    packed: bool
    """Whether the weight is oneDNN's."""

    @classmethod
    def of(cls, weight: torch.Tensor, bias: torch.Tensor, dtype: torch.dtype) -> Dense:
        """From float32 tensors, which are left as they are."""
        weight, bias = weight.detach().to(dtype).contiguous(), bias.detach().to(dtype)
        if packed := _has_packed_products(weight):
            weight = torch.ops.mkldnn._reorder_linear_weight(weight, 1024)
        return cls(weight, bias, packed)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Of shape (T, outputs)."""
        if self.packed:
            found: torch.Tensor = torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, "none", [], "")
            return found
        return functional.linear(x, self.weight, self.bias)

    def activated(self, x: torch.Tensor, activation: str) -> torch.Tensor:
        """With an activation behind it, of shape (T, outputs)."""
        if self.packed:
            name, algorithm = _POINTWISE[activation]
            found: torch.Tensor = torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, name, [], algorithm)
            return found
        made = functional.linear(x, self.weight, self.bias)
        if activation == "relu":
            return functional.relu(made)
        return functional.gelu(made, approximate=_POINTWISE[activation][1])

    def plus(self, x: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        """With a residual added, of shape (T, outputs)."""
        if self.packed:
            found: torch.Tensor = torch.ops.mkldnn._linear_pointwise.binary(x, residual, self.weight, self.bias, "add")
            return found
        return functional.linear(x, self.weight, self.bias) + residual


def _has_packed_products(weight: torch.Tensor) -> bool:
    """Whether oneDNN packs weights of this dtype here; what it is asked by is not part of torch's public interface."""
    if weight.device.type != "cpu" or weight.dtype != torch.bfloat16 or not torch.backends.mkldnn.enabled:
        return False
    names = ("_reorder_linear_weight", "_linear_pointwise", "_is_mkldnn_bf16_supported")
    operations: Any = torch.ops.mkldnn
    return all(hasattr(operations, name) for name in names) and bool(operations._is_mkldnn_bf16_supported())
