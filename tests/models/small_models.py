"""Models of every family that build in milliseconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers

from benchbert.lock import ModelLock

CONFIGS: dict[str, dict[str, Any]] = {
    "bert": {
        "model_type": "bert",
        "vocab_size": 60,
        "hidden_size": 16,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "intermediate_size": 24,
        "max_position_embeddings": 32,
        "type_vocab_size": 2,
    },
    "distilbert": {
        "model_type": "distilbert",
        "vocab_size": 60,
        "dim": 16,
        "n_layers": 2,
        "n_heads": 2,
        "hidden_dim": 40,
        "max_position_embeddings": 32,
    },
    "albert": {
        "model_type": "albert",
        "vocab_size": 60,
        "embedding_size": 8,
        "hidden_size": 16,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "intermediate_size": 24,
        "max_position_embeddings": 32,
        "type_vocab_size": 2,
    },
    "mobilebert": {
        "model_type": "mobilebert",
        "vocab_size": 60,
        "embedding_size": 8,
        "hidden_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 20,
        "intra_bottleneck_size": 12,
        "use_bottleneck": True,
        "use_bottleneck_attention": False,
        "key_query_shared_bottleneck": True,
        "num_feedforward_networks": 3,
        "trigram_input": True,
        "classifier_activation": False,
        "max_position_embeddings": 32,
        "type_vocab_size": 2,
    },
}
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "sat", "##s", "on", "mat", "a", "dog"]


def build(config: dict[str, Any], auto: str = "AutoModel", attention: str = "eager", seed: int = 0) -> Any:
    """A model of transformers with random weights, in eval mode."""
    kwargs = dict(config)
    made = transformers.CONFIG_MAPPING[kwargs.pop("model_type")](**kwargs)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return getattr(transformers, auto).from_config(made, attn_implementation=attention).eval()


def saved(folder: Path, family: str = "bert", auto: str = "AutoModelForMaskedLM", *, kind: str = "safetensors") -> Any:
    """A model saved to a folder with its tokenizer; `kind` "bin" saves as old transformers did."""
    model = build(CONFIGS[family], auto)
    model.save_pretrained(folder)
    if kind == "bin":
        (folder / "model.safetensors").unlink()
        torch.save(model.state_dict(), folder / "pytorch_model.bin")
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    return model


def lock(folder: Path | str = "", **fields: Any) -> ModelLock:
    """A resolved model in a folder."""
    return ModelLock(**{"name": "mine", "family": "bert", "weights": "folder", "folder": str(folder), **fields})
