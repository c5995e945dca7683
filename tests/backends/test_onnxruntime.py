"""ONNX Runtime: its exports against eager, what it keeps, what it says when it cannot."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_models import LONGEST, ragged, real, tiny

from benchbert.backends import onnxruntime as module
from benchbert.backends.eager import EagerBackend
from benchbert.backends.onnxruntime import OnnxRuntimeBackend, OnnxRuntimeSession
from benchbert.errors import UnavailableError
from benchbert.registry import entries
from benchbert.types import Workload

pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")
WORKLOAD = Workload(batch_size=2, sequence_length=16)
INT8 = Workload(batch_size=2, sequence_length=16, dtype="int8")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def session(cache: Path) -> OnnxRuntimeSession:
    return OnnxRuntimeBackend().load(tiny("albert"), "classification", WORKLOAD, cache=cache)


@pytest.mark.parametrize(("batch", "length"), [(1, 5), (2, 16), (3, 9)])
def test_float32_is_eager_at_every_shape(session: OnnxRuntimeSession, batch: int, length: int) -> None:
    eager = EagerBackend().load(tiny("albert"), "classification", WORKLOAD)
    given = ragged(eager.input_names, batch=batch, length=length)
    assert session.input_names == eager.input_names
    assert session.vocabulary == 300
    np.testing.assert_allclose(session(given), eager(given).numpy(), atol=1e-5)


def test_int8_is_near_and_smaller_and_names_integer_operators(session: OnnxRuntimeSession, cache: Path) -> None:
    small = OnnxRuntimeBackend().load(tiny("albert"), "classification", INT8, cache=cache)
    given = ragged(small.input_names)
    exact = session(given)
    assert 0 < np.abs(small(given) - exact).max() < 0.5 * np.sqrt((exact**2).mean())
    assert small.export["bytes"] < session.export["bytes"]
    kernels = small.kernels(given)
    assert any("Integer" in name or "Quantize" in name for name in kernels.names)
    assert not any("Integer" in name for name in session.kernels(given).names)


def test_an_export_is_made_once_and_holds_no_path_of_this_machine(
    session: OnnxRuntimeSession, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def again(*_: Any) -> None:
        raise AssertionError("exported twice")

    monkeypatch.setattr(module, "export_onnx", again)
    kept = OnnxRuntimeBackend().load(tiny("albert"), "classification", WORKLOAD, cache=cache)
    assert kept.export == session.export
    with pytest.raises(UnavailableError, match="exported twice"):
        OnnxRuntimeBackend().load(tiny("albert"), "span", WORKLOAD, cache=cache)
    data = (cache / "exports" / kept.export["key"][:32] / "model.onnx").read_bytes()
    assert b"site-packages" not in data
    assert str(Path.cwd()).encode() not in data


def test_the_shared_layer_of_albert_is_written_once(session: OnnxRuntimeSession) -> None:
    stored = sum(
        p.numel() for p in EagerBackend().load(tiny("albert"), "classification", WORKLOAD)._network.parameters()
    )
    # The graph's own text is beside the weights; two copies of the layer would be another 4 bytes x 8,500.
    assert session.export["bytes"] < 4 * stored + 120_000


def test_an_operator_that_cannot_be_exported_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(*_: Any) -> None:
        raise RuntimeError("No ONNX function found for <OpOverload(op='aten.strange')>")

    monkeypatch.setattr(module, "export_onnx", lacking)
    with pytest.raises(
        UnavailableError, match=r"onnxruntime cannot run tiny-bert: the export to ONNX failed .*strange"
    ):
        OnnxRuntimeBackend().load(tiny("bert"), "encoder", WORKLOAD, cache=tmp_path)
    assert not list((tmp_path / "exports").iterdir()), "nothing half made stays"


def test_a_graph_that_the_runtime_cannot_read_is_a_reason(
    session: OnnxRuntimeSession, cache: Path, tmp_path: Path
) -> None:
    kept = cache / "exports" / session.export["key"][:32]
    broken = tmp_path / "exports" / kept.name
    broken.mkdir(parents=True)
    (broken / "about.json").write_text((kept / "about.json").read_text())
    (broken / "model.onnx").write_bytes(b"no model")
    with pytest.raises(UnavailableError, match="loading the export failed"):
        OnnxRuntimeBackend().load(tiny("albert"), "classification", WORKLOAD, cache=tmp_path)


def test_a_sequence_too_long_is_refused(session: OnnxRuntimeSession, cache: Path) -> None:
    long = Workload(batch_size=1, sequence_length=LONGEST + 1)
    with pytest.raises(UnavailableError, match="at most 32 tokens"):
        OnnxRuntimeBackend().load(tiny("albert"), "classification", long, cache=cache)


@pytest.mark.parametrize(("name", "extra"), [("onnxruntime", "onnx"), ("openvino", "openvino")])
def test_a_missing_extra_names_the_pip_line(name: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real_find = importlib.util.find_spec
    backend = entries("backends")[name]
    assert backend.available("cpu") == ""
    assert "CPU" in backend.available("cuda")
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda found, *rest: None if found == name else real_find(found, *rest)
    )
    assert f"pip install 'benchbert[{extra}]'" in backend.available("cpu")


def test_what_it_cannot_compute_in() -> None:
    with pytest.raises(UnavailableError, match="onnxruntime runs float32, int8 on cpu, not bfloat16"):
        OnnxRuntimeBackend().load(tiny("bert"), "encoder", Workload(dtype="bfloat16"))


def test_without_a_cache_the_export_goes_with_the_session(session: OnnxRuntimeSession, monkeypatch: Any) -> None:
    about = {}

    def copied(network: Any, path: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
        about["place"] = path.parent.parent
        path.write_bytes((session._exported.folder / "model.onnx").read_bytes())
        return session.input_names, tuple(session._outputs)

    monkeypatch.setattr(module, "export_onnx", copied)
    other = OnnxRuntimeBackend().load(tiny("albert"), "classification", WORKLOAD)
    assert about["place"].is_dir()
    assert json.dumps(other.export)
    del other
    assert not about["place"].exists()


def test_real_tokens_of_the_probe_are_what_is_compared() -> None:
    batch = ragged(("input_ids", "attention_mask"))
    assert real(np.ones((3, 9, 4)), batch).shape == (int(batch["attention_mask"].sum()), 4)
