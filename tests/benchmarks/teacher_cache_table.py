"""The section on the teacher cache in the table of distillation."""

from __future__ import annotations

from typing import Any

import numpy as np

from .table import ranged

__all__ = ["cache_bars", "cache_lines"]


def cache_bars(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was to be reached, and what was measured."""
    return [
        {
            "name": f"{cell['shape']['name']}: teacher cache, {cell['kept']['passes']} passes, times without it",
            "value": cell["against_live"]["median"],
            "bar": cell["bar"],
            "reached": bool(cell["against_live"]["median"] >= cell["bar"]),
        }
        for cell in cells
    ]


def cache_lines(cells: list[dict[str, Any]]) -> list[str]:
    """Markdown; empty where nothing was measured."""
    if not cells:
        return []
    kept = cells[0]["kept"]
    lines = [
        "",
        f"Teacher cache: {kept['passes']} passes over the same masked batches, the teacher at each step against the "
        f"teacher once and then its {kept['top_k']} largest probabilities, the mass of all others and its last hidden "
        f"states in {kept['dtype']} from disk. Whole runs, the cache made, filled and read within the time.",
        "",
        "| shape | steps | different tokens | cache, GB | bytes a token | without, s | with, s | filling, s | times |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for cell in cells:
        live, cached, filling = (
            float(np.median(seconds))
            for seconds in (cell["seconds"]["live"], cell["seconds"]["cached"], cell["filling_s"])
        )
        lines.append(
            f"| {cell['shape']['name']} | {cell['steps']} | {cell['different_tokens']:,} | {cell['cache_gb']:.3g} | "
            f"{cell['bytes_a_token']:,.0f} | {live:.2f} | {cached:.2f} | {filling:.2f} | "
            f"{ranged(cell['against_live'])} |"
        )
    return lines
