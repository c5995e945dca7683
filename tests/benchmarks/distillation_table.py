"""The table of distillation: JSON with every number, Markdown with the ratios and what was reached of the bars."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchbert.machine import environment, machine

from .table import bar_row, ranged
from .teacher_cache_table import cache_bars, cache_lines

__all__ = ["write_distillation"]

_MEMORY = 0.5


def write_distillation(
    folder: Path, mode: str, threads: int, cells: list[dict[str, Any]], caches: list[dict[str, Any]]
) -> None:
    """Writes `distillation.json` and `distillation.md`; `caches` is what was measured of the teacher cache."""
    here = machine()
    content = {
        "mode": mode,
        "machine": {"id": here.id, "cpu": here.cpu, "isa": list(here.isa), "cores": here.cores, "threads": threads},
        "environment": asdict(environment()),
        "bars": [bar for cell in cells for bar in _bars(cell)] + cache_bars(caches),
        "distillation": cells,
        "teacher_cache": caches,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "distillation.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    (folder / "distillation.md").write_text(_markdown(content), encoding="utf-8")


def _bars(cell: dict[str, Any]) -> list[dict[str, Any]]:
    shape, name = cell["shape"], cell["shape"]["name"]
    found = [
        (f"{name}: times the reference in float32", cell["against_float32"]["median"], shape["float32_bar"]),
        (f"{name}: times the reference in bfloat16", cell["against_bfloat16"]["median"], shape["bfloat16_bar"]),
    ]
    rows = [{"name": text, "value": value, "bar": bar, "reached": bool(value >= bar)} for text, value, bar in found]
    value = cell["memory_against_float32"]
    text = f"{name}: share of the peak activation memory of the reference in float32, at most"
    return [*rows, {"name": text, "value": value, "bar": _MEMORY, "reached": bool(value <= _MEMORY)}]


def _markdown(content: dict[str, Any]) -> str:
    place, cells = content["machine"], content["distillation"]
    lines = [
        "# Distillation against a plain DistilBERT step",
        "",
        f"{place['cpu']}, {', '.join(place['isa'])}; {place['threads']} threads of {place['cores']} cores; mode "
        f"`{content['mode']}`. Whole optimizer steps, masking included, of the same teacher and student. Reference: "
        "sequences of the greatest length or up to three tokens less, padded to the longest (groups of four, as the "
        "published code has them), all positions of both models through the vocabulary, losses from whole logits and "
        "read in each step, modules of transformers, torch's AdamW. Tokens are real ones, padding left out. "
        "Interleaved rounds; ratios are medians of paired rounds, in brackets their range. Activation memory: the peak "
        "above weights and AdamW's moments, each way in a fresh process; gradients and rounded weights count.",
        "",
        "| shape | places | real tokens of reference | reference, tokens/s | in bfloat16 | ours | times float32 | "
        "times bfloat16 | memory: reference, MiB | in bfloat16 | ours | share of peak |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for cell in cells:
        speeds = [f"{np.median(cell['tokens_per_s'][way]):,.0f}" for way in _WAYS]
        sizes = [f"{cell['activation_bytes'][way] / 2**20:,.0f}" for way in _WAYS]
        lines.append(
            f"| {cell['shape']['name']} | {cell['places']:,} | {cell['real_tokens_of_reference']:,.0f} | "
            f"{' | '.join(speeds)} | {ranged(cell['against_float32'])} | {ranged(cell['against_bfloat16'])} | "
            f"{' | '.join(sizes)} | {cell['gemm']['share']:.0%} of {cell['gemm']['peak_gflops']:,.0f} GFLOP/s |"
        )
    for cell in cells:
        lines += ["", f"Where the time of our step goes, {cell['shape']['name']} (terms of the loss differ from the "]
        lines[-1] += (
            f"reference's in float32 by at most {cell['agreement']['float32']:.1g}, in bfloat16 by "
            f"{cell['agreement']['bfloat16']:.1g}):"
        )
        lines += ["", "| operation | calls | share |", "|---|---|---|"]
        lines += [f"| `{row['operation']}` | {row['calls']:,} | {row['share']:.1%} |" for row in cell["profile"]]
    lines += cache_lines(content["teacher_cache"])
    lines += ["", "| bar | wanted | measured | |", "|---|---|---|---|"]
    lines += [bar_row(bar) for bar in content["bars"]]
    return "\n".join([*lines, ""])


_WAYS = ("reference", "reference_bfloat16", "ours")
