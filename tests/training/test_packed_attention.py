"""Attention by groups and by one kernel for all lengths are plain softmax attention, sequence by sequence.

The kernel is torch's and of CUDA: on a CPU a plain one stands in its place, so that all but the kernel itself runs. On
CUDA it has not been run yet.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.attention import varlen

from benchbert.training import packed, ways
from benchbert.training.layers import describe
from benchbert.training.packed import PackedEncoder
from benchbert.training.packed_attention import GroupedAttention, VarlenAttention, attention_on, why_not_varlen
from benchbert.training.ways import fastest_way, padding_share

HEADS, WIDTH = 3, 8
LENGTHS = (65, 40, 40, 32, 13, 7, 7, 1)


def plain_kernel(query, key, value, query_ends, key_ends, most_queries, most_keys) -> torch.Tensor:
    """What torch's kernel computes, in float32, one sequence and one head at a time; 0 past the last sequence."""
    found = torch.zeros_like(query)
    ends = zip(query_ends.tolist(), key_ends.tolist(), strict=True)
    for (first, first_key), (last, last_key) in pairwise(ends):
        assert last - first <= most_queries
        assert last_key - first_key <= most_keys
        for head in range(query.shape[1]):
            scores = query[first:last, head].float() @ key[first_key:last_key, head].float().T
            shares = (scores / math.sqrt(query.shape[2])).softmax(dim=1)
            found[first:last, head] = (shares @ value[first_key:last_key, head].float()).to(query.dtype)
    return found


@pytest.fixture
def kernel(monkeypatch):
    monkeypatch.setattr(varlen, "varlen_attn", plain_kernel)
    why_not_varlen.cache_clear()
    yield
    why_not_varlen.cache_clear()


