"""ALBERT: one layer that runs many times, and embeddings narrower than the hidden states."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchbert.models.adapter import AttentionTaps, FamilyAdapter, MlmParts
from benchbert.models.shape import Linear, Shape, setting
from benchbert.types import HubSource, ModelSpec, PublishedFacts

if TYPE_CHECKING:
    from torch.nn import Module

__all__ = ["ADAPTER", "REGISTERED", "AlbertAdapter"]


class AlbertAdapter(FamilyAdapter):
    """ALBERT: groups of layers, each group run for its share of the depth."""

    def layers(self, model: Module) -> list[Module]:
        """The layers in the order in which they run; with one group it is the same module again and again."""
        base: Any = self.base_model(model)
        groups = [[*self._parts(group, "albert_layers")] for group in self._parts(base, "encoder.albert_layer_groups")]
        depth = int(base.config.num_hidden_layers)
        # Written as transformers runs them, so that depths that groups do not divide come out alike.
        return [layer for i in range(depth) for layer in groups[int(i / (depth / len(groups)))]]

    def attention(self, layer: Module) -> AttentionTaps:
        """Projections and heads of one of `layers`; hooks on them fire once for each time the layer runs."""
        inner: Any = self._part(layer, "attention")
        return AttentionTaps(query=inner.query, key=inner.key, value=inner.value, heads=int(inner.num_attention_heads))

    def mlm_head(self, model: Module) -> Module:
        """The masked-LM head: hidden states of shape (..., hidden) to logits of shape (..., vocabulary)."""
        return self._part(model, "predictions")

    def mlm_parts(self, model: Module) -> MlmParts:
        """The same head in two parts."""
        head: Any = self.mlm_head(model)
        return MlmParts(
            transform=lambda hidden: head.LayerNorm(head.activation(head.dense(hidden))),
            weight=head.decoder.weight,
            bias=head.decoder.bias,
        )

    def sentence_head(self, model: Module) -> Module:
        """The head of sentence-order prediction: pooled output of shape (batch, hidden) to (batch, 2)."""
        return self._part(model, "sop_classifier")

    def shape(self, config: Any) -> Shape:
        """Encoder and pooler as counts; a mapping may leave out the groups (one of one layer)."""
        hidden, embedding = setting(config, "hidden_size"), setting(config, "embedding_size")
        intermediate = setting(config, "intermediate_size")
        inner = _or_one(config, "inner_group_num")
        stored, executed = _or_one(config, "num_hidden_groups") * inner, setting(config, "num_hidden_layers") * inner
        rows = ("vocab_size", "max_position_embeddings", "type_vocab_size")
        return Shape(
            stored_layers=stored,
            executed_layers=executed,
            attention_width=hidden,
            tables=tuple((setting(config, name), embedding) for name in rows),
            linears=(
                Linear(inputs=embedding, outputs=hidden),
                Linear(inputs=hidden, outputs=hidden, stored=4 * stored, executed=4 * executed),
                Linear(inputs=hidden, outputs=intermediate, stored=stored, executed=executed),
                Linear(inputs=intermediate, outputs=hidden, stored=stored, executed=executed),
                Linear(inputs=hidden, outputs=hidden, pooled=True),
            ),
            normalised=embedding + 2 * hidden * stored,
        )


def _or_one(config: Any, name: str) -> int:
    try:
        return int(setting(config, name))
    except KeyError:
        return 1


ADAPTER = AlbertAdapter("albert")


def _albert(size: str, layers: int, hidden: int, heads: int, *, parameters: float, gflops: float) -> ModelSpec:
    """Version 2 of a size; it was trained without dropout."""
    return ModelSpec(
        name=f"albert-{size}-v2",
        family=ADAPTER.name,
        source=HubSource(id=f"albert/albert-{size}-v2"),
        config={
            "model_type": "albert",
            "vocab_size": 30000,
            "embedding_size": 128,
            "hidden_size": hidden,
            "num_hidden_layers": layers,
            "num_hidden_groups": 1,
            "inner_group_num": 1,
            "num_attention_heads": heads,
            "intermediate_size": 4 * hidden,
            "hidden_act": "gelu_new",
            "hidden_dropout_prob": 0.0,
            "attention_probs_dropout_prob": 0.0,
            "classifier_dropout_prob": 0.1,
            "max_position_embeddings": 512,
            "type_vocab_size": 2,
            "initializer_range": 0.02,
            "layer_norm_eps": 1e-12,
            "pad_token_id": 0,
            "bos_token_id": 2,
            "eos_token_id": 3,
        },
        licence="Apache-2.0",
        reference="Lan et al. 2020, arXiv 1909.11942",
        published=PublishedFacts(parameters=parameters, gflops=gflops),
    )


REGISTERED = (
    _albert("base", 12, 768, 12, parameters=11.68, gflops=22.4),
    _albert("large", 24, 1024, 16, parameters=17.68, gflops=79.0),
    _albert("xlarge", 24, 2048, 16, parameters=58.7, gflops=313.0),
    _albert("xxlarge", 12, 4096, 64, parameters=222.6, gflops=622.0),
)
