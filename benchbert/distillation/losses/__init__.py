"""The losses of distillation, each a sum over positions or rows for the caller to divide.

Legend: B batch, L sequence, H hidden, V vocabulary, N heads, D head size, P positions (non-pad tokens),
z logits, T temperature, s student, t teacher. Sums are in float32, or in the inputs' dtype where that is wider.
"""

from benchbert.distillation.losses.attention import attention_kl_loss, attention_mse_loss
from benchbert.distillation.losses.binned import KeptShares, binned, binned_kl, missed_bound
from benchbert.distillation.losses.hidden import cosine_loss, feature_map_loss, hidden_mse_loss, patient_loss
from benchbert.distillation.losses.logits import distillation_loss, logit_mse_loss, soft_cross_entropy_loss
from benchbert.distillation.losses.projected import projected_losses
from benchbert.distillation.losses.relations import relation_loss, relations

__all__ = [
    "KeptShares",
    "attention_kl_loss",
    "attention_mse_loss",
    "binned",
    "binned_kl",
    "cosine_loss",
    "distillation_loss",
    "feature_map_loss",
    "hidden_mse_loss",
    "logit_mse_loss",
    "missed_bound",
    "patient_loss",
    "projected_losses",
    "relation_loss",
    "relations",
    "soft_cross_entropy_loss",
]
