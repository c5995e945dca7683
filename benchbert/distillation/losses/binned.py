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
    """The `kept` largest probabilities of softmax(z / T).

    The tail is summed on its own, not taken as what is left to 1, so that its logarithm is exact where it is small.
    """
    log_PV = functional.log_softmax(wide(logits_PV) / temperature, dim=-1)
    log_Pk, ids_Pk = log_PV.topk(kept, dim=-1)
    log_P1 = torch.logsumexp(log_PV.scatter(1, ids_Pk, -torch.inf), dim=-1, keepdim=True)
    return KeptShares(ids_Pk=ids_Pk, log_PC=torch.cat([log_Pk, log_P1], dim=-1))


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
    return _compared(hot_PV, teacher)[0]


def binned_apart(hot_PV: Tensor, teacher: KeptShares) -> tuple[Tensor, Tensor]:
    """`binned_kl`, and its slope at z_s / T, of shape (P, V): without gradients of their own.

    The slope is p - q of a kept class, with p and q the probabilities of student and teacher, and (p - q) p_j / p of
    class j in the tail, with p and q those of the whole tail.
    """
    with torch.no_grad():
        apart_P, difference_PC, tail_PV, tail_P1 = _compared(hot_PV, teacher)
        # Where there is no tail, there is nothing in it to share out: exp(-inf - 0) = 0.
        slope_PV = tail_PV.sub_(torch.where(tail_P1.isfinite(), tail_P1, 0.0)).exp_()
        slope_PV *= difference_PC[:, -1:]
        return apart_P, slope_PV.scatter_(1, teacher.ids_Pk, difference_PC[:, :-1])


def _compared(hot_PV: Tensor, teacher: KeptShares) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(KL (P,), p - q (P, C), z_s / T in the tail and -inf elsewhere (P, V), its log-sum-exp (P, 1))."""
    log_q_PC = functional.log_softmax(teacher.log_PC.to(hot_PV.dtype), dim=-1)
    tail_PV = hot_PV.scatter(1, teacher.ids_Pk, -torch.inf)
    tail_P1 = torch.logsumexp(tail_PV, dim=-1, keepdim=True)
    log_p_PC = functional.log_softmax(torch.cat([hot_PV.gather(1, teacher.ids_Pk), tail_P1], dim=-1), dim=-1)
    q_PC = log_q_PC.exp()
    # Not q (log q - log p) where q is 0: log p may be -inf as well.
    apart_P = torch.where(q_PC > 0, q_PC * (log_q_PC - torch.where(q_PC > 0, log_p_PC, 0.0)), 0.0).sum(-1)
    return apart_P, log_p_PC.exp() - q_PC, tail_PV, tail_P1


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
