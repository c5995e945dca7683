"""Where the optimizer steps of our training loop spend their time, by kind of work, from torch's profiler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile, record_function

from benchbert.training import loop
from benchbert.training.dropout import Masks

__all__ = ["KINDS", "profiled"]

_STEP, _MASKS = "benchbert: step", "benchbert: masks"

KINDS = {
    "dropout": (_MASKS, "aten::bernoulli_", "aten::dropout", "NativeDropoutBackward"),
    "attention": ("_Attention",),
    "norms": ("_AddNorm", "layer_norm", "LayerNorm"),
    "optimizer": ("Optimizer.", "clip_grad", "aten::linalg_vector_norm", "aten::_foreach", "aten::_fused_adamw"),
    "linear forward": ("aten::addmm", "aten::linear"),
    "linear backward": ("AddmmBackward", "MmBackward", "aten::mm"),
    "activation": ("aten::gelu", "GeluBackward", "aten::relu", "ReluBackward", "aten::tanh", "TanhBackward"),
    "embeddings": ("aten::embedding", "EmbeddingBackward"),
    "rounding and copies": ("aten::to", "aten::_to_copy", "aten::copy_", "aten::cat", "ToCopyBackward", "CatBackward"),
}
"""Kind of work -> what its operations' names contain. An operation is of the innermost call's that has one."""


def profiled(train: Callable[[], Any]) -> dict[str, Any]:
    """Seconds of the steps of a training run by kind; what no operation of torch accounts for is `rest`.

    The profiler itself takes time, most of it where operations are small: shares are rougher than the ratios above.
    """
    step_of, draw_of = loop._Training._step, Masks.draw

    def step(training: Any, *told: Any) -> None:
        with record_function(_STEP):
            step_of(training, *told)

    def draw(masks: Masks, *told: Any) -> Any:
        with record_function(_MASKS):
            return draw_of(masks, *told)

    loop._Training._step, Masks.draw = step, draw  # type: ignore[method-assign,assignment]
    try:
        with profile(activities=[ProfilerActivity.CPU]) as found:
            train()
    finally:
        loop._Training._step, Masks.draw = step_of, draw_of  # type: ignore[method-assign]
    events = [event for event in found.events() or [] if event.device_type == torch.autograd.DeviceType.CPU]
    seconds = dict.fromkeys([*KINDS, "rest"], 0.0)
    steps = 0
    for event in events:
        names = _inwards(event)
        if _STEP not in names:
            continue
        steps += event.name == _STEP
        seconds[_kind(names)] += event.self_cpu_time_total / 1e6
    whole = sum(seconds.values())
    return {"steps": steps, "seconds": whole, "shares": {kind: part / whole for kind, part in seconds.items()}}


def _inwards(event: Any) -> list[str]:
    """The event's own name, then those of the calls that it happened in."""
    names = []
    while event is not None:
        names.append(event.name)
        event = event.cpu_parent
    return names


def _kind(names: list[str]) -> str:
    for name in names:
        for kind, parts in KINDS.items():
            if any(part in name for part in parts):
                return kind
    return "rest"
