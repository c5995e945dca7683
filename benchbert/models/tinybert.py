"""TinyBERT after its general stage: small BERTs distilled from BERT-base by attention and hidden states."""

from __future__ import annotations

from typing import Any

from benchbert.models.adapter import FamilyAdapter
from benchbert.models.bert import bert_config
from benchbert.types import HubSource, ModelSpec, PublishedFacts

__all__ = ["ADAPTER", "REGISTERED"]

ADAPTER = FamilyAdapter("tinybert", model_type="bert")


def _tinybert(name: str, hub_id: str, config: dict[str, Any], *, parameters: float, gflops: float) -> ModelSpec:
    # The repositories state no licence.
    return ModelSpec(
        name=name,
        family=ADAPTER.name,
        source=HubSource(id=hub_id),
        config=config,
        reference="Jiao et al. 2020, arXiv 1909.10351",
        published=PublishedFacts(parameters=parameters, gflops=gflops),
    )


REGISTERED = (
    _tinybert(
        "tinybert-4l-312",
        "huawei-noah/TinyBERT_General_4L_312D",
        bert_config(4, 312, 1200, 12),
        parameters=14.35,
        gflops=1.25,
    ),
    _tinybert(
        "tinybert-6l-768",
        "huawei-noah/TinyBERT_General_6L_768D",
        bert_config(6, 768, 3072, 12),
        parameters=66.96,
        gflops=11.2,
    ),
)
