"""The eager backend against transformers called directly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchbert.backends.eager import EagerBackend
from benchbert.errors import UnavailableError
from benchbert.lock import ModelLock
from benchbert.models.load import load_model
from benchbert.registry import entries
from benchbert.types import Workload
from benchbert.worker.inputs import random_batch

SHAPE = {"vocab_size": 300, "max_position_embeddings": 32}
CONFIGS: dict[str, dict[str, Any]] = {
    "bert": {
        "model_type": "bert",
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        **SHAPE,
    },
    "distilbert": {"model_type": "distilbert", "dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64, **SHAPE},
}
HEADS = {"encoder": (2, 16, 32), "classification": (2, 2), "regression": (2, 1), "span": (2, 16, 2)}


def model(family: str) -> ModelLock:
    return ModelLock(name=f"little-{family}", family=family, weights="random", config=CONFIGS[family])


def batch_for(session: Any) -> dict[str, Any]:
    return random_batch(session.input_names, vocabulary=session.vocabulary, batch_size=2, sequence_length=16)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("family", CONFIGS)
def test_logits_are_those_of_transformers(family: str, head: str) -> None:
    import torch

    session = EagerBackend().load(model(family), head, Workload(batch_size=2, sequence_length=16))
    batch = batch_for(session)
    assert ("token_type_ids" in session.input_names) == (family == "bert")
    got = session(batch)
    assert tuple(got.shape) == HEADS[head]
    assert not got.requires_grad
    direct: Any = load_model(model(family), head=head, attention="eager").model  # type: ignore[arg-type]
    with torch.no_grad():
        out = direct(**{name: torch.from_numpy(a) for name, a in batch.items()})
    expected = torch.stack((out.start_logits, out.end_logits), -1) if head == "span" else out[0]
    np.testing.assert_allclose(got.numpy(), expected.numpy(), atol=1e-5)


def test_bfloat16_casts_the_weights_and_stays_near() -> None:
    import torch

    backend = EagerBackend()
    exact = backend.load(model("bert"), "classification", Workload(sequence_length=16))
    rounded = backend.load(model("bert"), "classification", Workload(sequence_length=16, dtype="bfloat16"))
    batch = batch_for(exact)
    assert rounded(batch).dtype == torch.bfloat16
    np.testing.assert_allclose(rounded(batch).float().numpy(), exact(batch).numpy(), atol=0.05)


def test_a_sequence_too_long_names_the_mend() -> None:
    with pytest.raises(UnavailableError, match=r"at most 32 tokens.*sequence_lengths"):
        EagerBackend().load(model("bert"), "encoder", Workload(sequence_length=33))


def test_dtypes_and_heads_that_are_not_there() -> None:
    with pytest.raises(UnavailableError, match="float32, bfloat16 on cpu, not float16"):
        EagerBackend().load(model("bert"), "encoder", Workload(dtype="float16"))
    with pytest.raises(UnavailableError, match="no head is named 'sequence'"):
        EagerBackend().load(model("bert"), "sequence", Workload())


def test_it_is_registered_and_available_on_a_cpu() -> None:
    backend = entries("backends")["eager"]
    assert backend.available("cpu") == ""
    assert "float16" in backend.dtypes("cuda")


def test_a_missing_device_is_said() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    assert "CUDA" in EagerBackend().available("cuda")
    with pytest.raises(UnavailableError, match="CUDA"):
        EagerBackend().load(model("bert"), "encoder", Workload(device="cuda"))


@pytest.mark.cuda
def test_on_cuda_the_logits_are_those_of_the_cpu() -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    cpu = EagerBackend().load(model("bert"), "classification", Workload(sequence_length=16))
    gpu = EagerBackend().load(model("bert"), "classification", Workload(sequence_length=16, device="cuda"))
    batch = batch_for(cpu)
    assert gpu(batch).device.type == "cpu"
    np.testing.assert_allclose(gpu(batch).numpy(), cpu(batch).numpy(), atol=1e-4)
