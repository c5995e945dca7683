"""Suite files: what is read, and what bad ones get."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchbert.errors import SuiteError
from benchbert.resolve import resolve
from benchbert.suite import ModelEntry, read_suite, suite_from

GOOD = {"name": "s", "models": ["bert-tiny"], "tasks": ["builtin/glue/sst2"]}


def controlled(name: str) -> list[object]:
    """A registered model, a student, and a control of the model of that name."""
    control = {"name": "control", "architecture": "bert-tiny", "control_of": name}
    return ["bert-mini", {"name": "student", "architecture": "bert-tiny"}, control]


def problems(**changes: object) -> list[str]:
    with pytest.raises(SuiteError) as caught:
        suite_from(GOOD | changes)
    return list(caught.value.problems)


def test_the_suite_of_the_documentation_is_read(tmp_path: Path) -> None:
    (tmp_path / "checkpoint").mkdir()
    path = tmp_path / "s.toml"
    path.write_text(
        """
        name = "glue-base"
        models = ["bert-base-uncased", "distilbert-*", {name = "mine", folder = "checkpoint"}]
        tasks = ["glue/*", "squad"]
        seeds = [1, 2, 3]
        [finetune]
        epochs = 3
        learning_rate = 5e-5
        batch_size = 32
        max_length = 128
        [finetune.per_task."glue/rte"]
        epochs = 10
        [finetune.per_model."mobilebert-*"]
        learning_rate = 1e-4
        [profile]
        profilers = ["latency", "throughput", "memory", "size"]
        backends = ["eager"]
        devices = ["cpu"]
        dtypes = ["float32", "bfloat16"]
        batch_sizes = [1, 8]
        sequence_lengths = [128]
        threads = [1]
        """
    )
    suite = read_suite(path)
    assert suite.finetune is not False
    assert suite.finetune.settings("bert-tiny", "glue/rte", "classification").epochs == 10
    assert suite.finetune.settings("bert-tiny", "glue/cola", "classification").epochs == 3
    both = suite.finetune.settings("mobilebert-uncased", "glue/rte", "classification")
    assert (both.epochs, both.learning_rate) == (10, 1e-4)


def test_models_go_before_tasks() -> None:
    tables = {"per_task": {"*": {"epochs": 5}}, "per_model": {"bert-*": {"epochs": 7}}}
    suite = suite_from(GOOD | {"finetune": tables})
    assert suite.finetune is not False
    assert suite.finetune.settings("bert-tiny", "builtin/glue/sst2", "classification").epochs == 7
    assert suite.finetune.settings("albert-base-v2", "builtin/glue/sst2", "classification").epochs == 5


def test_all_problems_are_listed_at_once_with_key_and_mend() -> None:
    found = problems(taskz=["x"], seeds=["1"], finetune={"epochs": "3"}, profile={"dtypes": ["float31"]})
    text = "\n".join(found)
    assert len(found) == 4
    assert "taskz: unknown key; did you mean 'tasks'?" in text
    assert "seeds[0]: should be a integer" in text or "seeds[0]: should be" in text
    assert "finetune.epochs" in text
    assert "'float32', 'bfloat16', 'float16' or 'int8'" in text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"models": ["bert-tinny"]}, "did you mean 'bert-tiny'"),
        ({"tasks": ["builtin/glue/sst3"]}, "did you mean"),
        ({"models": []}, "models: the list is empty"),
        ({"tasks": []}, "nothing to do"),
        ({"seeds": []}, "seeds: the list is empty"),
        ({"seeds": [1, 1]}, "twice"),
        ({"profile": {"batch_sizes": []}}, "the grid has no cell"),
        ({"profile": {"threads": [0]}}, "at least 1"),
        ({"profile": {"devices": ["gpu"]}}, "'cpu', 'cuda' or 'cuda:N'"),
        ({"profile": {"profilers": ["latancy"]}}, "did you mean 'latency'"),
        ({"models": [{"name": "m"}]}, "one of folder, recipe, hub and architecture"),
        ({"models": [{"name": "m", "folder": "nowhere"}]}, "there is no folder"),
        ({"models": [{"name": "m", "recipe": "nowhere.toml"}]}, "there is no file"),
        ({"models": [{"name": "m", "hub": "a/b"}, {"name": "m", "hub": "a/c"}]}, "two are named 'm'"),
        ({"finetune": {"epochs": 0}}, "finetune.epochs: should be above 0"),
        ({"finetune": {"per_task": {"glue/rte": {"learning_rate": -1.0}}}}, 'per_task."glue/rte".learning_rate'),
        ({"name": "../up"}, "cannot be the name of a folder"),
        ({"seeds": [-1]}, "seeds[0]: should be at least 0"),
        ({"finetune": {"clip": -1.0}}, "finetune.clip: should be above 0"),
        ({"finetune": {"warmup": 7.0}}, "finetune.warmup: should be a share"),
        ({"finetune": {"stride": -3}}, "finetune.stride"),
        ({"finetune": {"max_length": 1}}, "finetune.max_length: should be at least 8"),
        ({"finetune": {"weight_decay": float("nan")}}, "finetune.weight_decay: should be a finite number"),
        ({"time_limit": float("inf")}, "time_limit: should be a finite number"),
        ({"profile": {"devices": ["cuda:²"]}}, "'cpu', 'cuda' or 'cuda:N'"),
        ({"finetune": {"per_task": {"glue/rtte": {"epochs": 3}}}}, "did you mean 'glue/rte'"),
        ({"models": [{"name": "majority", "architecture": "bert-tiny"}]}, "the name of the majority baseline"),
        ({"scored_on": "validaton"}, "scored_on: should be 'validation' or 'test'"),
        (
            {"scored_on": "test", "tasks": ["glue/cola", "builtin/glue/*", "squad"]},
            "scored_on: glue/cola, squad cannot",
        ),
        ({"models": controlled("stdent")}, "no model 'stdent'; did you mean 'student'?"),
        ({"models": controlled("control")}, "'control' cannot be a control of itself"),
        (
            {"models": [*controlled("student"), {"name": "c", "architecture": "bert-tiny", "control_of": "control"}]},
            "'control' is itself a control, of 'student'",
        ),
        ({"models": controlled("majority")}, "no model 'majority'"),
        ({"models": controlled("bert-*")}, "no model 'bert-*'"),
    ],
)
def test_one_problem_one_line(changes: dict[str, object], said: str) -> None:
    found = problems(**changes)
    assert len(found) == 1
    assert said in found[0]


@pytest.mark.parametrize("name", ["student", "bert-mini"])
def test_a_control_may_be_of_any_other_model_of_the_suite(name: str) -> None:
    suite = suite_from(GOOD | {"models": controlled(name)})
    assert not isinstance(suite.models[2], str)
    assert suite.models[2].control_of == name


def test_generated_tasks_can_be_scored_on_their_test_split() -> None:
    suite = suite_from(GOOD | {"tasks": ["builtin/*"], "scored_on": "test"})
    assert suite.scored_on == "test"
    assert suite.majority


def test_a_suite_may_only_score(tmp_path: Path) -> None:
    assert suite_from(GOOD | {"finetune": False}).finetune is False


def test_no_such_file_says_which_is_near(tmp_path: Path) -> None:
    (tmp_path / "quickstart.toml").write_text("")
    with pytest.raises(SuiteError, match=r"did you mean .*quickstart\.toml"):
        read_suite(tmp_path / "quickstrat.toml")


@pytest.mark.parametrize("content", [b"name = ", b"\xff\xfe", b"x = 2020-01-01"])
def test_what_is_not_a_suite_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "s.toml"
    path.write_bytes(content)
    with pytest.raises(SuiteError) as caught:
        read_suite(path)
    assert str(path) in str(caught.value)


def test_what_a_recipe_in_sight_makes_is_a_model_by_its_name() -> None:
    suite = suite_from({"name": "s", "models": ["recipe:mini-bert"], "tasks": ["builtin/glue/sst2"]})
    assert suite.models == (ModelEntry(name="mini-bert", recipe="mini-bert"),)
    lock = resolve(suite, folder=Path.cwd())
    assert lock.models["mini-bert"].weights == "recipe"
    assert [recipe.settings["name"] for recipe in lock.recipes.values()] == ["mini-bert"]


def test_an_unknown_recipe_says_which_is_near() -> None:
    with pytest.raises(SuiteError, match=r"recipe: there is no file .*did you mean the recipe 'mini-bert'"):
        suite_from({"name": "s", "models": ["recipe:mini-bret"], "tasks": ["builtin/glue/sst2"]})
