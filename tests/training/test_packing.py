"""Packing is the padded batch without its padding, and the way back."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchbert.training.packing import Packing

LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=12)


@settings(deadline=None, max_examples=60)
@given(LENGTHS, st.integers(0, 3))
def test_there_and_back(lengths: list[int], more: int) -> None:
    longest = max(lengths) + more
    mask = (torch.arange(longest) < torch.tensor(lengths)[:, None]).long()
    values = torch.arange(1, mask.numel() + 1).view(mask.shape) * mask
    packing = Packing.of((len(lengths), longest), mask)
    packed = packing.take(values)
    assert torch.equal(packing.padded(packed), values)
    assert torch.equal(packed[packing.firsts][packing.rows], values[:, 0])
    for group in packing.groups:
        rows = packed[group.start : group.stop].view(group.count, group.length)
        # A row is a sequence: its numbers follow each other, its positions start at 0.
        assert torch.equal(rows - rows[:, :1], torch.arange(group.length).expand_as(rows))
        assert torch.equal(
            packing.positions[group.start : group.stop].view_as(rows), torch.arange(group.length).expand_as(rows)
        )
        assert packing.firsts[group.first] == group.start
    assert [group.length for group in packing.groups] == sorted(set(lengths))
    assert sum(group.count for group in packing.groups) == len(lengths)


def test_without_a_mask_nothing_is_padding() -> None:
    packing = Packing.of((3, 4))
    assert torch.equal(packing.places, torch.arange(12))
    assert [(group.count, group.length) for group in packing.groups] == [(3, 4)]
