"""Two ways of computing a model's outputs for a batch: packed (no padding, fused) and padded (as transformers does)."""

from __future__ import annotations

import copy
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from transformers.modeling_outputs import BaseModelOutputWithPooling

from benchbert.tasks.encoding import Encoded
from benchbert.training.batching import model_inputs, on_device, token_budget_batches
from benchbert.training.budget import fastest_budget
from benchbert.training.layers import Layers, describe
from benchbert.training.packed import PackedEncoder, head_alone
from benchbert.training.packed_attention import why_not_varlen

__all__ = ["PackedWay", "PaddedWay", "Way", "fastest_way", "padding_share", "reads_first_tokens"]

_WORTH = 0.02
"""Share of padding below which packing saves less than the reshaping of its inputs may cost; set without a measurement
on CUDA."""


class Way(Protocol):
    """Outputs of a batch, on the device."""

    name: Literal["packed", "padded"]
    """Which."""

    def __call__(self, encoded: Encoded, indices: NDArray[Any]) -> dict[str, torch.Tensor]:
        """Outputs of the named sequences, longest first.

        Returns:
            `logits` of shape (sequences, outputs), or of shape (tokens, outputs) of a token head; or `start_logits` and
            `end_logits`, each of shape (tokens,). Tokens stand as `encoded` has them, one sequence after another.
        """


class PaddedWay:
    """The model as transformers writes it, on batches padded to their longest sequence."""

    name: Literal["packed", "padded"] = "padded"

    def __init__(self, model: Any, *, pad_id: int, device: str, dtype: torch.dtype) -> None:
        """Rounds a copy of the weights where the dtype is not theirs.

        Args:
            model: in float32 and eval mode, on its device.
            pad_id: id of the padding token.
            device: `cpu` or `cuda`.
            dtype: compute dtype; all weights are held in it.
        """
        if dtype != torch.float32:
            model = copy.deepcopy(model).to(dtype)
            # On a CPU the batched products of bfloat16 are faster than torch's flash kernel.
            if device == "cpu" and getattr(model.config, "_attn_implementation", "") == "sdpa":
                model.set_attn_implementation("eager")
        self._model, self._pad_id, self._device = model, pad_id, device
        self._names = model_inputs(model)

    def __call__(self, encoded: Encoded, indices: NDArray[Any]) -> dict[str, torch.Tensor]:
        """See `Way`."""
        padded = encoded.padded(indices, self._pad_id)
        real = padded["attention_mask"] == 1
        # Without padding there is nothing to mask, and attention runs its kernels without one.
        names = self._names if not real.all() else self._names - {"attention_mask"}
        found = self._model(**{name: on_device(padded[name], self._device) for name in names})
        # Places on the host: a mask on the device would make the host wait for the number of its ones.
        places = on_device(np.flatnonzero(real), self._device)
        if "logits" in found:
            logits = found.logits.float()
            return {"logits": logits.flatten(0, 1)[places] if logits.ndim == 3 else logits}
        return {name: found[name].float().flatten()[places] for name in ("start_logits", "end_logits")}


class PackedWay:
    """The encoder without padding, the model's own head in float32 behind it."""

    name: Literal["packed", "padded"] = "packed"

    def __init__(self, model: Any, encoder: PackedEncoder, *, device: str) -> None:
        """Joins an encoder and the head of its model.

        Args:
            model: in float32 and eval mode, on its device.
            encoder: its encoder, packed; of first tokens alone where the head reads no others.
            device: `cpu` or `cuda`.
        """
        self._encoder, self._device = encoder, device
        self._head, self._stand_in = head_alone(model)

    def __call__(self, encoded: Encoded, indices: NDArray[Any]) -> dict[str, torch.Tensor]:
        """See `Way`."""
        lengths = encoded.lengths[indices]
        starts = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])
        positions = np.arange(starts[-1]) - np.repeat(starts[:-1], lengths)
        places = np.repeat(encoded.starts[indices], lengths) + positions
        inputs = (encoded.tokens[places], encoded.token_types[places], positions)
        ids, types, positions_in_text = (on_device(array.astype(np.int64), self._device) for array in inputs)
        hidden = self._encoder(ids, types, positions_in_text, lengths.tolist())
        if self._encoder.first_only:
            first = hidden.float()[:, None]
            return {"logits": self._outputs(first, self._encoder.pool(first)).logits}
        found = self._outputs(hidden.float()[None], None)
        if "logits" in found:
            return {"logits": found.logits[0]}
        return {name: found[name][0] for name in ("start_logits", "end_logits")}

    def _outputs(self, hidden: torch.Tensor, pooled: torch.Tensor | None) -> Any:
        """What the head makes of hidden states of shape (sequences, tokens, hidden)."""
        self._stand_in.output = BaseModelOutputWithPooling(last_hidden_state=hidden, pooler_output=pooled)
        return self._head(input_ids=torch.zeros(hidden.shape[:2], dtype=torch.long, device=hidden.device))


def fastest_way(
    model: Any, *, pad_id: int, device: str, dtype: torch.dtype, lengths: NDArray[np.int64]
) -> tuple[Way, str]:
    """The packed way where it can be had and pays, else the padded one; and why not, empty where it does.

    Args:
        model: in float32 and eval mode, on its device.
        pad_id: id of the padding token.
        device: `cpu` or `cuda`.
        dtype: compute dtype.
        lengths: tokens of the sequences that are to be predicted, of shape (n,).
    """
    layers = _packable(model, device, dtype, lengths)
    if isinstance(layers, str):
        return PaddedWay(model, pad_id=pad_id, device=device, dtype=dtype), layers
    encoder = PackedEncoder(layers, dtype, device=device, first_only=reads_first_tokens(model))
    return PackedWay(model, encoder, device=device), ""


def reads_first_tokens(model: Any) -> bool:
    """Whether the head reads the first token of each sequence in the last block, and nothing else of it."""
    return type(model).__name__.endswith("ForSequenceClassification")


def _packable(model: Any, device: str, dtype: torch.dtype, lengths: NDArray[np.int64]) -> Layers | str:
    """The parts of the model's encoder, or why its sequences are padded."""
    layers, kind = describe(model.base_model), type(model).__name__
    if isinstance(layers, str):
        return layers
    if not kind.endswith(("ForSequenceClassification", "ForQuestionAnswering", "ForTokenClassification")):
        return f"{kind} has a head of another kind"
    if device == "cpu":
        return layers
    if why := why_not_varlen(device, dtype, layers.heads, layers.blocks[0].query.out_features // layers.heads):
        return why
    # On CUDA packed and padded products run in the same kernels, and what packing saves is what it leaves out: padding,
    # and most of the last block below a head of sequences. A rule and no timing: two runs of one job must give the same
    # bits.
    padding = padding_share(lengths, fastest_budget(device))
    if padding < _WORTH and not reads_first_tokens(model):
        return f"of batches sorted by length {padding:.1%} are padding, too little to be packed on CUDA"
    return layers


def padding_share(lengths: NDArray[np.int64], budget: int) -> float:
    """Padding among the tokens of all batches, sorted by length, of at most `budget` padded tokens."""
    order = np.argsort(-lengths, kind="stable")
    padded = sum(len(batch) * int(lengths[batch[0]]) for batch in token_budget_batches(lengths, order, budget))
    return 1 - float(lengths.sum()) / padded if padded else 0.0
