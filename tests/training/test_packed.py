"""Packed tokens give the hidden states of one sequence at a time, and the last block computes no more than is read."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers

from benchbert.tasks.encoding import Encoded
from benchbert.training.dense import Dense
from benchbert.training.layers import describe
from benchbert.training.packed import PackedEncoder
from benchbert.training.predict import predict_encoded

LENGTHS = (70, 64, 33, 32, 32, 13, 13, 13, 5, 1)
"""Longer and shorter than what decides how attention is computed; lone lengths and groups."""

BLOCK = {"hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 64}
FAMILIES = {
    "bert": (BLOCK, "num_hidden_layers"),
    "distilbert": ({"dim": 32, "n_heads": 2, "hidden_dim": 64}, "n_layers"),
    "albert": (BLOCK | {"embedding_size": 16}, "num_hidden_layers"),
}


def model(family: str, layers: int, **settings):
    torch.manual_seed(0)
    shape, name = FAMILIES[family]
    config = transformers.AutoConfig.for_model(
        family, vocab_size=50, max_position_embeddings=80, initializer_range=0.1, **{name: layers}, **shape, **settings
    )
    return transformers.AutoModelForSequenceClassification.from_config(config).eval()


def rows() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randint(5, 50, (length,), generator=generator) for length in LENGTHS]


def one_at_a_time(network) -> torch.Tensor:
    """Hidden states of all tokens as transformers computes them, of shape (T, H)."""
    return torch.cat([network.base_model(input_ids=ids[None]).last_hidden_state[0] for ids in rows()])


def packed(network, dtype: torch.dtype, *, first_only: bool) -> torch.Tensor:
    encoder = PackedEncoder(describe(network.base_model), dtype, first_only=first_only)
    ids = torch.cat(rows())
    positions = torch.cat([torch.arange(length) for length in LENGTHS])
    return encoder(ids, torch.zeros_like(ids), positions, LENGTHS).float()


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.bfloat16, 0.08)])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("family", FAMILIES)
@torch.inference_mode()
def test_packed_states_are_the_models(family: str, layers: int, dtype: torch.dtype, tolerance: float) -> None:
    network = model(family, layers)
    plain = one_at_a_time(network)
    starts = torch.tensor((0, *LENGTHS[:-1])).cumsum(0)
    whole, first = packed(network, dtype, first_only=False), packed(network, dtype, first_only=True)
    assert whole.shape == plain.shape
    assert torch.allclose(whole, plain, atol=tolerance)
    assert first.shape == (len(LENGTHS), plain.shape[1])
    assert torch.allclose(first, plain[starts], atol=tolerance)
    # A token taken for another would be seen: no two of these states are within the tolerance of float32.
    apart = (plain[starts][:, None] - plain[starts][None]).abs().amax(-1)
    assert (apart + 9 * torch.eye(len(starts))).min() > 1e-2


@pytest.mark.parametrize("family", FAMILIES)
@torch.inference_mode()
def test_the_last_block_computes_what_is_read(family: str, monkeypatch) -> None:
    seen: list[int] = []
    call = Dense.activated
    monkeypatch.setattr(Dense, "activated", lambda self, x, name: seen.append(len(x)) or call(self, x, name))
    network = model(family, 3)
    packed(network, torch.float32, first_only=True)
    # All tokens in two blocks, a row for each sequence in the last; both filled up a little.
    assert len(seen) == 3
    assert all(sum(LENGTHS) <= rows < sum(LENGTHS) + 16 for rows in seen[:2])
    assert len(LENGTHS) <= seen[2] <= 16


@pytest.mark.parametrize(
    "head", [{"num_labels": 1}, {"num_labels": 4, "problem_type": "multi_label_classification"}], ids=str
)
@pytest.mark.parametrize("family", FAMILIES)
def test_numbers_and_several_labels_too(family: str, head: dict) -> None:
    network = model(family, 2, **head)
    encoded = Encoded.from_lists([ids.tolist() for ids in rows()])
    with torch.no_grad():
        plain = np.concatenate([network(input_ids=ids[None]).logits.numpy() for ids in rows()])
    for dtype, tolerance in (("float32", 1e-4), ("bfloat16", 0.1)):
        found = predict_encoded(network, encoded, pad_id=0, dtype=dtype)
        assert found.provenance["layout"] == "packed"
        assert np.allclose(found.outputs["logits"], plain, atol=tolerance)
