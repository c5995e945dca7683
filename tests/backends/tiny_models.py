"""Resolved models of every family, two layers each, with random weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchbert.lock import ModelLock

LONGEST = 32
_SHARED = {"vocab_size": 300, "max_position_embeddings": LONGEST, "num_hidden_layers": 2, "num_attention_heads": 2}
CONFIGS: dict[str, dict[str, Any]] = {
    "bert": {"hidden_size": 32, "intermediate_size": 64, **_SHARED},
    "distilbert": {"vocab_size": 300, "max_position_embeddings": LONGEST, "dim": 32, "n_layers": 2, "n_heads": 2}
    | {"hidden_dim": 64},
    "albert": {"embedding_size": 16, "hidden_size": 32, "intermediate_size": 64, **_SHARED},
    "mobilebert": {"embedding_size": 16, "hidden_size": 32, "intermediate_size": 40, "intra_bottleneck_size": 16}
    | {"num_feedforward_networks": 2, "classifier_activation": False, **_SHARED},
}


def tiny(family: str) -> ModelLock:
    config = {"model_type": family, **CONFIGS[family]}
    return ModelLock(name=f"tiny-{family}", family=family, weights="random", config=config)


def ragged(names: tuple[str, ...], *, batch: int = 3, length: int = 9) -> dict[str, Any]:
    """A batch whose sequences end early, one after another."""
    mask = (np.arange(length) < np.linspace(length // 2, length, batch)[:, None].round()).astype(np.int64)
    ids = np.random.default_rng(0).integers(5, 300, size=(batch, length)) * mask
    made = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    return {name: made[name] for name in names}


def real(logits: Any, batch: dict[str, Any]) -> Any:
    """Outputs of real tokens, or of whole sequences, as float32."""
    values = np.asarray(logits.float().numpy() if hasattr(logits, "float") else logits, dtype=np.float32)
    return values[batch["attention_mask"].astype(bool)] if values.ndim == 3 else values
