"""Weights and temperatures that change over the steps, and recipes whose losses make no sense."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchbert.distillation.stages import Stages
from benchbert.errors import SuiteError
from benchbert.recipe import LATER, read_recipe
from benchbert.recipe_losses import LATER_LOSSES, Schedule, as_schedule

RECIPES = Path(__file__).parent.parent / "suites" / "recipes"

BASE = """
name = "mine"
kind = "distil"
teacher = "bert-tiny"
{top}
phases = [
  {{steps = 6, batch_size = 2, sequence_length = 16{first}}},
  {{steps = 4, batch_size = 2, sequence_length = 16}},
]
[model]
family = "bert"
[losses]
ce = 0
mlm = 0
cos = 0
{losses}
"""


def made(folder: Path, losses: str = "", top: str = "", first: str = "") -> Any:
    path = folder / "mine.toml"
    path.write_text(BASE.format(losses=losses, top=top, first=first))
    return read_recipe(path)


def test_a_line_goes_from_its_first_value_to_its_last() -> None:
    line = Schedule(first=4.0, last=1.0)
    assert [line.at(step, 4) for step in range(4)] == [4.0, 3.0, 2.0, 1.0]
    inside = Schedule(first=1.0, last=3.0, after=0.2, until=0.5)
    assert [inside.at(step, 10) for step in range(10)] == [0, 0, 1, 2, 3, 0, 0, 0, 0, 0]
    assert [as_schedule({"first": 2.0, "after": 0.5}).at(step, 4) for step in range(4)] == [0, 0, 2, 2]
    assert {as_schedule(3).at(step, 4) for step in range(4)} == {3.0}


@settings(deadline=None)
@given(st.floats(0, 10), st.floats(0, 10), st.floats(0, 0.9), st.integers(1, 500), st.data())
def test_a_schedule_stays_between_its_ends(first: float, last: float, after: float, steps: int, data: Any) -> None:
    schedule = Schedule(first=first, last=last, after=after)
    step = data.draw(st.integers(0, steps - 1))
    low, high = min(first, last), max(first, last)
    value = schedule.at(step, steps)
    assert value == 0.0 or low - 1e-9 <= value <= high + 1e-9
    assert (step >= round(after * steps)) or value == 0.0


def test_phases_and_schedules_say_what_holds_when(tmp_path: Path) -> None:
    recipe = made(
        tmp_path,
        losses="hidden = 1\nattention = {first = 1, last = 0}\nprediction = {first = 2, after = 0.6}",
        top="temperature = {first = 4, last = 1}",
        first=', losses = ["hidden", "attention"], layers = [0]',
    )
    stages = Stages(recipe.settings)
    assert stages.names == ["prediction", "attention", "hidden"]
    held = [{k: v for k, v in stages.at(step).weights.items() if v} for step in range(10)]
    assert held[0] == {"attention": 1.0, "hidden": 1.0}
    assert held[3] == {"attention": pytest.approx(2 / 3), "hidden": 1.0}
    assert held[6] == {"attention": pytest.approx(1 / 3), "hidden": 1.0, "prediction": 2.0}
    assert held[9] == {"hidden": 1.0, "prediction": 2.0}
    assert [stages.at(step).layers for step in (0, 5, 6)] == [(0,), (0,), ()]
    assert [stages.at(step).temperature for step in (0, 9)] == [4.0, 1.0]


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({}, "all weights are 0; nothing would be learnt"),
        ({"losses": "hidden = -1"}, "losses.hidden: a weight is negative"),
        ({"losses": "hidden = {first = 1, after = 0.5}"}, "all weights are 0 at step 1"),
        ({"losses": "hidden = {first = 1, last = 0}"}, "all weights are 0 at step 10"),
        (
            {"losses": "hidden = {first = 1, until = 0.3}\npkd = {first = 1, after = 0.4}"},
            "all weights are 0 at step 4",
        ),
        ({"losses": "hidden = {first = 1, after = 0.5, until = 0.2}"}, "in this order"),
        ({"losses": "hidden = {frist = 1}"}, "losses.hidden"),
        ({"losses": "hiden = 1"}, "did you mean 'hidden'"),
        ({"losses": "hidden = 1", "first": ', losses = ["hiden"]'}, r"phases\[0\].losses: should be some of"),
        ({"losses": "hidden = 1", "first": ', losses = ["pkd"]'}, "'pkd' has no weight"),
        ({"losses": "hidden = 1", "top": "temperature = 0"}, "temperature: should be above 0"),
        ({"losses": "hidden = 1", "top": "temperature = {first = 2, last = 0}"}, "temperature: should be above 0"),
        ({"losses": "hidden = 1", "top": "temperature = {first = 2, after = 0.5}"}, "holds over all steps"),
        ({"losses": "hidden = 1", "top": "layer_map = [1, 1]"}, "rising order"),
        ({"losses": "hidden = 1", "top": "layer_map = [-1, 1]"}, "numbered from 0"),
        ({"losses": "hidden = 1", "top": 'layer_map = "odd"'}, "layer_map: should be"),
        ({"losses": "hidden = 1", "top": 'mode = "mine"'}, "mode: should be"),
        ({"losses": "hidden = 1", "top": "relation_heads = -1"}, "relation_heads"),
    ],
)
def test_losses_that_make_no_sense_are_refused(tmp_path: Path, parts: dict[str, str], said: str) -> None:
    with pytest.raises(SuiteError, match=said):
        made(tmp_path, **parts)


def test_a_loss_that_no_phase_names_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    text = BASE.format(losses="hidden = 1\npkd = 1", top="", first=', losses = ["hidden"]')
    path.write_text(text.replace("sequence_length = 16}", 'sequence_length = 16, losses = ["hidden"]}'))
    with pytest.raises(SuiteError, match=r"losses.pkd: no phase names it"):
        read_recipe(path)


OLDER = [path for path in sorted(RECIPES.glob("*distilbert*.toml")) if path.stem != "miniature-distilbert-random-start"]
"""All but one that uses a younger setting."""


@pytest.mark.parametrize("path", OLDER, ids=lambda path: path.stem)
def test_a_recipe_without_the_younger_settings_has_the_digest_that_it_always_had(path: Path) -> None:
    """Results stored before these settings were there hang on it."""
    found = read_recipe(path).settings
    assert LATER.keys().isdisjoint(found)
    assert LATER_LOSSES.isdisjoint(found["losses"])
    assert all(set(phase) == {"steps", "batch_size", "sequence_length", "pairs"} for phase in found["phases"])
    assert isinstance(found["temperature"], float)


def test_what_differs_from_the_default_is_part_of_the_digest(tmp_path: Path) -> None:
    plain = made(tmp_path, losses="hidden = 1")
    others = [
        made(tmp_path, losses="hidden = 2"),
        made(tmp_path, losses="hidden = {first = 1, last = 2}"),
        made(tmp_path, losses="hidden = 1", top='mode = "code"'),
        made(tmp_path, losses="hidden = 1", top='layer_map = "last"'),
        made(tmp_path, losses="hidden = 1", first=", layers = [0]"),
    ]
    assert len({recipe.digest for recipe in (plain, *others)}) == 6
