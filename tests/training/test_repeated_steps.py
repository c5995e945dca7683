"""Several passes over the same masked batches: what comes back, in which order, and where it stands."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchbert.training.corpus import TokenStream
from benchbert.training.masked_steps import MaskedBatch, MaskedSteps
from benchbert.training.masking import Masker
from benchbert.training.repeated_steps import RepeatedSteps

PHASES = [
    {"steps": 12, "batch_size": 5, "sequence_length": 10},
    {"steps": 6, "batch_size": 3, "sequence_length": 16},
]


def steps(passes: int = 3, seed: int = 4, token_budget: int = 20) -> RepeatedSteps:
    tokens = np.random.default_rng(0).integers(5, 90, 2_000).astype(np.uint16)
    masking = {"share": 0.2, "smoothing": 0.7, "mask": 0.8, "keep": 0.1}
    masker = Masker(masking, np.bincount(tokens, minlength=90), frozenset(range(5)), 4)
    stream = TokenStream(tokens, 2, 3)
    whole = MaskedSteps(stream, masker, PHASES, seed=seed, device="cpu", token_budget=token_budget)
    return RepeatedSteps(whole, passes)


def told(batches: list[MaskedBatch]) -> bytes:
    return b"".join(t.numpy().tobytes() for b in batches for t in (b.input_ids, b.positions, b.targets))


def test_each_pass_has_the_batches_of_the_first_in_an_order_of_its_own() -> None:
    found = steps()
    assert len(found) == 18
    first = [told(found(step)[0]) for step in range(4)]
    orders = [[first.index(told(found(4 * turn + step)[0])) for step in range(4)] for turn in range(3)]
    assert orders[0] == [0, 1, 2, 3]
    assert all(sorted(order) == [0, 1, 2, 3] for order in orders)
    second = [told(found(12 + step)[0]) for step in range(2)]
    assert sorted(told(found(step)[0]) for step in range(16, 18)) == sorted(second)
    assert len({*first, *second}) == 6
    assert [told(found(step)[0]) for step in (7, 3, 11)] == [told(steps()(step)[0]) for step in (7, 3, 11)]
    assert any(
        [told(steps(seed=seed)(4 + step)[0]) for step in range(4)]
        != [told(steps(seed=seed)(step)[0]) for step in range(4)]
        for seed in range(4)
    )


def test_a_single_pass_is_the_steps_as_they_are() -> None:
    found = steps(passes=1)
    for step in range(len(found)):
        assert told(found(step)[0]) == told(found.once(step)[0])
        assert found(step)[1] == found.once(step)[1]


@pytest.mark.parametrize("token_budget", [10, 20, 30, 500])
def test_every_sequence_has_a_place_of_its_own_which_finds_it_again(token_budget: int) -> None:
    found = steps(token_budget=token_budget)
    for phase, span in ((0, range(12)), (1, range(12, 18))):
        seen: dict[int, list[torch.Tensor]] = {}
        for step in span:
            for batch in found(step)[0]:
                place = found.place(step, batch.number)
                assert place.phase == phase
                for row, ids in enumerate(batch.input_ids):
                    seen.setdefault(place.first + row, []).append(ids)
        assert sorted(seen) == list(range(found.sequences(phase)))
        for sequence, times in seen.items():
            assert len(times) == 3
            assert all(torch.equal(ids, found.one(phase, sequence).input_ids[0]) for ids in times)


def test_there_is_nothing_past_the_end() -> None:
    with pytest.raises(IndexError):
        steps()(18)
