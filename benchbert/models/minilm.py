"""MiniLM: narrow BERTs distilled from the last layer's attention of their teacher."""

from __future__ import annotations

from benchbert.models.adapter import FamilyAdapter
from benchbert.models.bert import bert_config
from benchbert.types import HubSource, ModelSpec, PublishedFacts

__all__ = ["ADAPTER", "REGISTERED"]

ADAPTER = FamilyAdapter("minilm", model_type="bert")


def _minilm(name: str, hub_id: str, layers: int, *, parameters: float, gflops: float) -> ModelSpec:
    return ModelSpec(
        name=name,
        family=ADAPTER.name,
        source=HubSource(id=hub_id),
        config=bert_config(layers, 384, 1536, 12),
        licence="MIT",
        reference="Wang et al. 2020, arXiv 2002.10957",
        published=PublishedFacts(parameters=parameters, gflops=gflops),
    )


REGISTERED = (
    _minilm("minilm-l6-h384", "nreimers/MiniLM-L6-H384-uncased", 6, parameters=22.7, gflops=2.87),
    _minilm("minilm-l12-h384", "microsoft/MiniLM-L12-H384-uncased", 12, parameters=33.4, gflops=5.74),
)
