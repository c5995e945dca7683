"""Position embeddings when sequences grow longer in the course of pre-training.

A model that was trained on short sequences knows nothing of the positions behind their end, and the first long ones
undo what its attention has learnt. So positions not seen yet start as copies of those that were, over and over, as
Longformer's do (Beltagy et al. 2020, arXiv 2004.05150, section 5): what attends to its neighbour goes on doing so.
"""

from __future__ import annotations

import torch
from torch import nn

from benchbert.models.adapter import FamilyAdapter

__all__ = ["copy_positions"]


@torch.no_grad()
def copy_positions(model: nn.Module, adapter: FamilyAdapter, *, seen: int, wanted: int) -> None:
    """Fills the positions from `seen - 1` up to `wanted` with copies of positions 1 to `seen - 2`, in place.

    Position 0 held the class token and position `seen - 1` the last separator of every sequence: neither is copied.

    Args:
        model: bare or with a head.
        adapter: its family's.
        seen: tokens of the longest sequences that it was trained on.
        wanted: tokens of those to come.
    """
    weight = adapter.embeddings(model).get_parameter("position_embeddings.weight")
    places = torch.arange(seen - 1, min(wanted, len(weight)), device=weight.device)
    weight[places] = weight[1 + (places - 1) % (seen - 2)]
