"""Positions that a model has not seen yet, filled from those that it has."""

from __future__ import annotations

import pytest
import torch

from benchbert.models.adapter import adapter_for
from benchbert.training.positions import copy_positions
from tests.models.small_models import CONFIGS, build


@pytest.mark.parametrize("family", sorted(CONFIGS))
def test_unseen_positions_repeat_the_text_s(family: str) -> None:
    model = build(CONFIGS[family], "AutoModelForMaskedLM")
    adapter = adapter_for(family)
    weight = adapter.embeddings(model).get_parameter("position_embeddings.weight")
    before = weight.detach().clone()
    copy_positions(model, adapter, seen=6, wanted=12)
    assert torch.equal(weight[:5], before[:5])
    assert torch.equal(weight[12:], before[12:])
    # 5 held the last separator; it and those behind it repeat 1, 2, 3, 4.
    assert torch.equal(weight[5:12], before[[1, 2, 3, 4, 1, 2, 3]])


def test_no_further_than_the_model_goes() -> None:
    model = build(CONFIGS["bert"], "AutoModelForMaskedLM")
    copy_positions(model, adapter_for("bert"), seen=6, wanted=10_000)
