"""Every distillation preset from its recipe to a model folder, with fewer steps and a smaller vocabulary."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import AutoModelForMaskedLM, AutoTokenizer

from benchbert.execution.execute import execute
from benchbert.execution.session import prepare_recipe
from benchbert.store.files import RunFolder
from benchbert.types import Result

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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recipes of a teacher and of another vocabulary; models that were made once stay in `run`."""
    place = tmp_path_factory.mktemp("presets")
    teacher = TEACHER.format(recipes=RECIPES)
    (place / "teacher.toml").write_text(teacher)
    (place / "other.toml").write_text(teacher.replace("small-bert", "other").replace("= 300", "= 350"))
    return place


def distilled(folder: Path, preset: str, top: str = "") -> tuple[Path, Result]:
    """Where the student is, and the result of its job; all jobs run in this process."""
    path = folder / f"{preset}.toml"
    path.write_text(top + STUDENT.format(recipes=RECIPES, preset=preset, phases=PHASES.get(preset, PLAIN)))
    prepared = prepare_recipe(path)
    run = RunFolder(folder / "run")
    for job in prepared.plan.jobs:
        if not run.artefact_path(job.id).is_dir():
            result = execute(job, prepared.lock, run, "test", lambda done, total, note: None)
    return run.artefact_path(job.id), result


@pytest.mark.slow
@pytest.mark.parametrize("preset", CARDS)
def test_a_preset_makes_an_ordinary_model_whose_card_states_its_losses(folder: Path, preset: str) -> None:
    place, result = distilled(folder, preset)
    assert result.status == "ok", result.error
    model, report = AutoModelForMaskedLM.from_pretrained(place, output_loading_info=True)
    assert not report["unexpected_keys"]
    assert not report["missing_keys"]
    inputs = AutoTokenizer.from_pretrained(place)("the dog", return_tensors="pt")
    assert model(input_ids=inputs["input_ids"]).logits.isfinite().all()
    card = (place / "README.md").read_text()
    assert all(said in card for said in CARDS[preset]), card
    assert "small-bert" in card


@pytest.mark.slow
def test_a_student_with_a_vocabulary_of_its_own_fails_and_says_why(folder: Path) -> None:
    _, result = distilled(folder, "mini-minilm", top='start = "random"\ntokenizer = "other.toml"\n')
    assert result.status == "failed"
    assert "different vocabularies (300 and 350 tokens" in result.error
