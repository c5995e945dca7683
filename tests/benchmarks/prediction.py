"""One task with one model: the three ways in interleaved rounds, what they agree on, and the share of the peak."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchbert import registry
from benchbert.machine import machine

from .models import model_for, tune
from .modes import Cell, Mode
from .peak import gemm_peak, real_flops
from .real_rows import rows_of, shortest, spread
from .rounds import interleaved, ratio
from .shares import engine_shares
from .ways import Predicted, Workload, ours, plain, reference, strong

__all__ = ["measure_cell"]

_TUNING_ROWS = 256
"""Training rows that a model learns from, the shortest ones: it is to be different from noise, not to be good."""


def measure_cell(cell: Cell, mode: Mode, mirror: Path, tokenizer: Any, work: Path) -> dict[str, Any]:
    """All numbers of one cell, ready for JSON.

    Args:
        cell: what is predicted.
        mode: how long.
        mirror: folder with the real data.
        tokenizer: of all models.
        work: an empty folder.
    """
    task = registry.find("tasks", cell.task)
    model = model_for(cell.model, task, len(tokenizer), mode.shape)
    tune(model, task, shortest(rows_of(task, "train", mirror), task, _TUNING_ROWS), tokenizer, mode.tuning_steps)
    load = Workload(task=task, model=model, tokenizer=tokenizer, work=work)
    rows = spread(rows_of(task, task.evaluation[0].name, mirror), task, cell.rows)
    few = spread(rows, task, cell.reference_rows)
    exact = plain(load, rows)
    found: dict[str, list[Predicted]] = interleaved(
        {
            "reference": lambda: reference(load, few),
            "strong": lambda: strong(load, rows),
            "ours": lambda: ours(load, rows),
        },
        mode.rounds,
    )
    seconds = {name: [each.seconds for each in rounds] for name, rounds in found.items()}
    # Windows are what costs: questions have different numbers of them.
    windows = len(found["ours"][0].features.encoded), len(found["reference"][0].features.encoded)
    seconds["reference"] = [each * windows[0] / windows[1] for each in seconds["reference"]]
    return {
        "task": cell.task,
        "model": cell.model,
        "rows": len(rows),
        "sequences": windows[0],
        "reference_sequences": windows[1],
        "tokens_a_sequence": round(float(found["ours"][0].features.encoded.lengths.mean()), 1),
        "seconds": seconds,
        "against_reference": asdict(ratio(seconds["reference"], seconds["ours"])),
        "against_strong": asdict(ratio(seconds["strong"], seconds["ours"])),
        "strong_against_reference": asdict(ratio(seconds["reference"], seconds["strong"])),
        "bar": cell.bar,
        "ours": agreement(exact, found["ours"][0]),
        "strong": agreement(exact, found["strong"][0]),
        "gemm": share_of_peak(load, mode, found["ours"]),
        "shares": engine_shares(model, found["ours"][0].features.encoded, tokenizer.pad_token_id),
        "load_average": os.getloadavg()[0],
    }


def agreement(exact: Predicted, other: Predicted) -> dict[str, float]:
    """Share of equal predictions, and how far the outputs are from those in float32."""
    column = "prediction_text" if "prediction_text" in exact.table.column_names else "prediction"
    same = np.array(exact.table[column].to_pylist()) == np.array(other.table[column].to_pylist())
    errors = [np.abs(exact.outputs[name] - other.outputs[name]) for name in exact.outputs]
    spread_of = max(float(values.std()) for values in exact.outputs.values())
    return {
        "agreement": float(same.mean()),
        "largest_error": max(float(each.max()) for each in errors),
        "mean_error": float(np.mean([each.mean() for each in errors])),
        "sd_of_outputs": spread_of,
    }


def share_of_peak(load: Workload, mode: Mode, rounds: list[Predicted]) -> dict[str, Any]:
    """FLOP/s of ours on real tokens over the machine's peak, in the dtype that the hardware multiplies in best."""
    dtype = torch.bfloat16 if machine().fast_bfloat16 else torch.float32
    config = load.model.config
    products = gemm_peak(dtype, mode.gemm, config.hidden_size, config.intermediate_size)
    peak = max(products.values())
    flops = real_flops(load.model, rounds[0].features.encoded.lengths)
    return {
        "dtype": str(dtype).removeprefix("torch."),
        "gflops_of_products": {shape: round(value / 1e9, 1) for shape, value in products.items()},
        "gflop": flops / 1e9,
        "engine_share": float(np.median([flops / each.engine_seconds / peak for each in rounds])),
        "whole_share": float(np.median([flops / each.seconds / peak for each in rounds])),
    }
