"""OpenVINO against eager, in float32 and bfloat16, and what it says when it cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_models import ragged, real, tiny

from benchbert.backends import openvino as module
from benchbert.backends.eager import EagerBackend
from benchbert.backends.openvino import OpenVinoBackend
from benchbert.errors import UnavailableError
from benchbert.machine import machine
from benchbert.types import Workload

pytest.importorskip("openvino")


def test_spans_in_both_dtypes_from_one_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    eager = EagerBackend().load(tiny("mobilebert"), "span", Workload(batch_size=2, sequence_length=16))
    session = OpenVinoBackend().load(
        tiny("mobilebert"), "span", Workload(batch_size=2, sequence_length=16), cache=tmp_path
    )
    assert session.compile_s > 0
    for batch, length in ((1, 5), (2, 16), (3, 9)):
        given = ragged(eager.input_names, batch=batch, length=length)
        exact, found = real(eager(given), given), real(session(given), given)
        np.testing.assert_allclose(found, exact, atol=1e-5)
    names = session.kernels(given).names
    assert any("f32" in name for name in names)
    assert not any("bf16" in name for name in names), "the hint for float32 was taken"
    if not machine().fast_bfloat16:
        with pytest.raises(UnavailableError, match="bfloat16 failed"):
            OpenVinoBackend().load(tiny("mobilebert"), "span", Workload(dtype="bfloat16"), cache=tmp_path)
        return
    rounded = OpenVinoBackend().load(
        tiny("mobilebert"), "span", Workload(batch_size=3, sequence_length=9, dtype="bfloat16"), cache=tmp_path
    )
    assert rounded.export == session.export
    assert np.abs(real(rounded(given), given) - exact).max() < 0.2 * np.sqrt((exact**2).mean())
    assert any("bf16" in name for name in rounded.kernels(given).names)


def test_nothing_is_sent_whoever_imported_its_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys
    from types import ModuleType

    from openvino.tools.ovc import telemetry_stub

    module._openvino()
    loaded = sys.modules["openvino_telemetry"]
    assert loaded is None or loaded.Telemetry is telemetry_stub.Telemetry  # type: ignore[attr-defined]
    earlier = ModuleType("openvino_telemetry")
    monkeypatch.setitem(sys.modules, "openvino_telemetry", earlier)
    module._openvino()
    assert earlier.Telemetry is telemetry_stub.Telemetry  # type: ignore[attr-defined]


def test_a_model_that_cannot_be_converted_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(*_: object, **__: object) -> None:
        raise RuntimeError("no conversion rule for aten::strange")

    monkeypatch.setattr(module._openvino(), "convert_model", lacking)
    with pytest.raises(UnavailableError, match=r"openvino cannot run tiny-bert: the conversion failed .*aten::strange"):
        OpenVinoBackend().load(tiny("bert"), "encoder", Workload(sequence_length=8), cache=tmp_path)
