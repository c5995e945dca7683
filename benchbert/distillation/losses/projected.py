"""The losses on logits from the inputs of the vocabulary projection, without keeping logits.

Chunk by chunk over the rows: the student's logits and the teacher's, the losses, and at once the slope of the losses at
the student's logits, which is turned into gradients of the projection's inputs, weight and bias. One product forward
and two backward, as plain autograd takes, nothing is computed twice, and of N x V numbers only a chunk is ever held.

The slope of T^2 KL(softmax(z_t / T) || softmax(z_s / T)) at z_s is T (softmax(z_s / T) - softmax(z_t / T)); that of the
cross-entropy is softmax(z_s) less its target (Hinton et al. 2015, arXiv 1503.02531, section 2.1).

Legend, beside the one in this folder's `__init__`: N rows, M those of them that are masked, E width of the projection's
inputs, n rows of a chunk or block. Products are in the compute dtype of autocast, or the inputs' own without it;
everything between them in float32, or in the inputs' dtype where that is wider.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from benchbert.distillation.losses.binned import KeptShares, binned_apart
from benchbert.distillation.losses.precision import wide

__all__ = ["projected_losses"]

_CHUNK = 1 << 23
"""Logits of one model that are held at once. Products with fewer rows are slower; larger results are no longer taken
from memory that the process has already, and each page of new memory costs more than what is computed on it."""

_BLOCK = 1 << 18
"""Logits, on a CPU, that all steps between two products are done for while they are in its cache."""


def projected_losses(
    inputs_NE: Tensor,
    weight_VE: Tensor,
    bias_V: Tensor,
    aims: Callable[[slice], Tensor | KeptShares] | None,
    targets_M: Tensor,
    factors: Mapping[str, float],
    temperature: float,
) -> dict[str, Tensor]:
    """The weighted losses of logits z_s = inputs weight^T + bias; the first M rows are the masked ones.

    Args:
        inputs_NE: what the student's vocabulary projection is applied to.
        weight_VE: of the projection; may be the embeddings' own.
        bias_V: of the projection.
        aims: range of rows -> the teacher's logits there, of shape (n, V), finite, or, for `ce` and `masked_ce`
            alone, the largest of its probabilities; None: no loss needs them.
        targets_M: the tokens at the first M rows.
        factors: what the sum of each loss is multiplied by: `ce`, `mse` and `prediction` over all rows, `mlm` and
            `masked_ce` over the masked ones; those that are not named are 0.
        temperature: T of `ce` and `masked_ce`.

    Returns:
        Name -> scalar, for the factors that are not 0. The gradient is that of their sum, all of it in the first: sum
        them, whatever else is done with them.
    """
    wanted = {name: factor for name, factor in factors.items() if factor}
    plan = _Plan(aims=aims, targets_M=targets_M, factors=wanted, temperature=temperature)
    loss, *values = _Projected.apply(inputs_NE, weight_VE, bias_V, plan)  # type: ignore[no-untyped-call]
    terms = dict(zip(wanted, values, strict=True))
    first = next(iter(terms))
    terms[first] = terms[first] + (loss - loss.detach())
    return terms


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """What the losses are, for logits that come in parts; rows are counted as in `projected_losses`."""

    aims: Callable[[slice], Tensor | KeptShares] | None
    """As there."""
    targets_M: Tensor
    """As there."""
    factors: dict[str, float]
    """Those that are not 0."""
    temperature: float
    """As there."""
    sums: dict[str, Tensor] = field(default_factory=dict)
    """Weighted sum of each loss so far."""

    def slope(self, student_nV: Tensor, bias_V: Tensor, teacher_nV: Tensor | KeptShares | None, start: int) -> Tensor:
        """The slope of the losses of some rows at their logits, in a tensor of its own, and their sums put down.

        Args:
            student_nV: logits without bias.
            bias_V: at least float32.
            teacher_nV: logits, None where no loss needs them.
            start: number of the first of these rows.
        """
        masked = min(max(len(self.targets_M) - start, 0), len(student_nV))
        found = None if teacher_nV is None else self._compared(student_nV, bias_V, teacher_nV, masked)
        if found is None:
            found = bias_V.new_zeros(student_nV.shape)
        if masked and (factor := self.factors.get("mlm")):
            targets = self.targets_M[start : start + masked, None]
            logits = wide(student_nV[:masked]) + bias_V
            shares, top, share = _shares(logits)
            self._add("mlm", factor * ((top - logits.gather(1, targets)[:, 0]) - share.log()).sum())
            found[:masked].add_(shares, alpha=factor)
            found[:masked].scatter_add_(1, targets, found.new_full((masked, 1), -factor))
        return found

    def _compared(
        self, student_nV: Tensor, bias_V: Tensor, teacher_nV: Tensor | KeptShares, masked: int
    ) -> Tensor | None:
        """The slope of the losses against a teacher; arguments as of `slope`, the first `masked` rows being such."""
        found: Tensor | None = None
        heat, factors = self.temperature, self.factors
        everywhere, where_masked = factors.get("ce", 0.0), factors.get("masked_ce", 0.0)
        rows = len(student_nV) if everywhere else masked if where_masked else 0
        if rows:
            apart, found = self._divergence(student_nV[:rows], bias_V, teacher_nV[:rows])
            self._add("ce", everywhere * heat**2 * apart.sum())
            self._add("masked_ce", where_masked * heat**2 * apart[:masked].sum())
            found[:masked] *= (everywhere + where_masked) * heat
            found[masked:] *= everywhere * heat
            if rows < len(student_nV):
                found = functional.pad(found, (0, 0, 0, len(student_nV) - rows))
        if not {"prediction", "mse"} & factors.keys():
            return found
        assert isinstance(teacher_nV, Tensor), "refused when the recipe is read"
        student_nV, teacher_nV = wide(student_nV) + bias_V, wide(teacher_nV).to(bias_V.dtype)
        if factor := factors.get("prediction"):
            (student, top, share), (teacher, _, _) = _shares(student_nV), _shares(teacher_nV)
            self._add("prediction", factor * (top - share.log() - torch.linalg.vecdot(teacher, student_nV)).sum())
            slope = student.sub_(teacher).mul_(factor)
            found = slope if found is None else found.add_(slope)
        if factor := factors.get("mse"):
            error = student_nV - teacher_nV
            self._add("mse", factor * torch.linalg.vecdot(error, error).sum())
            error *= 2.0 * factor
            found = error if found is None else found.add_(error)
        return found

    def _divergence(self, student_nV: Tensor, bias_V: Tensor, teacher_nV: Tensor | KeptShares) -> tuple[Tensor, Tensor]:
        """KL at T of each row, of shape (n,), and softmax(z_s / T) - softmax(z_t / T), of shape (n, V)."""
        hot_s = _copy(student_nV, bias_V.dtype).add_(bias_V).mul_(1.0 / self.temperature)
        if isinstance(teacher_nV, KeptShares):
            return binned_apart(hot_s, teacher_nV)
        hot_t = _copy(teacher_nV, bias_V.dtype).mul_(1.0 / self.temperature)
        student, top_s, share_s = _shares(hot_s)
        top_t, apart = hot_t.amax(-1), hot_t - hot_s
        # Written over what is no longer needed: memory that is in the cache costs less than memory that is not.
        teacher = torch.softmax(hot_t, -1, out=hot_s)
        share_t = teacher.amax(-1)
        # KL = sum of p_t (z_t - z_s) / T + log Z_s - log Z_t; of close models both differences are small.
        kl_n = torch.linalg.vecdot(teacher, apart) + ((top_s - top_t) - (share_s / share_t).log())
        return kl_n, student.sub_(teacher)

    def _add(self, name: str, value: Tensor) -> None:
        if name in self.factors:
            self.sums[name] = self.sums[name] + value if name in self.sums else value


class _Projected(torch.autograd.Function):
    """(inputs, weight, bias) -> the sum of the losses, which has the gradient, and each of them, which has none."""

    @staticmethod
    def forward(ctx: Any, inputs_NE: Tensor, weight_VE: Tensor, bias_V: Tensor, plan: _Plan) -> tuple[Tensor, ...]:
        device = inputs_NE.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else inputs_NE.dtype
        needed = ctx.needs_input_grad[:3]
        work = _Work(inputs_NE, weight_VE, bias_V, dtype, needed)
        for rows in _parts(len(inputs_NE), work.chunk):
            work.add(rows, None if plan.aims is None else plan.aims(rows), plan)
        ctx.save_for_backward(*work.gradients)
        ctx.dtypes = (inputs_NE.dtype, weight_VE.dtype, bias_V.dtype)
        zero = wide(bias_V.new_zeros(()))
        values = tuple(plan.sums.get(name, zero).clone() for name in plan.factors)
        ctx.mark_non_differentiable(*values)
        return torch.stack(values).sum(), *values

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor, *unused: Tensor) -> tuple[Tensor | None, ...]:
        found = zip(ctx.saved_tensors, ctx.dtypes, strict=True)
        return (*(None if grad is None else (grad * slope).to(dtype) for grad, dtype in found), None)


class _Work:
    """The products of all chunks, and what they add up to."""

    def __init__(
        self, inputs_NE: Tensor, weight_VE: Tensor, bias_V: Tensor, dtype: torch.dtype, needed: tuple[bool, ...]
    ) -> None:
        size, rows = len(weight_VE), len(inputs_NE)
        self.inputs_NE, self.weight_VE, self.bias_V = inputs_NE.to(dtype), weight_VE.to(dtype), wide(bias_V)
        self.chunk = max(1, min(rows, max(64, _CHUNK // size // 64 * 64)))
        # Kept over all chunks: the pages of new memory cost as much as the products.
        self.logits_nV = self.inputs_NE.new_empty(self.chunk, size)
        self.d_inputs_NE = torch.empty_like(self.inputs_NE) if needed[0] else None
        self.product_VE = torch.empty_like(self.weight_VE) if needed[1] else None
        self.d_weight_VE = wide(torch.zeros_like(self.weight_VE)) if needed[1] else None
        self.d_bias_V = torch.zeros_like(self.bias_V) if needed[2] else None

    @property
    def gradients(self) -> tuple[Tensor | None, ...]:
        """Of inputs, weight and bias; None where it is not needed."""
        return self.d_inputs_NE, self.d_weight_VE, self.d_bias_V

    def add(self, rows: slice, aims_nV: Tensor | KeptShares | None, plan: _Plan) -> None:
        """The losses and gradients of a chunk."""
        inputs_nE, logits_nV = self.inputs_NE[rows], self.logits_nV[: rows.stop - rows.start]
        torch.mm(inputs_nE, self.weight_VE.t(), out=logits_nV)
        # The sums between the products are not to be rounded.
        with torch.autocast(logits_nV.device.type, enabled=False):
            self._turn_into_slope(logits_nV, aims_nV, rows.start, plan)
        if self.d_inputs_NE is not None:
            torch.mm(logits_nV, self.weight_VE, out=self.d_inputs_NE[rows])
        if self.d_weight_VE is not None and self.product_VE is not None:
            torch.mm(logits_nV.t(), inputs_nE, out=self.product_VE)
            at_once = len(self.product_VE) if self.product_VE.is_cuda else _BLOCK // self.product_VE.shape[1] + 1
            for part in _parts(len(self.product_VE), at_once):
                # On a CPU in parts: a sum of two dtypes over all of it is several times slower.
                self.d_weight_VE[part] += self.product_VE[part]

    def _turn_into_slope(self, logits_nV: Tensor, aims_nV: Tensor | KeptShares | None, start: int, plan: _Plan) -> None:
        """Puts the slope of the losses in the place of the logits (without bias) of rows from `start` on."""
        at_once = len(logits_nV) if logits_nV.is_cuda else max(1, _BLOCK // logits_nV.shape[1])
        for part in _parts(len(logits_nV), at_once):
            teacher_nV = None if aims_nV is None else aims_nV[part]
            slope_nV = plan.slope(logits_nV[part], self.bias_V, teacher_nV, start + part.start)
            logits_nV[part] = slope_nV
            if self.d_bias_V is not None:
                self.d_bias_V += slope_nV.sum(0)


def _shares(logits_nV: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """softmax, the largest logit and the largest share, of shape (n,).

    log Z, the logarithm of the sum of the exponentials, is the one less the logarithm of the other.
    """
    shares_nV = torch.softmax(logits_nV, dim=-1)
    return shares_nV, logits_nV.amax(-1), shares_nV.amax(-1)


def _copy(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    return torch.empty_like(tensor, dtype=dtype).copy_(tensor)


def _parts(count: int, size: int) -> Iterator[slice]:
    return (slice(start, min(count, start + size)) for start in range(0, count, size))
