"""A live teacher against the model that it is: hidden states and logits, with and without padding, in both dtypes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from benchbert.distillation.side_stream import beside
from benchbert.distillation.states import Wanted, watched
from benchbert.distillation.teacher import LiveTeacher
from benchbert.models.adapter import adapter_for
from tests.distillation.pairs import batch, model

SIZES = {"hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 3, "intermediate_size": 96}
SHAPES: dict[str, dict[str, Any]] = {
    "bert": SIZES,
    "albert": SIZES | {"embedding_size": 32},
    "mobilebert": SIZES | {"embedding_size": 32, "intra_bottleneck_size": 32},
    "distilbert": {"dim": 64, "n_heads": 4, "n_layers": 3, "hidden_dim": 96},
}
BATCHES = {"whole": batch((12, 12, 12)), "padded": batch((7, 12, 3, 7), longest=14)}


def network(family: str) -> Any:
    return model(family, max_position_embeddings=40, initializer_range=0.1, **SHAPES[family]).requires_grad_(False)


def expected(of: Any, given: Any) -> tuple[Tensor, Tensor]:
    """Last hidden states and logits of the real tokens, by transformers."""
    with torch.no_grad():
        found = of(input_ids=given.input_ids, attention_mask=given.attention_mask, output_hidden_states=True)
    real = torch.ones_like(given.input_ids) if given.attention_mask is None else given.attention_mask
    return found.hidden_states[-1][real.bool()].float(), found.logits[real.bool()].float()


@pytest.mark.parametrize("padding", list(BATCHES))
@pytest.mark.parametrize("family", list(SHAPES))
def test_in_float32_it_says_what_its_model_says(family: str, padding: str) -> None:
    of, given = network(family), BATCHES[padding]
    hidden, logits = expected(of, given)
    found = LiveTeacher(of, adapter_for(family))(given, 0, 0)
    torch.testing.assert_close(found.hidden, hidden)
    torch.testing.assert_close(found.logits(slice(None)), logits, rtol=1e-4, atol=1e-5)
    rows = torch.tensor([4, 0, 9])
    torch.testing.assert_close(found.logits(rows), logits[rows], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.logits(slice(2, 5)), logits[2:5], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("padding", list(BATCHES))
@pytest.mark.parametrize("family", list(SHAPES))
def test_in_bfloat16_it_errs_less_than_twice_as_much_as_autocast(family: str, padding: str) -> None:
    of, given = network(family), BATCHES[padding]
    exact = expected(of, given)
    asked = LiveTeacher(of, adapter_for(family))
    with torch.autocast("cpu", torch.bfloat16):
        plain = expected(of, given)
        told = asked(given, 0, 0)
        again = asked(given, 1, 0)
    # Asked for outside autocast, logits are those of the forward pass's precision all the same.
    found = told.hidden.float(), told.logits(slice(None)).float()
    assert torch.equal(again.hidden, told.hidden)
    for mine, theirs, wanted in zip(found, plain, exact, strict=True):
        error, of_autocast = float((mine - wanted).norm()), float((theirs - wanted).norm())
        assert 0 < error < 2 * of_autocast
        assert error < 0.02 * float(wanted.norm())


def test_hooks_see_the_forward_pass_of_a_watched_teacher() -> None:
    of, adapter = network("bert"), adapter_for("bert")
    with torch.autocast("cpu", torch.bfloat16), watched(adapter, of, Wanted(hidden=frozenset({2}))) as states:
        LiveTeacher(of, adapter, watched=True)(BATCHES["whole"], 0, 0)
    assert states.hidden[2].shape == (3, 12, 64)


def test_masked_rows_are_the_places_of_the_targets_without_padding() -> None:
    for given in BATCHES.values():
        ids = given.without_padding(given.input_ids)
        assert torch.equal(ids[given.masked_rows], given.targets)
    assert len(BATCHES["padded"].without_padding(BATCHES["padded"].input_ids)) == 29


def test_work_beside_is_done_and_given_back() -> None:
    numbers = torch.arange(5.0)
    assert torch.equal(beside(lambda: numbers * 2, torch.device("cpu"))(), numbers * 2)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_cuda_the_current_stream_waits_for_work_beside_it() -> None:
    device = torch.device("cuda")
    for _ in range(20):
        left = torch.randn(2048, 2048, device=device)
        wait = beside(lambda left=left: left @ left @ left, device)
        other = left + 1
        torch.testing.assert_close(wait(), left @ left @ left)
        assert torch.equal(other, left + 1)
    of, adapter = network("bert").cuda(), adapter_for("bert")
    given = BATCHES["whole"]
    moved = replace(given, **{k: getattr(given, k).cuda() for k in ("input_ids", "positions", "targets")})
    told = beside(lambda: LiveTeacher(of, adapter)(moved, 0, 0), device)()
    torch.testing.assert_close(told.hidden.cpu(), expected(of.cpu(), given)[0], rtol=1e-3, atol=1e-3)
