"""The prediction engine: the fastest way of computing a model's outputs that the model's own float32 outputs confirm.

A way is a dtype and a layout (`benchbert.training.ways`). It is tried on a probe of a few examples against the model as
transformers writes it, in float32; where it is not exact enough, the next way is tried, and the reason is kept. What
was used, the errors and the bounds are the result's provenance.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from benchbert.machine import machine
from benchbert.store.context import Report
from benchbert.tasks.encoding import Encoded
from benchbert.training.batching import token_budget_batches
from benchbert.training.budget import MemoryMeter, fastest_budget
from benchbert.training.precision import Outputs, agreement, near_ties, probe
from benchbert.training.ways import PaddedWay, Way, fastest_way, reads_first_tokens

__all__ = ["Engine", "Precision", "forward"]

Precision = Literal["auto", "float32", "bfloat16"]
"""`auto`: bfloat16 where the hardware multiplies in it and the probe confirms it."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A model, ready to predict."""

    way: Way
    """How outputs are computed."""
    exact: Way | None
    """What decides close calls; None: `way` is exact, or the user wants its dtype and no other."""
    error: float
    """Largest error of an output of `way` on the probe, in logits."""
    device: str
    """`cpu` or `cuda`."""
    record: dict[str, Any]
    """Dtype, layout, what the probe said, and why faster ways were not taken."""

    @classmethod
    def prepare(cls, model: Any, encoded: Encoded, *, pad_id: int, device: str, dtype: Precision = "auto") -> Engine:
        """Picks and checks a way.

        Args:
            model: of transformers, in float32 and eval mode, on its device; it is left as it is.
            encoded: examples from which the probe is taken.
            pad_id: id of the padding token.
            device: `cpu` or `cuda`.
            dtype: what may be used.
        """
        exact = PaddedWay(model, pad_id=pad_id, device=device, dtype=torch.float32)
        if not len(encoded):
            return cls(way=exact, exact=None, error=0.0, device=device, record={"dtype": "float32", "layout": "padded"})
        few = probe(encoded, by_token=not reads_first_tokens(model))
        short = _short(device)
        reference = forward(exact, few, device, budget=short)
        rejected: list[str] = []
        for number_type, way, why_padded in _candidates(model, encoded, pad_id, device, dtype):
            if why_padded and why_padded not in rejected:
                rejected.append(why_padded)
            if way.name == "padded" and number_type == "float32":
                break
            found = agreement(few, reference, forward(way, few, device, budget=short))
            enough = found.same if number_type == "float32" else found.good
            # Forced bfloat16 may err by more than is good: then as transformers computes it: the right function.
            if enough:
                inexact = number_type != "float32" and dtype == "auto"
                record = {"dtype": number_type, "layout": way.name, "probe": found.record, "rejected": rejected}
                return cls(
                    way=way, exact=exact if inexact else None, error=found.max_error, device=device, record=record
                )
            rejected.append(
                f"{way.name} in {number_type}: largest error {found.max_error:.3g}, {found.flips} of "
                f"{found.decisions} decisions differ"
            )
        forced = dtype == "bfloat16"
        last = PaddedWay(model, pad_id=pad_id, device=device, dtype=torch.bfloat16) if forced else exact
        record = {"dtype": "bfloat16" if forced else "float32", "layout": "padded", "rejected": rejected}
        return cls(way=last, exact=None, error=0.0, device=device, record=record)

    def predict(self, encoded: Encoded, report: Report = lambda done, total, note: None) -> tuple[Outputs, int]:
        """Outputs of all examples in their order (see `forward`), and how many sequences were decided in float32."""
        outputs = forward(self.way, encoded, self.device, report)
        close = near_ties(encoded, outputs, self.error) if self.exact else np.zeros(0, dtype=np.int64)
        if self.exact and len(close):
            few = encoded.chosen(close)
            for name, values in forward(self.exact, few, self.device, budget=_short(self.device)).items():
                outputs[name][close if name == "logits" else encoded.places(close)] = values
        return outputs, len(close)


def _short(device: str) -> int:
    """Tokens a batch of few sequences: of any lengths, they would mostly be padding in a long one."""
    return max(1, fastest_budget(device) // 4)


def _candidates(
    model: Any, encoded: Encoded, pad_id: int, device: str, dtype: Precision
) -> Iterator[tuple[str, Way, str]]:
    """(dtype, way, why it is not the packed one), the fastest first; the last resort is left to the caller."""
    fast = device.startswith("cuda") or machine().fast_bfloat16
    if dtype == "bfloat16" or (dtype == "auto" and fast):
        way, why_padded = fastest_way(
            model, pad_id=pad_id, device=device, dtype=torch.bfloat16, lengths=encoded.lengths
        )
        yield "bfloat16", way, why_padded
        # Float32 is far slower there: where packing fails the check, bfloat16 alone is tried before it.
        if device.startswith("cuda") and way.name == "packed":
            yield "bfloat16", PaddedWay(model, pad_id=pad_id, device=device, dtype=torch.bfloat16), ""
    if dtype != "bfloat16":
        yield (
            "float32",
            *fastest_way(model, pad_id=pad_id, device=device, dtype=torch.float32, lengths=encoded.lengths),
        )


@torch.inference_mode()
def forward(
    way: Way,
    encoded: Encoded,
    device: str,
    report: Report = lambda done, total, note: None,
    *,
    budget: int = 0,
) -> Outputs:
    """Outputs of all examples, in their order.

    Longest first, so that the first batch shows what memory the others need. Outputs stay on the device until the end:
    nothing in the loop makes the host wait for it.

    Args:
        way: how.
        encoded: the examples.
        device: `cpu` or `cuda`.
        report: told of the progress.
        budget: tokens a batch; 0: as many as are fastest and fit.

    Returns:
        `logits` of shape (examples, outputs), or (tokens, outputs) of a token head; or, for a span head, `start_logits`
        and `end_logits` of shape (tokens,); what is of the tokens is aligned with `encoded.tokens`.
    """
    lengths = encoded.lengths
    order = np.argsort(-lengths, kind="stable")
    parts: list[dict[str, torch.Tensor]] = []
    done = 0
    for batch in _batches(lengths, order, device, budget):
        parts.append(way(encoded, batch))
        done += len(batch)
        report(done, len(encoded), "")
    return {name: _in_order(encoded, order, [part[name] for part in parts]) for name in (parts[0] if parts else ())}


def _batches(
    lengths: NDArray[np.int64], order: NDArray[np.int64], device: str, budget: int
) -> Iterator[NDArray[np.int64]]:
    """Batches of the examples in the given order; what memory they take decides how long those behind them are."""
    if budget:
        yield from token_budget_batches(lengths, order, budget)
        return
    meter, allowed, measured = MemoryMeter(device), _short(device), False
    while len(order):
        for batch in token_budget_batches(lengths, order, allowed):
            yield batch
            order = order[len(batch) :]
            found = meter.budget(int(lengths[batch].sum()))
            # The first one tells; after it a budget only falls, so that what is left is cut anew a few times at most.
            if not measured or found < allowed:
                allowed, measured = found, True
                break


def _in_order(encoded: Encoded, order: NDArray[np.int64], parts: list[torch.Tensor]) -> NDArray[np.float32]:
    """One array of the outputs of all batches, rows of examples or of tokens, as `encoded` has them."""
    values: NDArray[np.float32] = torch.cat(parts).cpu().numpy()
    places = order
    if len(values) != len(order) or values.ndim == 1:
        lengths = encoded.lengths[order]
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        places = np.repeat(encoded.starts[order], lengths) + within
    found = np.empty_like(values)
    found[places] = values
    return found
