"""MobileBERT: deep and thin, with a bottleneck around each layer and a stack of feed-forward networks in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchbert.models.adapter import FamilyAdapter, MlmParts
from benchbert.models.shape import Linear, Shape, setting
from benchbert.types import HubSource, ModelSpec, PublishedFacts

if TYPE_CHECKING:
    from torch.nn import Module

__all__ = ["ADAPTER", "REGISTERED", "MobileBertAdapter"]


class MobileBertAdapter(FamilyAdapter):
    """MobileBERT: its parts stand where BERT's do, its arithmetic is its own."""

    def mlm_parts(self, model: Module) -> MlmParts:
        """The same head in two parts; its projection is the embeddings' table, widened to the hidden size."""
        from torch import cat

        head: Any = self.mlm_head(model)
        weight = cat([head.decoder.weight, head.dense.weight.t()], dim=1)
        return MlmParts(transform=head.transform, weight=weight, bias=head.decoder.bias)

    def shape(self, config: Any) -> Shape:
        """Encoder and pooler as counts; the width inside a layer is that of the bottleneck."""
        layers, hidden = setting(config, "num_hidden_layers"), setting(config, "hidden_size")
        embedding, trigram = setting(config, "embedding_size"), setting(config, "trigram_input")
        inner = setting(config, "intra_bottleneck_size") if setting(config, "use_bottleneck") else hidden
        transformation = Linear(
            inputs=embedding * (3 if trigram else 1),
            outputs=hidden,
            executed=int(trigram or embedding != hidden),
        )
        pooler = Linear(inputs=hidden, outputs=hidden, pooled=True)
        linears, normalised = _layer(config, layers, hidden, inner)
        return Shape(
            stored_layers=layers,
            executed_layers=layers,
            attention_width=inner,
            tables=(
                (setting(config, "vocab_size"), embedding),
                (setting(config, "max_position_embeddings"), hidden),
                (setting(config, "type_vocab_size"), hidden),
            ),
            linears=(transformation, *linears, *((pooler,) if setting(config, "classifier_activation") else ())),
            normalised=hidden + normalised,
        )


def _layer(config: Any, layers: int, hidden: int, inner: int) -> tuple[list[Linear], int]:
    """Linear layers, and summed widths of the norms, of all layers together."""
    intermediate, networks = setting(config, "intermediate_size"), setting(config, "num_feedforward_networks")
    narrow_attention = setting(config, "use_bottleneck_attention")
    value_inputs = inner if narrow_attention else hidden
    linears = [
        Linear(inputs=inner, outputs=inner, stored=3 * layers, executed=3 * layers),  # query, key, output
        Linear(inputs=value_inputs, outputs=inner, stored=layers, executed=layers),
        Linear(inputs=inner, outputs=intermediate, stored=networks * layers, executed=networks * layers),
        Linear(inputs=intermediate, outputs=inner, stored=networks * layers, executed=networks * layers),
    ]
    widths = inner * (1 + networks)
    if setting(config, "use_bottleneck"):
        linears += [
            Linear(inputs=hidden, outputs=inner, stored=layers, executed=layers),
            Linear(inputs=inner, outputs=hidden, stored=layers, executed=layers),
        ]
        widths += inner + hidden
        if setting(config, "key_query_shared_bottleneck"):
            # It has weights even where attention reads the other bottleneck, but then it never runs.
            executed = 0 if narrow_attention else layers
            linears.append(Linear(inputs=hidden, outputs=inner, stored=layers, executed=executed))
            widths += inner
    return linears, layers * widths


ADAPTER = MobileBertAdapter("mobilebert")


def _config(*, networks: int, narrow_attention: bool, pooler: bool) -> dict[str, Any]:
    return {
        "model_type": "mobilebert",
        "vocab_size": 30522,
        "embedding_size": 128,
        "hidden_size": 512,
        "num_hidden_layers": 24,
        "num_attention_heads": 4,
        "intermediate_size": 512,
        "intra_bottleneck_size": 128,
        "use_bottleneck": True,
        "use_bottleneck_attention": narrow_attention,
        "key_query_shared_bottleneck": not narrow_attention,
        "num_feedforward_networks": networks,
        "trigram_input": True,
        "normalization_type": "no_norm",
        "classifier_activation": pooler,
        "hidden_act": "relu",
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.1,
        "max_position_embeddings": 512,
        "type_vocab_size": 2,
        "initializer_range": 0.02,
        "layer_norm_eps": 1e-12,
        "pad_token_id": 0,
    }


_REFERENCE = "Sun et al. 2020, arXiv 2004.02984"

REGISTERED = (
    ModelSpec(
        name="mobilebert-uncased",
        family=ADAPTER.name,
        source=HubSource(id="google/mobilebert-uncased"),
        # The published config has no pooler layer: the class token's state is the pooled output.
        config=_config(networks=4, narrow_attention=False, pooler=False),
        licence="Apache-2.0",
        reference=_REFERENCE,
        published=PublishedFacts(parameters=24.58, gflops=5.39),
    ),
    ModelSpec(
        name="mobilebert-tiny",
        family=ADAPTER.name,
        source=None,
        config=_config(networks=2, narrow_attention=True, pooler=True),
        reference=_REFERENCE,
        published=PublishedFacts(parameters=15.75, gflops=3.07),
    ),
)
