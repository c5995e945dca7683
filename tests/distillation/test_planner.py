"""What fits a budget in minutes, from made-up timings: no clock and no machine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchbert.distillation.planner import Rehearsed, Text, plan_budget
from benchbert.errors import UsageError

CONFIG = {
    "num_hidden_layers": 4,
    "hidden_size": 128,
    "intermediate_size": 512,
    "vocab_size": 1000,
    "max_position_embeddings": 64,
    "type_vocab_size": 2,
}
STUDENT = {"n_layers": 2, "dim": 128, "hidden_dim": 512, "vocab_size": 1000, "max_position_embeddings": 64}


def rehearsed(**changes: Any) -> Rehearsed:
    told: dict[str, Any] = {
        "name": "teacher",
        "revision": "t",
        "kind": "pretrain",
        "family": "bert",
        "config": CONFIG,
        "teacher_config": {},
        "projected": (0.15, 0.0),
        "phases": [
            {"steps": 100, "batch_size": 8, "sequence_length": 16},
            {"steps": 50, "batch_size": 8, "sequence_length": 32},
        ],
        "seconds": [0.2, 0.4],
        "cut": False,
        "corpus": Text(tokens=10_000, documents=100, read=100),
    }
    return Rehearsed(**{**told, **changes})


def student(**changes: Any) -> Rehearsed:
    told: dict[str, Any] = {
        "name": "student",
        "revision": "s",
        "kind": "distil",
        "family": "distilbert",
        "config": STUDENT,
        "teacher_family": "bert",
        "teacher_config": CONFIG,
        "teacher_revision": "t",
        "projected": (1.0, 1.0),
        "phases": [{"steps": 30, "batch_size": 8, "sequence_length": 16}],
        "seconds": [2.0],
    }
    return rehearsed(**{**told, **changes})


def test_all_recipes_are_made_longer_by_one_factor_that_fills_the_minutes() -> None:
    # As written: 100 x 0.2 + 50 x 0.4 = 40 s for the teacher, 30 x 2 = 60 s for the student: 9.5 times are 950 s.
    plan = plan_budget([rehearsed(), student()], 1000 / 60)
    assert plan.factor == pytest.approx(9.5)
    assert [one.steps for one in plan.recipes] == [(950, 475), (285,)]
    teacher, pupil = plan.recipes
    assert teacher.tokens == 950 * 128 + 475 * 256
    assert teacher.epochs == pytest.approx(teacher.tokens / 10_000, abs=1e-3)
    assert teacher.minutes + pupil.minutes == pytest.approx(950 / 60, abs=0.02)
    assert pupil.tokens_per_second == pytest.approx(64.0)
    assert (teacher.size, pupil.size) == ("4 layers / 128", "2 layers / 128")


@settings(deadline=None)
@given(st.floats(0.5, 600), st.floats(1e-3, 1.0))
def test_a_plan_fills_its_minutes_and_no_more_than_half_a_step_a_phase_over(minutes: float, each: float) -> None:
    plan = plan_budget([rehearsed(seconds=[each, 2 * each])], minutes)
    (one,) = plan.recipes
    planned = one.steps[0] * each + one.steps[1] * 2 * each
    assert abs(planned - 60 * minutes * 0.95) <= 1.5 * each


def test_other_sizes_are_scaled_by_their_operations() -> None:
    sizes = plan_budget([rehearsed(), student()], 10).sizes
    assert [size.extrapolated for size in sizes] == [False] + [True] * (len(sizes) - 1)
    own = sizes[0]
    assert (own.student, own.teacher) == ("2 layers / 128", "4 layers / 128")
    by_name = {size.student: size for size in sizes}
    wider, deeper, both = by_name["2 layers / 256"], by_name["4 layers / 128"], by_name["4 layers / 256"]
    assert (deeper.teacher, wider.teacher) == ("8 layers / 128", "4 layers / 256")
    # Twice as deep costs at most twice (the vocabulary does not grow), twice as wide at most four times.
    assert own.tokens / 2 <= deeper.tokens < own.tokens
    assert own.tokens / 4 <= wider.tokens < own.tokens / 2
    assert both.tokens < min(wider.tokens, deeper.tokens)
    for size in sizes:
        assert size.tokens / own.tokens == pytest.approx(size.teacher_tokens / own.teacher_tokens, rel=1e-2)
        assert size.epochs == pytest.approx(size.tokens / 10_000, abs=1e-3)


def test_operations_are_those_of_a_count_by_hand() -> None:
    """One pre-training phase: encoder and pooler three times, and the projection of the masked share."""
    one = rehearsed(
        phases=[{"steps": 10, "batch_size": 8, "sequence_length": 16}], seconds=[1.0], projected=(0.25, 0.0)
    )
    by_name = {size.student: size for size in plan_budget([one], 10).sizes}

    def operations(layers: int, hidden: int, inner: int) -> float:
        products = layers * (16 * (4 * hidden * hidden + 2 * hidden * inner) + 2 * 16 * 16 * hidden) + hidden * hidden
        return 2 * products + 2 * 0.25 * 16 * hidden * 1000

    expected = operations(4, 128, 512) / operations(8, 64, 256)
    assert by_name["8 layers / 64"].tokens / by_name["4 layers / 128"].tokens == pytest.approx(expected, rel=1e-4)


def test_a_teacher_that_is_there_stays_as_it_is() -> None:
    sizes = plan_budget([student(teacher_revision="")], 10).sizes
    assert {size.teacher for size in sizes} == {"4 layers / 128"}
    assert {size.teacher_tokens for size in sizes} == {0}


def test_a_phase_without_a_measurement_goes_by_its_tokens_and_the_plan_says_so() -> None:
    one = rehearsed(seconds=[0.2, None], cut=True, corpus=Text(tokens=5_000_000, documents=1_000, read=10))
    assert one.step_seconds == [0.2, 0.4]
    notes = " ".join(plan_budget([one], 10).notes)
    assert "no time to measure every phase of teacher" in notes
    assert "timed by their first micro-batch" in notes
    assert "10 of 1,000 documents" in notes


def test_minutes_that_hold_no_step_are_refused() -> None:
    with pytest.raises(UsageError, match="do not hold one optimizer step of every phase"):
        plan_budget([replace(rehearsed(), seconds=[60.0, 60.0])], 1)


def test_a_streamed_corpus_has_no_epochs() -> None:
    plan = plan_budget([rehearsed(corpus=Text(tokens=0, documents=0, read=9))], 10)
    assert {plan.recipes[0].epochs, *(size.epochs for size in plan.sizes)} == {None}
    assert "The corpus is streamed" in " ".join(plan.notes)
