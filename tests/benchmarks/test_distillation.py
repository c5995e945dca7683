"""Distillation beside a plain DistilBERT step: part of `benchbert doctor --benchmark`, or pytest on this file."""

from __future__ import annotations

from typing import Any

import pytest

from .distillation import SHAPES, measure_distillation
from .distilled_pair import Shape
from .modes import Mode, chosen_mode

pytestmark = pytest.mark.timeout(0)


@pytest.mark.parametrize("shape", SHAPES[chosen_mode().name], ids=lambda shape: shape.name)
def test_distillation(benchmark: Any, shape: Shape, mode: Mode, measured: dict[str, Any]) -> None:
    found = benchmark.pedantic(measure_distillation, args=(shape, mode.gemm), rounds=1)
    benchmark.extra_info.update(found)
    measured["distillation"].append(found)
    assert found["agreement"]["float32"] < 1e-4
    assert found["agreement"]["bfloat16"] < 0.05
