"""Pairs that a recipe cannot serve are refused with the mend."""

from __future__ import annotations

from typing import Any

import pytest

from benchbert.distillation.servable import check_vocabularies
from benchbert.errors import TrainingError
from tests.distillation.pairs import batch, distillation, model, settings, teacher, values

NARROW = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 40,
}


@pytest.mark.parametrize(
    ("losses", "changes", "said"),
    [
        ({"attention": 1.0}, {}, "2 heads, the teacher 4.*give the student 4 heads"),
        ({"attention_kl": 1.0}, {}, "losses.attention_kl compares head with head"),
        ({"minilm": {"first": 0.0, "last": 1.0}}, {}, "losses.minilm compares head with head"),
        ({"minilmv2": 1.0}, {"relation_heads": 16}, "student's queries of width 24 cannot be cut into 16"),
        ({"minilmv2": 1.0}, {"relation_heads": 3}, "teacher's queries of width 32 cannot be cut into 3"),
        ({"minilmv2": 1.0}, {"relation_layer": 4}, "relation_layer is 4, and the teacher has layers 0 to 3"),
        ({"feature_map": 1.0}, {}, "student has 24, the teacher 32: give the student a width of 32"),
        ({"cos": 1.0}, {}, "losses.cos compares hidden states of one width"),
        ({"pkd": 1.0}, {"layer_map": (2, 1)}, "rising order"),
        ({"pkd": 1.0}, {"layer_map": (1, 4)}, "layer 4, and the teacher has layers 0 to 3"),
        ({"pkd": 1.0}, {"phases": [{"steps": 1, "layers": [2]}]}, r"phases\[0\].layers names layer 2"),
    ],
)
def test_what_a_pair_cannot_serve(losses: dict[str, Any], changes: dict[str, Any], said: str) -> None:
    with pytest.raises(TrainingError, match=said):
        distillation(model("bert", **NARROW), teacher(), settings(losses, start="random", **changes))


@pytest.mark.parametrize("losses", [{"hidden": 1.0}, {"pkd": 1.0}, {"minilmv2": 1.0}])
def test_widths_and_heads_may_differ_where_a_projection_or_a_regrouping_mends_it(losses: dict[str, float]) -> None:
    objective = distillation(model("bert", **NARROW), teacher(), settings(losses, start="random"))
    assert values(objective, batch())[next(iter(losses))] > 0


@pytest.mark.parametrize("family", ["albert", "distilbert", "mobilebert"])
def test_teachers_of_any_family_serve(family: str) -> None:
    shapes = {
        "albert": NARROW | {"embedding_size": 8},
        "mobilebert": NARROW | {"embedding_size": 8, "intra_bottleneck_size": 12},
        "distilbert": {"dim": 24, "hidden_dim": 16, "n_heads": 2, "n_layers": 2, "max_position_embeddings": 40},
    }
    every = dict.fromkeys(("ce", "attention", "hidden", "feature_map", "minilm", "minilmv2", "pkd"), 1.0)
    objective = distillation(model("bert", **NARROW), model(family, **shapes[family]), settings(every, start="random"))
    found = values(objective, batch((12, 8)))
    assert all(value > 0 for value in found.values())
    assert set(found) == set(every)


class _Words:
    def __init__(self, *words: str) -> None:
        self.words = words

    def get_vocab(self) -> dict[str, int]:
        return {word: i for i, word in enumerate(self.words)}


def test_different_vocabularies_are_refused_with_the_first_difference() -> None:
    check_vocabularies(_Words("a", "b"), _Words("a", "b"), 2)
    with pytest.raises(
        TrainingError,
        match=r"different vocabularies \(3 and 2 tokens; 'c' is 1 to the teacher and unknown to the student",
    ):
        check_vocabularies(_Words("a", "b"), _Words("a", "c", "b"), 3)
    with pytest.raises(TrainingError, match="embeddings of 5 tokens, and its tokenizer knows 2"):
        check_vocabularies(_Words("a", "b"), _Words("a", "b"), 5)