def both(lengths, dtype: torch.dtype, kind) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Contexts of all tokens and of first ones, and what they should be, in float32."""
    size, total = HEADS * WIDTH, sum(lengths)
    qkv = torch.randn(total, 3 * size, generator=torch.Generator().manual_seed(0)).to(dtype)
    query, key, value = (part.view(total, HEADS, WIDTH) for part in qkv.split(size, dim=1))
    ends = torch.tensor([0, *lengths]).cumsum(0)
    expected = plain_kernel(query.float(), key.float(), value.float(), ends, ends, max(lengths), max(lengths))
    scaled = qkv.clone()
    if not kind.scales:
        scaled[:, :size] = (scaled[:, :size].float() * WIDTH**-0.5).to(dtype)
    attention = kind(lengths, HEADS, "cpu")
    starts = attention.starts
    assert starts.tolist() == ends[:-1].tolist()
    whole = attention(scaled).float()
    first = attention.first(scaled[starts][:, :size], scaled[:, size:].contiguous()).float()
    expected = expected.flatten(1)
    return whole, first, expected, expected[starts]


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 0.04)])
@pytest.mark.parametrize("kind", [GroupedAttention, VarlenAttention])
def test_both_are_plain_attention(kind, dtype: torch.dtype, tolerance: float, kernel) -> None:
    whole, first, expected, expected_first = both(LENGTHS, dtype, kind)
    assert torch.allclose(whole, expected, atol=tolerance)
    assert torch.allclose(first, expected_first, atol=tolerance)


@given(lengths=st.lists(st.integers(1, 70), min_size=1, max_size=6).map(lambda found: sorted(found, reverse=True)))
@settings(deadline=None, max_examples=25)
def test_any_lengths_in_bfloat16(lengths: list[int]) -> None:
    whole, first, expected, expected_first = both(lengths, torch.bfloat16, GroupedAttention)
    assert torch.allclose(whole, expected, atol=0.04)
    assert torch.allclose(first, expected_first, atol=0.04)


@pytest.mark.parametrize("first_only", [False, True])
@torch.inference_mode()
def test_an_encoder_with_the_kernel_is_the_model(first_only: bool, kernel, monkeypatch) -> None:
    monkeypatch.setattr(packed, "attention_on", lambda device: VarlenAttention)
    torch.manual_seed(0)
    shape = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 48}
    network = transformers.BertModel(transformers.BertConfig(vocab_size=50, initializer_range=0.1, **shape)).eval()
    rows = [torch.randint(5, 50, (length,)) for length in LENGTHS]
    plain = [network(input_ids=ids[None]).last_hidden_state[0] for ids in rows]
    ids = torch.cat(rows)
    positions = torch.cat([torch.arange(length) for length in LENGTHS])
    encoder = PackedEncoder(describe(network), torch.float32, first_only=first_only)
    found = encoder(ids, torch.zeros_like(ids), positions, LENGTHS)
    expected = torch.stack([states[0] for states in plain]) if first_only else torch.cat(plain)
    assert torch.allclose(found, expected, atol=1e-4)


def test_the_device_decides() -> None:
    assert attention_on("cpu") is GroupedAttention
    assert attention_on("cuda:1") is VarlenAttention


def test_a_kernel_is_tried_before_it_is_used(kernel, monkeypatch) -> None:
    assert why_not_varlen("cpu", torch.bfloat16, HEADS, WIDTH) == ""
    assert "half precision" in why_not_varlen("cpu", torch.float32, HEADS, WIDTH)
    why_not_varlen.cache_clear()
    monkeypatch.setattr(varlen, "varlen_attn", lambda query, *rest: 2 * plain_kernel(query, *rest))
    assert "errs by" in why_not_varlen("cpu", torch.bfloat16, HEADS, WIDTH)
    why_not_varlen.cache_clear()

    def absent(*parts):
        # What torch's dispatcher says where a device has no kernel for an operator.
        raise NotImplementedError("no kernel\nfor this device")

    monkeypatch.setattr(varlen, "varlen_attn", absent)
    assert why_not_varlen("cpu", torch.bfloat16, HEADS, WIDTH).endswith("no packed attention here: no kernel")


@pytest.mark.parametrize(
    ("head", "lengths", "layout", "why"),
    [
        ("SequenceClassification", [30] * 9, "packed", ""),
        ("QuestionAnswering", [30] * 9, "padded", "0.0% are padding"),
        ("QuestionAnswering", [30, 20, 10], "packed", ""),
        ("TokenClassification", [30, 20, 10], "packed", ""),
        ("MultipleChoice", [30, 20, 10], "padded", "head of another kind"),
    ],
)
def test_on_cuda_sequences_are_packed_where_it_pays(head, lengths, layout, why, monkeypatch) -> None:
    monkeypatch.setattr(ways, "why_not_varlen", lambda *asked: "")
    shape = {"hidden_size": 24, "num_hidden_layers": 1, "num_attention_heads": 3, "intermediate_size": 48}
    network = getattr(transformers, f"BertFor{head}")(transformers.BertConfig(vocab_size=50, **shape)).eval()
    found = fastest_way(network, pad_id=0, device="cuda", dtype=torch.bfloat16, lengths=np.array(lengths))
    assert found[0].name == layout
    assert why in found[1]
    assert bool(found[1]) == (layout == "padded")


def test_what_cannot_be_packed_on_cuda_says_why() -> None:
    config = transformers.BertConfig(vocab_size=50, hidden_size=24, num_hidden_layers=1, num_attention_heads=3)
    network = transformers.BertForSequenceClassification(config).eval()
    way, why = fastest_way(network, pad_id=0, device="cuda", dtype=torch.float32, lengths=np.array([3]))
    assert (way.name, why) == ("padded", "packed attention on CUDA is for half precision alone")


def test_padding_is_what_sorted_batches_have() -> None:
    assert padding_share(np.array([4, 4, 4]), 100) == 0
    assert padding_share(np.array([], dtype=np.int64), 100) == 0
    # In one batch 3 x 4 tokens for 4 + 3 + 1; in batches of 8: (4, 3) and (1), 9 for 8.
    assert padding_share(np.array([1, 4, 3]), 100) == pytest.approx(4 / 12)
    assert padding_share(np.array([1, 4, 3]), 8) == pytest.approx(1 / 9)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_torchs_kernel_is_plain_attention(dtype: torch.dtype) -> None:
    """Not run yet: no machine with CUDA was at hand."""
    assert why_not_varlen("cuda", dtype, 12, 32) == ""
    assert why_not_varlen("cuda", dtype, 12, 64) == ""
    assert "half precision" in why_not_varlen("cuda", torch.float32, 12, 64)
