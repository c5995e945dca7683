"""Every backend x every family x sequence and span heads against eager, in every dtype: half an hour or more.

`BENCHBERT_BACKENDS=cpu pytest tests/benchmarks/test_backends.py`, or `=cuda` for those of a CUDA device. Nothing is
timed, so that it is no part of the benchmarks where the variable is not set.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from benchbert.registry import entries
from benchbert.types import Workload
from benchbert.worker.numerical_check import numerical_check
from tests.backends.tiny_models import CONFIGS, tiny

DEVICE = os.environ.get("BENCHBERT_BACKENDS", "")
CELLS = [
    (name, dtype)
    for name, backend in entries("backends").items()
    if DEVICE and not backend.available(DEVICE)
    for dtype in backend.dtypes(DEVICE)
]


@pytest.mark.parametrize("head", ["classification", "span", "encoder"])
@pytest.mark.parametrize("family", CONFIGS)
@pytest.mark.parametrize(("backend", "dtype"), CELLS)
def test_it_computes_what_float32_eager_computes(
    backend: str, dtype: str, family: str, head: str, tmp_path_factory: pytest.TempPathFactory, record_property: Any
) -> None:
    known = entries("backends")
    found = numerical_check(
        known["eager"],
        known[backend],
        model=tiny(family),
        head=head,
        workload=Workload(device=DEVICE, dtype=dtype, batch_size=2, sequence_length=16),
        folder=None,
        cache=_cache(tmp_path_factory),
    )
    record_property("max_error", found["max_error"])
    assert found["within"], found


def _cache(factory: pytest.TempPathFactory) -> Path:
    """One cache for all: int8 starts from the float32 export."""
    place = factory.getbasetemp() / "backends"
    place.mkdir(exist_ok=True)
    return place
