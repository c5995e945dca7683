"""The engine beside transformers.Trainer on real data: `benchbert doctor --benchmark`, or pytest on this folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .finetuning import measure_finetuning
from .modes import Cell, Mode, chosen_mode
from .prediction import measure_cell
from .scores import measure_scores

pytestmark = pytest.mark.timeout(0)


@pytest.mark.parametrize("cell", chosen_mode().cells, ids=lambda cell: f"{cell.task}-{cell.model}")
def test_prediction(
    benchmark: Any,
    cell: Cell,
    mode: Mode,
    real_data: Path,
    tokenizer: Any,
    measured: dict[str, Any],
    tmp_path: Path,
) -> None:
    found = benchmark.pedantic(measure_cell, args=(cell, mode, real_data, tokenizer, tmp_path), rounds=1)
    benchmark.extra_info.update(found)
    measured["cells"].append(found)
    assert found["ours"]["agreement"] >= 0.995


def test_finetuning(
    benchmark: Any, mode: Mode, real_data: Path, tokenizer: Any, measured: dict[str, Any], tmp_path: Path
) -> None:
    found = benchmark.pedantic(measure_finetuning, args=(mode, real_data, tokenizer, tmp_path), rounds=1)
    benchmark.extra_info.update(found)
    measured["finetuning"] = (measured["finetuning"] or {}) | found


def test_scores(benchmark: Any, mode: Mode, measured: dict[str, Any], tmp_path: Path) -> None:
    found = benchmark.pedantic(measure_scores, args=(mode, tmp_path), rounds=1)
    benchmark.extra_info.update(found)
    measured["finetuning"] = (measured["finetuning"] or {}) | {"scores": found}
