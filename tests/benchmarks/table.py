"""The table of a run: JSON with every number, Markdown with the ratios and what was reached of the bars."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchbert.machine import environment, machine

from .finetuning_table import finetuning_bars, finetuning_lines
from .shares import shares_table

__all__ = ["bar_row", "bars", "ranged", "write_table"]

_STRONG, _PEAK, _AGREEMENT = 1.5, 0.5, 0.995


def bars(cells: list[dict[str, Any]], finetuning: dict[str, Any] | None) -> list[dict[str, Any]]:
    """What was to be reached, what was measured, and whether it was reached. The bars were set on a CPU with AMX."""
    found = [
        _bar(f"{cell['task']}, {cell['model']}: times the reference", cell["against_reference"]["median"], cell["bar"])
        for cell in cells
        if cell["bar"]
    ]
    barred = [cell["against_strong"]["median"] for cell in cells if cell["bar"]]
    if barred:
        found.append(_bar(f"mean of {len(barred)} tasks: times the strong way", float(np.mean(barred)), _STRONG))
    for cell in cells:
        if cell["model"] == "bert-base-uncased" and cell["task"] in {"glue/rte", "squad"}:
            name = f"{cell['task']}, {cell['model']}: share of the {cell['gemm']['dtype']} GEMM peak, tokens to outputs"
            found.append(_bar(name, cell["gemm"]["engine_share"], _PEAK))
    for cell in cells:
        name = f"{cell['task']}, {cell['model']}: agreement with the Trainer in float32"
        found.append(_bar(name, cell["ours"]["agreement"], _AGREEMENT))
    if finetuning:
        found += [_bar(*each) for each in finetuning_bars(finetuning)]
    return found


def _bar(name: str, value: float, wanted: float) -> dict[str, Any]:
    return {"name": name, "value": value, "bar": wanted, "reached": bool(value >= wanted)}


def write_table(
    folder: Path, mode: str, threads: int, cells: list[dict[str, Any]], finetuning: dict[str, Any] | None
) -> dict[str, Any]:
    """Writes `engine.json` and `engine.md` and returns what the JSON holds."""
    here = machine()
    content = {
        "mode": mode,
        "machine": {"id": here.id, "cpu": here.cpu, "isa": list(here.isa), "cores": here.cores, "threads": threads},
        "environment": asdict(environment()),
        "bars": bars(cells, finetuning),
        "prediction": cells,
        "finetuning": finetuning,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "engine.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    (folder / "engine.md").write_text(_markdown(content), encoding="utf-8")
    return content


def _markdown(content: dict[str, Any]) -> str:
    place = content["machine"]
    lines = [
        "# Prediction and fine-tuning against the Trainer",
        "",
        f"{place['cpu']}, {', '.join(place['isa'])}; {place['threads']} threads of {place['cores']} cores; mode "
        f"`{content['mode']}`. Weights and heads are the same for all ways. Reference: Trainer, float32, padded to 128 "
        "tokens (SQuAD 384), batch 8, on a part of the rows and scaled by sequences. Strong: Trainer, bfloat16, "
        "sorted, padded to the batch, batch 32. Times run from rows to predictions, tokenizing included, in "
        "interleaved rounds; ratios are medians of paired rounds, in brackets their range. Shares of the peak count "
        "the products that ours executes for real tokens, once: no padding, no probe, nothing computed again, and of "
        "the last block below a head of sequences only keys and values of all tokens and the rest of the first ones. "
        "Its time is all of the engine's, tokens to outputs, and for the whole from rows to predictions.",
        "",
        "| task | model | sequences | tokens each | ours, s | times reference | times strong | agreement | "
        "largest error | share of peak | whole |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for cell in content["prediction"]:
        lines.append(
            f"| {cell['task']} | {cell['model']} | {cell['sequences']:,} | {cell['tokens_a_sequence']} | "
            f"{float(np.median(cell['seconds']['ours'])):.2f} | {ranged(cell['against_reference'])} | "
            f"{ranged(cell['against_strong'])} | {cell['ours']['agreement']:.2%} | {cell['ours']['largest_error']:.2g} "
            f"(sd {cell['ours']['sd_of_outputs']:.2g}) | {cell['gemm']['engine_share']:.0%} | "
            f"{cell['gemm']['whole_share']:.0%} |"
        )
    tuned = content["finetuning"]
    if tuned:
        lines += finetuning_lines(tuned)
    if content["prediction"]:
        lines += ["", *shares_table(content["prediction"])]
    lines += ["", "| bar | wanted | measured | |", "|---|---|---|---|"]
    lines += [bar_row(bar) for bar in content["bars"]]
    return "\n".join([*lines, ""])


def bar_row(bar: dict[str, Any]) -> str:
    """A bar as a row."""
    reached = "reached" if bar["reached"] else "not reached"
    return f"| {bar['name']} | {bar['bar']:g} | {bar['value']:.3g} | {reached} |"


def ranged(found: dict[str, float]) -> str:
    """A ratio with its range."""
    return f"{found['median']:.2f} [{found['low']:.2f}, {found['high']:.2f}]"
