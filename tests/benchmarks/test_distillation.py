"""Distillation beside a plain DistilBERT step: part of `benchbert doctor --benchmark`, or pytest on this file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .distillation import SHAPES, measure_distillation
from .distilled_pair import Shape
from .modes import Mode, chosen_mode
from .teacher_cache import measure_teacher_cache

pytestmark = pytest.mark.timeout(0)


@pytest.mark.parametrize("shape", SHAPES[chosen_mode().name], ids=lambda shape: shape.name)
def test_distillation(benchmark: Any, shape: Shape, mode: Mode, measured: dict[str, Any]) -> None:
    found = benchmark.pedantic(measure_distillation, args=(shape, mode.gemm), rounds=1)
    benchmark.extra_info.update(found)
    measured["distillation"].append(found)
    assert found["agreement"]["float32"] < 1e-4
    assert found["agreement"]["bfloat16"] < 0.05


@pytest.mark.parametrize("shape", SHAPES[chosen_mode().name], ids=lambda shape: shape.name)
def test_teacher_cache(benchmark: Any, shape: Shape, measured: dict[str, Any], tmp_path: Path) -> None:
    found = benchmark.pedantic(measure_teacher_cache, args=(shape, tmp_path), rounds=1)
    benchmark.extra_info.update(found)
    measured["teacher_cache"].append(found)
    assert found["cache_gb"] > 0
