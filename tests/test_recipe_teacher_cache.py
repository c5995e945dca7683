"""What a recipe may ask of a teacher cache, and that recipes without one are what they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchbert.errors import SuiteError
from benchbert.recipe import Recipe, read_recipe
from benchbert.recipe_teacher_cache import TeacherCache

RECIPE = """
name = "student"
kind = "distil"
teacher = "teacher.toml"
phases = [{steps = 6, batch_size = 4, sequence_length = 16}]
[model]
family = "distilbert"
"""


def read(folder: Path, more: str = "", top: str = "") -> Recipe:
    path = folder / "student.toml"
    path.write_text(top + RECIPE + more)
    return read_recipe(path)


def test_it_is_part_of_the_settings_only_where_it_is_used(tmp_path: Path) -> None:
    plain = read(tmp_path)
    assert plain.teacher_cache is None
    assert "teacher_cache" not in plain.settings
    cached = read(tmp_path, "[teacher_cache]\n")
    assert cached.teacher_cache == TeacherCache()
    assert cached.settings["teacher_cache"] == {"passes": 3, "top_k": 32, "hidden": True, "dtype": "float16"}
    digests = {
        read(tmp_path, f"[teacher_cache]\n{key}").digest
        for key in ("", "passes = 2", "top_k = 8", 'dtype = "float32"', "passes = 6")
    }
    assert len(digests | {plain.digest}) == 6


@pytest.mark.parametrize(
    ("top", "more", "said"),
    [
        (
            "",
            "[teacher_cache]\npasses = 4",
            r"phases\[0\].steps: should be a multiple of teacher_cache.passes \(4\), such as 8",
        ),
        ("", "[teacher_cache]\npasses = 0", "teacher_cache.passes: should be at least 1"),
        ("", "[teacher_cache]\ntop_k = -1", "teacher_cache.top_k: should be at least 1, or 0"),
        ("", "[teacher_cache]\ntop_k = 0", "losses.ce: needs the teacher's logits; give teacher_cache.top_k"),
        ("", "[teacher_cache]\ntop_k = 0\nhidden = false", "keeps neither logits nor hidden states"),
        ("", "[teacher_cache]\nhidden = false", "losses.cos: needs the teacher's hidden states"),
        ("", '[teacher_cache]\ndtype = "float8"', "teacher_cache.dtype"),
        ("", "[teacher_cache]\ntopk = 3", "teacher_cache.topk"),
        ("", "[teacher_cache]\n[losses]\nmse = 1", "losses.mse: needs all logits of the teacher"),
        ("", "[teacher_cache]\n[losses]\nprediction = 1", "losses.prediction: .* use ce with temperature = 1"),
        (
            "",
            "[teacher_cache]\n[losses]\nhidden = {first = 0.0, last = 1.0}",
            "losses.hidden: looks inside the teacher",
        ),
        ("temperature = {first = 4.0, last = 1.0}\n", "[teacher_cache]", "temperature: changes over the steps"),
    ],
)
def test_what_it_cannot_serve_is_refused_with_the_mend(tmp_path: Path, top: str, more: str, said: str) -> None:
    with pytest.raises(SuiteError, match=said):
        read(tmp_path, more, top)


def test_it_is_not_for_pre_training(tmp_path: Path) -> None:
    path = tmp_path / "pretrain.toml"
    text = RECIPE.replace('"distil"', '"pretrain"').replace('teacher = "teacher.toml"', "vocabulary = 300")
    path.write_text(text + "[teacher_cache]\n")
    with pytest.raises(SuiteError, match="teacher_cache: only for kind = 'distil'; take it out"):
        read_recipe(path)


def test_weights_may_change_over_the_steps(tmp_path: Path) -> None:
    recipe = read(tmp_path, "[teacher_cache]\n[losses]\nce = {first = 5.0, last = 1.0}\nmasked_ce = 1")
    assert recipe.teacher_cache is not None
