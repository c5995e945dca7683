"""Where our time goes: the engine once more under torch's profiler, the time of its operations sorted by kind.

An operation counts with the time that it spends in itself, without the operations that it calls; what passes between
operations (Python, tokens put together) is of the rest. A profiler makes many small operations look longer than they
are: the shares say where to look, and are no measure of speed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch.profiler import ProfilerActivity, profile, record_function

from benchbert.tasks.encoding import Encoded
from benchbert.training.engine import Engine
from benchbert.training.ways import Way

__all__ = ["KINDS", "engine_shares", "kind_of", "shares_table"]

_CHECK, _CLOSE = "check against float32", "close calls in float32"

_OPERATIONS = {
    "softmax": ("softmax",),
    "attention products": ("bmm", "scaled_dot_product", "flash_attention"),
    "norms": ("layer_norm",),
    "linear layers": ("linear", "addmm", "aten::mm", "gelu", "relu"),
    "embeddings": ("embedding", "index_select"),
    "copies": ("copy", "clone", "contiguous", "aten::cat", "fill_", "zero_", "constant_pad", "aten::index"),
}
"""Kind -> parts of the names of its operations; the first kind that fits counts. An activation is of its linear layer,
where CPUs compute it."""

KINDS = (*_OPERATIONS, _CHECK, _CLOSE, "the rest")
"""All kinds. What the engine spends on its check, packing included, and on deciding again is of no other kind."""


@dataclass(frozen=True, kw_only=True)
class _Marked:
    """A way whose operations the profiler tells from those of others."""

    way: Way
    """What computes."""

    @property
    def name(self) -> str:
        """As the way's."""
        return self.way.name

    def __call__(self, encoded: Encoded, indices: Any) -> dict[str, Any]:
        """As the way does."""
        with record_function(_CLOSE):
            return self.way(encoded, indices)


def engine_shares(model: Any, encoded: Encoded, pad_id: int) -> dict[str, float]:
    """Kind -> its share of the engine's time for these sequences on the CPU; they sum to 1."""
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        with record_function(_CHECK):
            engine = Engine.prepare(model, encoded, pad_id=pad_id, device="cpu")
        if engine.exact is not None:
            engine = replace(engine, exact=_Marked(way=engine.exact))
        with record_function("engine"):
            engine.predict(encoded)
    spent = dict.fromkeys(KINDS, 0.0)
    for event in seen.events():
        spent[_kind_within(event)] += float(event.self_cpu_time_total)
    whole = sum(spent.values())
    assert whole > 0, "the profiler saw nothing"
    return {kind: time / whole for kind, time in spent.items()}


def _kind_within(event: Any) -> str:
    """The kind of an operation that the profiler saw: that of a mark around it, or its own."""
    around = event
    while around is not None:
        if around.name in (_CHECK, _CLOSE):
            return str(around.name)
        around = around.cpu_parent
    return kind_of(event.name)


def kind_of(operation: str) -> str:
    """Which of `KINDS` an operation of torch is by its name."""
    fitting = (kind for kind, parts in _OPERATIONS.items() if any(part in operation for part in parts))
    return next(fitting, KINDS[-1])


def shares_table(cells: list[Mapping[str, Any]]) -> list[str]:
    """Lines of Markdown: a row for each cell, the kinds in columns, those that took most of the time first."""
    order = sorted(KINDS, key=lambda kind: -float(np.mean([cell["shares"][kind] for cell in cells])))
    lines = [
        "## Where our time goes",
        "",
        "Shares of the engine's time, tokens to outputs, in one more run under torch's profiler: where to look, and no "
        "measure of speed. The check runs a few sequences in float32 and again as the others; close calls are decided "
        "again in float32. Of many sequences both are a small share.",
        "",
        f"| task | model | {' | '.join(order)} |",
        f"|---|---|{'---|' * len(order)}",
    ]
    for cell in cells:
        shares = " | ".join(f"{cell['shares'][kind]:.1%}" for kind in order)
        lines.append(f"| {cell['task']} | {cell['model']} | {shares} |")
    return lines
