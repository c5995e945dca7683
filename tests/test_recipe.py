"""Recipes: those that come with benchbert, what they may not say, and what one takes over from another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchbert.errors import SuiteError
from benchbert.recipe import read_recipe

RECIPES = Path(__file__).parent.parent / "suites" / "recipes"


def recipe(folder: Path, text: str, name: str = "mine") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(text)
    return path


BASE = """
name = "base"
kind = "pretrain"
vocabulary = 200
phases = [{steps = 2, batch_size = 2, sequence_length = 16}]
[model]
family = "bert"
[model.config]
hidden_size = 16
num_attention_heads = 2
"""


@pytest.mark.parametrize("scale", ["mini", "miniature", "eltec"])
def test_families_of_one_suite_see_the_same_number_of_tokens(scale: str) -> None:
    made = {family: read_recipe(RECIPES / f"{scale}-{family}.toml") for family in ("bert", "albert", "mobilebert")}
    assert len({recipe.tokens for recipe in made.values()}) == 1
    assert {family: recipe.sentences for family, recipe in made.items()} == {
        "bert": "nsp",
        "albert": "sop",
        "mobilebert": "nsp",
    }


@pytest.mark.parametrize("scale", ["mini", "miniature", "real"])
def test_the_control_of_a_student_sees_its_tokens(scale: str) -> None:
    """All that batches and masks are drawn by is the same: phases, seed, masking, corpus and tokenizer."""
    student, alone = (read_recipe(RECIPES / f"{scale}-distilbert{suffix}.toml") for suffix in ("", "-alone"))
    assert student.phases == alone.phases
    assert (student.seed, student.masking, student.corpus) == (alone.seed, alone.masking, alone.corpus)
    assert alone.tokenizer == student.teacher
    assert not alone.teacher


def test_the_second_control_differs_from_the_student_in_its_losses_alone() -> None:
    """Same start (the teacher's layers), same batches and masks, same rate: what is left is what the losses give."""
    student, mlm = (read_recipe(RECIPES / f"miniature-distilbert{suffix}.toml").settings for suffix in ("", "-mlm"))
    assert {key for key in student if student[key] != mlm[key]} == {"name", "losses"}
    assert mlm["losses"] == {"ce": 0.0, "mlm": 1.0, "cos": 0.0, "mse": 0.0}


def test_depth_is_all_that_the_shallow_control_lacks() -> None:
    deep, shallow = (read_recipe(RECIPES / f"miniature-bert{suffix}.toml").settings for suffix in ("", "-2-layers"))
    assert {key for key in deep if deep[key] != shallow[key]} == {"name", "model", "vocabulary"}
    assert shallow["model"]["config"] == deep["model"]["config"] | {"num_hidden_layers": 2}


def test_the_losses_are_distilbert_s() -> None:
    made = read_recipe(RECIPES / "miniature-distilbert.toml")
    assert (made.losses.ce, made.losses.mlm, made.losses.cos, made.losses.mse) == (5, 2, 1, 0)
    assert made.temperature == 2


def test_a_recipe_takes_over_what_it_does_not_say(tmp_path: Path) -> None:
    recipe(tmp_path, BASE, "base")
    made = read_recipe(
        recipe(
            tmp_path, 'extends = "base.toml"\nname = "wide"\n[model.config]\nhidden_size = 32\nnum_hidden_layers = 3'
        )
    )
    assert made.name == "wide"
    assert made.vocabulary == 200
    assert made.model.family == "bert"
    assert made.model.config == {"hidden_size": 32, "num_attention_heads": 2, "num_hidden_layers": 3}


def test_a_recipe_that_extends_another_has_its_own_name(tmp_path: Path) -> None:
    recipe(tmp_path, BASE, "base")
    with pytest.raises(SuiteError, match="needs a name of its own"):
        read_recipe(recipe(tmp_path, 'extends = "base.toml"\nvocabulary = 100'))


def test_paths_of_what_is_extended_stay_where_they_point(tmp_path: Path) -> None:
    below = tmp_path / "below"
    below.mkdir()
    recipe(below, BASE, "base")
    student = 'name = "s"\nkind = "distil"\nteacher = "base.toml"\nphases = []\n[model]\nfamily = "distilbert"'
    recipe(below, student, "student")
    made = read_recipe(
        recipe(
            tmp_path,
            'extends = "below/student.toml"\nname = "t"\nphases = [{steps = 1, batch_size = 1, sequence_length = 8}]',
        )
    )
    assert (tmp_path / made.teacher).resolve() == (below / "base.toml").resolve()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('extends = "mine.toml"', "stands on itself"),
        ('extends = "nothing.toml"', "no such recipe file"),
        ("extends = 3", "extends: should be the path of a recipe"),
    ],
)
def test_what_cannot_be_extended(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SuiteError, match=said):
        read_recipe(recipe(tmp_path, text))


PAIRS = "phases = [{steps = 2, batch_size = 2, sequence_length = 16, pairs = true}]"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"phases = [{steps = 2, batch_size = 2, sequence_length = 16}]": PAIRS}, "pairs: needs `sentences`"),
        ({"vocabulary = 200": 'vocabulary = 200\nsentences = "nsp"'}, "no phase has `pairs = true`"),
        (
            {
                "phases = [{steps = 2, batch_size = 2, sequence_length = 16}]": f'sentences = "nsp"\n{PAIRS}',
                '"bert"': '"distilbert"',
            },
            "distilbert has no pooler",
        ),
        ({"vocabulary = 200": 'vocabulary = 200\nsentences = "both"'}, "sentences: should be"),
    ],
)
def test_the_sentence_objective_and_the_phases_agree(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    text = BASE
    for old, new in change.items():
        text = text.replace(old, new)
    with pytest.raises(SuiteError, match=said):
        read_recipe(recipe(tmp_path, text))
