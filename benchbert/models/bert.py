"""BERT, and the small BERTs that were pre-trained like it."""

from __future__ import annotations

from typing import Any

from benchbert.models.adapter import FamilyAdapter
from benchbert.types import HubSource, ModelSpec, PublishedFacts

__all__ = ["ADAPTER", "REGISTERED", "bert_config"]

ADAPTER = FamilyAdapter("bert")

_BERT = "Devlin et al. 2019, arXiv 1810.04805"
_SMALL = "Turc et al. 2019, arXiv 1908.08962"


def bert_config(layers: int, hidden: int, intermediate: int, heads: int, *, vocabulary: int = 30522) -> dict[str, Any]:
    """Keyword arguments of a BERT config with the settings that all published ones share."""
    return {
        "model_type": "bert",
        "vocab_size": vocabulary,
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": intermediate,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "max_position_embeddings": 512,
        "type_vocab_size": 2,
        "initializer_range": 0.02,
        "layer_norm_eps": 1e-12,
        "pad_token_id": 0,
    }


def _bert(
    name: str,
    hub_id: str,
    config: dict[str, Any],
    *,
    parameters: float,
    gflops: float,
    reference: str = _BERT,
    cased: bool = False,
) -> ModelSpec:
    return ModelSpec(
        name=name,
        family=ADAPTER.name,
        source=HubSource(id=hub_id),
        config=config,
        cased=cased,
        licence="Apache-2.0",
        reference=reference,
        published=PublishedFacts(parameters=parameters, gflops=gflops),
    )


REGISTERED = (
    _bert(
        "bert-tiny",
        "google/bert_uncased_L-2_H-128_A-2",
        bert_config(2, 128, 512, 2),
        parameters=4.39,
        gflops=0.117,
        reference=_SMALL,
    ),
    _bert(
        "bert-mini",
        "google/bert_uncased_L-4_H-256_A-4",
        bert_config(4, 256, 1024, 4),
        parameters=11.17,
        gflops=0.873,
        reference=_SMALL,
    ),
    _bert(
        "bert-small",
        "google/bert_uncased_L-4_H-512_A-8",
        bert_config(4, 512, 2048, 8),
        parameters=28.76,
        gflops=3.36,
        reference=_SMALL,
    ),
    _bert(
        "bert-medium",
        "google/bert_uncased_L-8_H-512_A-8",
        bert_config(8, 512, 2048, 8),
        parameters=41.37,
        gflops=6.71,
        reference=_SMALL,
    ),
    _bert(
        "bert-base-uncased",
        "google-bert/bert-base-uncased",
        bert_config(12, 768, 3072, 12),
        parameters=109.48,
        gflops=22.35,
    ),
    _bert(
        "bert-base-cased",
        "google-bert/bert-base-cased",
        bert_config(12, 768, 3072, 12, vocabulary=28996),
        parameters=108.31,
        gflops=22.35,
        cased=True,
    ),
    _bert(
        "bert-large-uncased",
        "google-bert/bert-large-uncased",
        bert_config(24, 1024, 4096, 16),
        parameters=335.14,
        gflops=78.9,
    ),
)
