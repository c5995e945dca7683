"""Masks drop the share that is asked for, keep the expected value, and come from torch's generator."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from benchbert.training.dropout import Masks

SHAPE = torch.Size((300, 401))


def dropped(p: float, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Ones after dropout, scaled."""
    torch.manual_seed(seed)
    kept = Masks().draw(nn.Dropout(p), SHAPE, dtype)
    return kept(torch.ones(SHAPE, dtype=dtype)).double() * kept.scale


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("p", [0.05, 0.1, 0.5, 0.9])
def test_the_share_and_the_mean_are_dropouts(p: float, dtype: torch.dtype) -> None:
    found = dropped(p, dtype=dtype)
    count = found.numel()
    share = float((found == 0).double().mean())
    assert abs(share - p) < 5 * (p * (1 - p) / count) ** 0.5
    assert abs(float(found.mean()) - 1) < 5 * (p / (1 - p) / count) ** 0.5
    # Two values alone, and the larger one is dropout's scale, but for the rounding of p to 16 bits.
    assert len(found.unique()) == 2
    assert float(found.max()) == pytest.approx(1 / (1 - p), rel=2**-15 / (1 - p))


def test_rows_and_columns_are_dropped_alike_and_independently() -> None:
    found = (dropped(0.3) == 0).double()
    for axis, other in ((0, 1), (1, 0)):
        spread = found.mean(axis).std()
        assert float(spread) == pytest.approx((0.21 / SHAPE[axis]) ** 0.5, rel=0.2)
        neighbours = found.narrow(other, 0, SHAPE[other] - 1) * found.narrow(other, 1, SHAPE[other] - 1)
        assert float(neighbours.mean()) == pytest.approx(0.09, abs=0.005)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_torchs_seed_fixes_the_masks_and_another_seed_changes_them(seed: int) -> None:
    assert torch.equal(dropped(0.1, seed), dropped(0.1, seed))
    assert not torch.equal(dropped(0.1, seed), dropped(0.1, seed + 1))


def test_every_forward_pass_and_every_place_has_masks_of_its_own() -> None:
    torch.manual_seed(0)
    first, second = Masks(), Masks()
    drawn = [masks.draw(nn.Dropout(0.5), SHAPE, torch.float32).mask for masks in (first, first, second)]
    assert all(mask is not None for mask in drawn)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert float((drawn[one] == drawn[other]).double().mean()) == pytest.approx(0.5, abs=0.01)


def test_a_restored_state_of_torch_goes_on_with_the_same_masks() -> None:
    torch.manual_seed(5)
    Masks().draw(nn.Dropout(0.5), SHAPE, torch.float32)
    state = torch.get_rng_state()
    expected = Masks().draw(nn.Dropout(0.5), SHAPE, torch.float32).mask
    torch.set_rng_state(state)
    found = Masks().draw(nn.Dropout(0.5), SHAPE, torch.float32).mask
    assert expected is not None
    assert found is not None
    assert torch.equal(expected, found)


@pytest.mark.parametrize("module", [None, nn.Dropout(0.0), nn.Dropout(0.5).eval()])
def test_without_dropout_nothing_is_drawn(module: nn.Dropout | None) -> None:
    x = torch.randn(4, 5)
    state = torch.get_rng_state()
    kept = Masks().draw(module, x.shape, x.dtype)
    assert (kept.mask, kept.scale) == (None, 1.0)
    assert kept(x) is x
    assert torch.equal(torch.get_rng_state(), state)


def test_a_share_of_one_leaves_nothing() -> None:
    assert not dropped(1.0).any()
