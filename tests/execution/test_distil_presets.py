"""Every distillation preset from its recipe to a model folder, with fewer steps and a smaller vocabulary."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from transformers import AutoModelForMaskedLM, AutoTokenizer

from benchbert.execution.session import prepare_recipe, run_prepared

RECIPES = Path(__file__).parent.parent.parent / "suites" / "recipes"

TEACHER = """
extends = "{recipes}/mini-bert.toml"
name = "small-bert"
vocabulary = 300
phases = [
  {{steps = 2, batch_size = 4, sequence_length = 16}},
  {{steps = 1, batch_size = 4, sequence_length = 32, pairs = true}},
]
"""

STUDENT = """
extends = "{recipes}/{preset}.toml"
name = "small"
teacher = "teacher.toml"
{phases}
"""

PLAIN = "phases = [{steps = 3, batch_size = 4, sequence_length = 16}]"
PHASES = {
    "mini-tinybert": """phases = [
  {steps = 2, batch_size = 4, sequence_length = 16, losses = ["attention", "hidden"]},
  {steps = 2, batch_size = 4, sequence_length = 16, losses = ["prediction", "mlm"]},
]""",
    "mini-mobilebert-distilled": """phases = [
  {steps = 2, batch_size = 4, sequence_length = 16, losses = ["feature_map", "attention_kl"], layers = [0]},
  {steps = 2, batch_size = 4, sequence_length = 16, losses = ["mlm", "masked_ce"]},
]""",
}
CARDS = {
    "mini-tinybert": ("attention 1", "| losses of phase 2 | prediction, mlm |", "| layer map | uniform |"),
    "mini-minilm": ("minilm 1", "| start | random |"),
    "mini-minilmv2": ("minilmv2 1",),
    "mini-pkd": ("pkd 10", "| layer map | last |", "| start | first |"),
    "mini-mobilebert-distilled": ("feature_map 1", "feature_map, attention_kl (layers 0 alone)", "| temperature | 1 |"),
}


@pytest.mark.slow
@pytest.mark.parametrize("preset", CARDS)
def test_a_preset_makes_an_ordinary_model_whose_card_states_its_losses(tmp_path: Path, preset: str) -> None:
    (tmp_path / "teacher.toml").write_text(TEACHER.format(recipes=RECIPES))
    path = tmp_path / "student.toml"
    path.write_text(STUDENT.format(recipes=RECIPES, preset=preset, phases=PHASES.get(preset, PLAIN)))
    tally = run_prepared(prepare_recipe(path, out=tmp_path / "run"))
    assert not tally.failed
    (stored,) = (tmp_path / "run" / "results").glob("distil*.json")
    result = json.loads(stored.read_text())
    place = tmp_path / "run" / result["artefacts"][0]["path"]
    model, report = AutoModelForMaskedLM.from_pretrained(place, output_loading_info=True)
    assert not report["unexpected_keys"]
    assert not report["missing_keys"]
    inputs = AutoTokenizer.from_pretrained(place)("the dog", return_tensors="pt")
    assert model(input_ids=inputs["input_ids"]).logits.isfinite().all()
    card = (place / "README.md").read_text()
    assert all(said in card for said in CARDS[preset]), card
    assert "small-bert" in card


@pytest.mark.slow
def test_a_student_with_a_vocabulary_of_its_own_fails_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "teacher.toml").write_text(TEACHER.format(recipes=RECIPES))
    other = TEACHER.format(recipes=RECIPES).replace("small-bert", "other").replace("300", "350")
    (tmp_path / "other.toml").write_text(other)
    path = tmp_path / "student.toml"
    own = 'start = "random"\ntokenizer = "other.toml"\n'
    path.write_text(own + STUDENT.format(recipes=RECIPES, preset="mini-minilm", phases=PLAIN))
    tally = run_prepared(prepare_recipe(path, out=tmp_path / "run"))
    assert list(tally.failed)
    assert any("different vocabularies (300 and 350 tokens" in error for error in tally.failed.values())
