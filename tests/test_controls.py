"""Controls: random weights of another architecture show nothing of what training bought."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchbert.errors import SuiteError
from benchbert.resolve import resolve
from benchbert.suite import suite_from

RECIPES = Path(__file__).parent.parent / "suites" / "recipes"


def controlled(model: dict[str, Any], architecture: str) -> str:
    """`control_of` in the Lock of a suite with a model and a control of random weights."""
    control = {"name": "control", "architecture": architecture, "control_of": "model"}
    data = {"name": "s", "models": [{"name": "model"} | model, control], "tasks": ["builtin/glue/sst2"]}
    return resolve(suite_from(data, folder=RECIPES), folder=RECIPES).models["control"].control_of


@pytest.mark.parametrize(
    ("model", "architecture"),
    [
        ({"architecture": "bert-tiny"}, "bert-tiny"),
        ({"recipe": "mini-bert.toml"}, "recipe:mini-bert.toml"),
        ({"recipe": "mini-bert.toml"}, "recipe:miniature-bert.toml"),
        ({"recipe": "mini-distilbert.toml"}, "recipe:mini-distilbert.toml"),
    ],
)
def test_the_same_architecture_is_a_control(model: dict[str, Any], architecture: str) -> None:
    assert controlled(model, architecture) == "model"


@pytest.mark.parametrize(
    ("model", "architecture"),
    [
        ({"architecture": "bert-tiny"}, "bert-mini"),
        ({"recipe": "mini-bert.toml"}, "recipe:mini-albert.toml"),
        ({"recipe": "mini-bert.toml"}, "recipe:miniature-bert-2-layers.toml"),
        ({"recipe": "mini-bert.toml"}, "bert-tiny"),
    ],
)
def test_another_architecture_is_none(model: dict[str, Any], architecture: str) -> None:
    with pytest.raises(SuiteError, match="'control' has random weights and another architecture than 'model'"):
        controlled(model, architecture)
