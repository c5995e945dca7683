"""Budgets in steps, tokens and minutes: what a recipe trains is always so many steps."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchbert.errors import SuiteError
from benchbert.execution.session import prepare, prepare_recipe
from benchbert.recipe import read_recipe
from benchbert.recipe_budget import Budget, in_steps, scaled

TEXT = """
name = "base"
kind = "pretrain"
vocabulary = 200
{top}
phases = [{{{length}batch_size = 4, sequence_length = 16}}, {{steps = 3, batch_size = 2, sequence_length = 32}}]
[model]
family = "bert"
"""


def written(folder: Path, length: str, top: str = "", name: str = "base") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(TEXT.format(top=top, length=length))
    return path


def test_a_budget_in_tokens_is_the_same_recipe_as_its_steps(tmp_path: Path) -> None:
    in_tokens = read_recipe(written(tmp_path, "tokens = 129, ", name="a"))
    steps = read_recipe(written(tmp_path, "steps = 3, ", name="b"))
    assert [phase.steps for phase in in_tokens.phases] == [3, 3]
    assert in_tokens.settings == steps.settings
    assert in_tokens.digest == steps.digest
    assert in_tokens.tokens == 3 * 64 + 3 * 64


@settings(deadline=None)
@given(st.integers(1, 10**9), st.integers(1, 512), st.integers(8, 512))
def test_tokens_are_reached_and_by_no_more_than_a_step(tokens: int, batch: int, length: int) -> None:
    (phase,) = in_steps([Budget(tokens=tokens, batch_size=batch, sequence_length=length)])
    assert 0 <= phase.steps * batch * length - tokens < batch * length
    assert phase.tokens == 0


@settings(deadline=None)
@given(st.floats(1e-4, 1e4), st.integers(1, 10**6))
def test_a_scaled_phase_has_whole_steps_and_never_none(factor: float, steps: int) -> None:
    (phase,) = scaled([Budget(steps=steps, batch_size=1, sequence_length=8)], factor)
    assert phase.steps >= 1
    assert phase.steps == 1 or abs(phase.steps - factor * steps) <= 0.5


@pytest.mark.parametrize(
    ("length", "top", "said"),
    [
        ("steps = 2, tokens = 128, ", "", "phases[0]: give steps or tokens, not both"),
        ("", "", "phases[0].steps: should be at least 1 (or give tokens in its place)"),
        ("tokens = -5, ", "", "phases[0].tokens: should be at least 1"),
        ("tokens = 1.5, ", "", "phases[0].tokens: should be"),
        ("steps = 2, ", "minutes = -1", "minutes: should be at least 0"),
    ],
)
def test_budgets_that_say_nothing_or_two_things(tmp_path: Path, length: str, top: str, said: str) -> None:
    with pytest.raises(SuiteError) as refused:
        read_recipe(written(tmp_path, length, top))
    assert said in str(refused.value)


def test_minutes_decide_nothing_by_the_clock(tmp_path: Path) -> None:
    """They are no part of a job: with them, a recipe is run by `benchbert distill` alone, in steps."""
    with_minutes = written(tmp_path, "steps = 10, ", "minutes = 3.0")
    without = written(tmp_path, "steps = 10, ", name="without")
    assert read_recipe(with_minutes).settings == read_recipe(without).settings
    with pytest.raises(SuiteError, match="a suite needs steps or tokens"):
        prepare({"name": "s", "models": [{"name": "m", "recipe": str(with_minutes)}], "tasks": ["builtin/glue/rte"]})
    plain, same = prepare_recipe(without), prepare_recipe(with_minutes, factor=1.0)
    assert [job.id for job in same.plan.jobs] == [job.id for job in plain.plan.jobs]
    half = prepare_recipe(with_minutes, factor=0.5)
    settings_of_half = half.lock.recipes[half.plan.jobs[0].spec["revision"]].settings
    assert [phase["steps"] for phase in settings_of_half["phases"]] == [5, 2]
    assert half.plan.jobs[0].id != plain.plan.jobs[0].id


def test_minutes_are_said_once_for_all_that_is_made(tmp_path: Path) -> None:
    written(tmp_path, "steps = 10, ", "minutes = 3.0", name="teacher")
    student = tmp_path / "student.toml"
    student.write_text(
        'name = "s"\nkind = "distil"\nteacher = "teacher.toml"\n'
        'phases = [{steps = 1, batch_size = 1, sequence_length = 8}]\n[model]\nfamily = "distilbert"\n'
    )
    with pytest.raises(SuiteError, match=r"say them in student\.toml"):
        prepare_recipe(student, factor=1.0)
