"""torch.compile against eager; one model, for compiling takes its time."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_models import ragged, real, tiny

from benchbert.backends import compiled as module
from benchbert.backends.compiled import CompiledBackend
from benchbert.backends.cuda_graph import CudaGraphBackend
from benchbert.backends.eager import EagerBackend
from benchbert.errors import UnavailableError
from benchbert.types import Workload

pytestmark = pytest.mark.skipif(bool(CompiledBackend().available("cpu")), reason="there is no C++ compiler")


@pytest.mark.long
def test_it_computes_what_eager_computes_at_other_lengths_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch._inductor.config as inductor

    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", os.environ.get("TORCHINDUCTOR_CACHE_DIR", str(tmp_path)))
    workload = Workload(batch_size=2, sequence_length=16)
    little = tiny("distilbert")
    little = replace(little, config={**little.config, "n_layers": 1})
    eager = EagerBackend().load(little, "encoder", workload)
    session = CompiledBackend().load(little, "encoder", workload, cache=tmp_path)
    assert inductor.freezing
    assert inductor.compile_threads == 1
    assert (tmp_path / "inductor").is_dir()
    first = session.compile_s
    for length in (16, 9):
        given = ragged(eager.input_names, batch=2, length=length)
        np.testing.assert_allclose(real(session(given), given), real(eager(given), given), atol=1e-5)
    assert session.compile_s == first > 0


def test_without_a_compiler_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.shutil, "which", lambda name: None)
    assert "install g++" in CompiledBackend().available("cpu")


def test_a_model_that_cannot_be_compiled_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    def lacking(*_: object, **__: object) -> None:
        raise RuntimeError("BackendCompilerFailed: aten.strange")

    monkeypatch.setattr(torch, "compile", lacking)
    with pytest.raises(UnavailableError, match=r"compiled cannot run tiny-bert: compiling failed .*aten.strange"):
        CompiledBackend().load(tiny("bert"), "encoder", Workload(sequence_length=8))


def test_cuda_graphs_are_not_of_a_cpu() -> None:
    assert "CUDA" in CudaGraphBackend().available("cpu")
    assert CudaGraphBackend().dtypes("cpu") == ()
    assert "bfloat16" in CudaGraphBackend().dtypes("cuda")
    with pytest.raises(UnavailableError, match="cuda_graph runs nothing on cpu"):
        CudaGraphBackend().load(tiny("bert"), "encoder", Workload(sequence_length=8))


@pytest.mark.cuda
@pytest.mark.parametrize("head", ["classification", "span", "encoder"])
def test_a_captured_pass_is_eager_at_its_shape_and_below(head: str) -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    workload = Workload(batch_size=3, sequence_length=16, device="cuda")
    eager = EagerBackend().load(tiny("bert"), head, workload)
    session = CudaGraphBackend().load(tiny("bert"), head, workload)
    for batch, length in ((3, 16), (2, 9), (3, 5), (1, 16)):
        given = ragged(eager.input_names, batch=batch, length=length)
        mask = given["attention_mask"].astype(bool)
        found, exact = session(given).numpy(), eager(given).numpy()
        assert found.shape == exact.shape
        np.testing.assert_allclose(
            found[mask] if found.ndim == 3 else found, exact[mask] if exact.ndim == 3 else exact, atol=1e-4
        )
    with pytest.raises(UnavailableError, match="captured at"):
        session(ragged(eager.input_names, batch=4, length=16))
