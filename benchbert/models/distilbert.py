"""DistilBERT: BERT with half its layers, no token types and no pooler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchbert.models.adapter import AttentionTaps, FamilyAdapter, MlmParts
from benchbert.models.shape import Linear, Shape, setting
from benchbert.types import HubSource, ModelSpec, PublishedFacts

if TYPE_CHECKING:
    from torch.nn import Module

__all__ = ["ADAPTER", "REGISTERED", "DistilBertAdapter"]


class DistilBertAdapter(FamilyAdapter):
    """DistilBERT under the names that transformers gives its parts."""

    def layers(self, model: Module) -> list[Module]:
        """The layers in the order in which they run."""
        return list(self._parts(self.base_model(model), "transformer.layer"))

    def attention(self, layer: Module) -> AttentionTaps:
        """Projections and heads of one of `layers`."""
        inner: Any = self._part(layer, "attention")
        return AttentionTaps(query=inner.q_lin, key=inner.k_lin, value=inner.v_lin, heads=int(inner.n_heads))

    def mlm_head(self, model: Module) -> Module:
        """Transform, activation, norm and decoder in a row; they are loose attributes of the model."""
        from torch.nn import Sequential

        names = ("vocab_transform", "activation", "vocab_layer_norm", "vocab_projector")
        return Sequential(*(self._part(model, name) for name in names))

    def mlm_parts(self, model: Module) -> MlmParts:
        """The same head in two parts."""
        head: Any = self.mlm_head(model)
        return MlmParts(transform=head[:-1], weight=head[-1].weight, bias=head[-1].bias)

    def shape(self, config: Any) -> Shape:
        """Encoder as counts; a mapping may use DistilBERT's own names or the common ones."""
        layers, hidden = setting(config, "n_layers", "num_hidden_layers"), setting(config, "dim", "hidden_size")
        intermediate = setting(config, "hidden_dim")
        return Shape(
            stored_layers=layers,
            executed_layers=layers,
            attention_width=hidden,
            tables=((setting(config, "vocab_size"), hidden), (setting(config, "max_position_embeddings"), hidden)),
            linears=(
                Linear(inputs=hidden, outputs=hidden, stored=4 * layers, executed=4 * layers),
                Linear(inputs=hidden, outputs=intermediate, stored=layers, executed=layers),
                Linear(inputs=intermediate, outputs=hidden, stored=layers, executed=layers),
            ),
            normalised=hidden * (1 + 2 * layers),
        )


ADAPTER = DistilBertAdapter("distilbert")

REGISTERED = (
    ModelSpec(
        name="distilbert-base-uncased",
        family=ADAPTER.name,
        source=HubSource(id="distilbert/distilbert-base-uncased"),
        config={
            "model_type": "distilbert",
            "vocab_size": 30522,
            "max_position_embeddings": 512,
            "sinusoidal_pos_embds": False,
            "n_layers": 6,
            "n_heads": 12,
            "dim": 768,
            "hidden_dim": 3072,
            "dropout": 0.1,
            "attention_dropout": 0.1,
            "activation": "gelu",
            "initializer_range": 0.02,
            "qa_dropout": 0.1,
            "seq_classif_dropout": 0.2,
            "pad_token_id": 0,
        },
        licence="Apache-2.0",
        reference="Sanh et al. 2019, arXiv 1910.01108",
        published=PublishedFacts(parameters=66.36, gflops=11.2),
    ),
)
