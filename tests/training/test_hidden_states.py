"""Hidden states of masked batches are the family's own, with the gradients of its own forward pass."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from benchbert.models.adapter import adapter_for
from benchbert.training.hidden_states import HiddenStates
from benchbert.training.masked_steps import MaskedBatch
from benchbert.training.packed_training import TrainableEncoder
from tests.training.test_engine import PACKED, examples, model

FAMILIES = (*sorted(PACKED), "electra")


def batch(*, padded: bool, pairs: bool = True) -> MaskedBatch:
    encoded = examples(7)
    inputs = {name: torch.from_numpy(array) for name, array in encoded.padded([4, 1, 6, 0], 0).items()}
    if not padded:
        shortest = int(encoded.lengths[[4, 1, 6, 0]].min())
        inputs = {name: tensor[:, :shortest] for name, tensor in inputs.items()}
    made = MaskedBatch(
        input_ids=inputs["input_ids"],
        positions=torch.tensor([1]),
        targets=torch.tensor([5]),
        attention_mask=inputs["attention_mask"] if padded else None,
        token_type_ids=inputs["token_type_ids"],
        sentence_labels=torch.zeros(4, dtype=torch.long),
    )
    return made if pairs else replace(made, token_type_ids=None, sentence_labels=None)


def network(family: str) -> Any:
    """In eval mode: without dropout."""
    made = model(family)
    return made.base_model if family != "electra" else made.electra


def adapter(family: str) -> Any:
    return adapter_for(family if family in PACKED else "bert")


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_states_and_gradients_are_the_models_own(family: str, padded: bool) -> None:
    made, given = network(family), batch(padded=padded, pairs=family in {"bert", "albert"})
    found = HiddenStates(adapter(family))(made, given)
    inputs = {"attention_mask": given.attention_mask, "token_type_ids": given.token_type_ids}
    expected = made(given.input_ids, **{name: value for name, value in inputs.items() if value is not None})
    real = torch.ones_like(given.input_ids) if given.attention_mask is None else given.attention_mask
    mine, theirs = found.tokens[real.flatten() == 1], expected.last_hidden_state[real == 1]
    torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-5)
    weight = torch.randn(mine.shape, generator=torch.Generator().manual_seed(0))
    losses = [(mine * weight).sum(), (theirs * weight).sum()]
    if given.sentence_labels is not None:
        assert found.pooled is not None
        torch.testing.assert_close(found.pooled, expected.pooler_output, rtol=1e-5, atol=1e-5)
        losses = [losses[0] + found.pooled.sum(), losses[1] + expected.pooler_output.sum()]
    else:
        assert found.pooled is None
    used = [p for p in made.parameters() if p.requires_grad]
    one, other = (torch.autograd.grad(loss, used, allow_unused=True) for loss in losses)
    for a, b in zip(one, other, strict=True):
        if b is None:
            # A token type that no token has, where transformers looks one up for nobody.
            assert a is None or not a.any()
        else:
            torch.testing.assert_close(a, b, rtol=1e-4, atol=2e-5)


def test_a_watched_model_runs_its_own_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    made, given, seen = network("bert"), batch(padded=True), []
    states, packed = HiddenStates(adapter("bert")), []
    call = TrainableEncoder.__call__
    monkeypatch.setattr(TrainableEncoder, "__call__", lambda *a, **k: packed.append(1) or call(*a, **k))
    before = states(made, given)
    handle = made.encoder.layer[0].register_forward_hook(lambda *told: seen.append(1))
    watched = states(made, given)
    handle.remove()
    after = states(made, given)
    assert (len(seen), len(packed)) == (1, 2)
    assert torch.equal(before.tokens, after.tokens)
    real = given.attention_mask
    assert real is not None
    rows = real.flatten() == 1
    torch.testing.assert_close(watched.tokens[rows], before.tokens[rows], rtol=1e-5, atol=1e-5)


def test_another_model_is_taken_apart_anew() -> None:
    states, given = HiddenStates(adapter("bert")), batch(padded=False)
    first, second = network("bert"), network("bert")
    with torch.no_grad():
        second.encoder.layer[0].output.dense.weight.mul_(2)
    one, other = states(first, given).tokens, states(second, given).tokens
    assert not torch.equal(one, other)
    assert torch.equal(states(first, given).tokens, one)
