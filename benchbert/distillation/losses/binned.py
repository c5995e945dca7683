"""The divergence from a teacher of which only the largest probabilities are known; legend in this folder's `__init__`.

k kept classes; C = k + 1 classes: the kept ones, and all others as one, the tail.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from benchbert.distillation.losses.precision import wide

__all__ = ["KeptShares", "binned", "binned_apart", "binned_kl", "missed_bound"]


_BLOCK = 1 << 19
"""Logits, on a CPU, that all is done for while they are in its cache."""


@dataclass(frozen=True, kw_only=True)
class KeptShares:
    """What is left of a teacher's probabilities at one T."""

    ids_Pk: Tensor
    """Ids of the kept classes, the teacher's most likely ones."""
    log_PC: Tensor
    """Logarithms of their probabilities, and last of the tail's, -inf where there is none; each row is taken to be
    rounded, and is made to sum to 1 by those who use it."""

    def __len__(self) -> int:
        """P."""
        return len(self.ids_Pk)

    def __getitem__(self, rows: slice | Tensor) -> KeptShares:
        """Of some positions."""
        return KeptShares(ids_Pk=self.ids_Pk[rows], log_PC=self.log_PC[rows])


def binned(logits_PV: Tensor, temperature: float, kept: int) -> KeptShares:
    """The `kept` largest probabilities of softmax(z / T), in falling order.

    The tail is summed on its own, not taken as what is left to 1, so that its logarithm is exact where it is small.
    """
    at_once = len(logits_PV) if logits_PV.is_cuda else max(1, _BLOCK // logits_PV.shape[1])
    parts = [slice(start, start + at_once) for start in range(0, len(logits_PV), at_once)]
    found = [_largest(logits_PV[part], temperature, kept) for part in parts]
    return KeptShares(ids_Pk=torch.cat([ids for ids, _ in found]), log_PC=torch.cat([log for _, log in found]))


def _largest(logits_PV: Tensor, temperature: float, kept: int) -> tuple[Tensor, Tensor]:
    hot_PV = wide(logits_PV) / temperature
    hot_Pk, ids_Pk = hot_PV.topk(kept, dim=-1)
    tail_P1 = torch.logsumexp(hot_PV.scatter_(1, ids_Pk, -torch.inf), dim=-1, keepdim=True)
    return ids_Pk, functional.log_softmax(torch.cat([hot_Pk, tail_P1], dim=-1), dim=-1)


def binned_kl(hot_PV: Tensor, teacher: KeptShares) -> Tensor:
    """KL over C classes of the teacher from the student with logits z_s / T: of shape (P,), in nats, not negative.

    At most the KL over all classes, because no divergence grows when classes are thrown together (Cover & Thomas,
    Elements of Information Theory, 2006, theorem 2.7.1, the log-sum inequality), and equal to it with k = V. What it
    misses is q KL(teacher's tail || student's tail), with q the teacher's mass of the tail and both tails taken as
    distributions (the chain rule, theorem 2.5.3).

    Args:
        hot_PV: z_s / T, at least float32.
        teacher: at the same T.
    """
    tail_P1 = torch.logsumexp(hot_PV.scatter(1, teacher.ids_Pk, -torch.inf), dim=-1, keepdim=True)
    return _apart(torch.cat([hot_PV.gather(1, teacher.ids_Pk), tail_P1], dim=-1), teacher)[0]


@torch.no_grad()
def binned_apart(hot_PV: Tensor, teacher: KeptShares) -> tuple[Tensor, Tensor]:
    """`binned_kl`, and its slope at z_s / T, of shape (P, V), which is put in their place; without gradients.

    The slope is p - q of a kept class, with p and q the probabilities of student and teacher, and (p - q) p_j / p of
    class j in the tail, with p and q those of the whole tail. One exponential of each logit serves both.
    """
    kept_Pk = hot_PV.gather(1, teacher.ids_Pk)
    found_PV = hot_PV.scatter_(1, teacher.ids_Pk, -torch.inf)
    top_P1 = found_PV.amax(-1, keepdim=True)
    # Where there is no tail all is -inf, and nothing is shared out: exp(-inf - 0) = 0.
    top_P1 = torch.where(top_P1.isfinite(), top_P1, 0.0)
    sum_P1 = found_PV.sub_(top_P1).exp_().sum(-1, keepdim=True)
    classes_PC = torch.cat([kept_Pk, top_P1 + sum_P1.log()], dim=-1)
    apart_P, difference_PC = _apart(classes_PC, teacher)
    # The sum is at least 1, the share of the largest, where there is a tail.
    found_PV *= difference_PC[:, -1:] / sum_P1.clamp(min=1.0)
    return apart_P, found_PV.scatter_(1, teacher.ids_Pk, difference_PC[:, :-1])


def _apart(classes_PC: Tensor, teacher: KeptShares) -> tuple[Tensor, Tensor]:
    """KL of the teacher from the student with these logits of classes, of shape (P,), and p - q, of shape (P, C)."""
    log_q_PC = functional.log_softmax(teacher.log_PC.to(classes_PC.dtype), dim=-1)
    log_p_PC = functional.log_softmax(classes_PC, dim=-1)
    q_PC = log_q_PC.exp()
    # Not q (log q - log p) where q is 0: log p may be -inf as well.
    apart_PC = torch.where(q_PC > 0, q_PC * (log_q_PC - torch.where(q_PC > 0, log_p_PC, 0.0)), 0.0)
    return apart_PC.sum(-1), log_p_PC.exp() - q_PC


def missed_bound(hot_PV: Tensor, teacher: KeptShares) -> Tensor:
    """At most what `binned_kl` misses of the KL over all classes: of shape (P,), in nats.

    KL(a || b) <= max log(a / b) <= log max a - log min b. Of the teacher's tail a, nothing is larger than the smallest
    kept probability; of the student's tail b, the smallest is known from its logits.
    """
    log_q_PC = functional.log_softmax(teacher.log_PC.to(hot_PV.dtype), dim=-1)
    log_mass_P = torch.logsumexp(hot_PV.scatter(1, teacher.ids_Pk, -torch.inf), dim=-1)
    least_P = hot_PV.scatter(1, teacher.ids_Pk, torch.inf).amin(-1)
    tail_P = log_q_PC[:, -1]
    largest_P = (log_q_PC[:, :-1].amin(-1) - tail_P).clamp(max=0.0)
    bound_P = tail_P.exp() * (largest_P + log_mass_P - least_P)
    return torch.where(tail_P.isfinite(), bound_P, 0.0)
