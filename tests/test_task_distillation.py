"""Task teachers in a suite: what a method stands for, which jobs there are, what is refused."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from benchbert.errors import SuiteError
from benchbert.plan import Plan, make_plan
from benchbert.resolve import resolve
from benchbert.suite import Suite, read_suite, suite_from
from benchbert.task_distillation import TaskDistillation
from benchbert.types import Job, digest

RECIPES = Path(__file__).parent.parent / "suites" / "recipes"


def planned(**changes: Any) -> tuple[Suite, Plan]:
    suite = suite_from(suite_data(**changes), folder=RECIPES)
    return suite, make_plan(suite, resolve(suite, folder=RECIPES))


def suite_data(**changes: Any) -> dict[str, Any]:
    student = {"name": "student", "recipe": "mini-distilbert.toml", "task_teacher": "teacher"}
    return {
        "name": "s",
        "models": [{"name": "teacher", "recipe": "mini-bert.toml"}, student],
        "tasks": ["builtin/glue/sst2"],
        "majority": False,
    } | changes


def taught(task_teacher: str = "teacher", **student: Any) -> list[dict[str, Any]]:
    """Models: a teacher and a student with these keys."""
    below = {"name": "student", "recipe": "mini-distilbert.toml", "task_teacher": task_teacher} | student
    return [{"name": "teacher", "recipe": "mini-bert.toml"}, below]


def heads(plan: Plan) -> dict[str, Job]:
    return {job.slug: job for job in plan.jobs if job.kind == "finetune"}


# --- what a method stands for ---------------------------------------------------------------------------------------


def test_distilbert_is_half_labels_and_half_teacher_at_a_temperature_of_two() -> None:
    assert TaskDistillation().settings == {
        "losses": {"labels": 0.5, "logits": 0.5},
        "stages": [{"share": 1.0, "losses": ["labels", "logits"]}],
        "temperature": 2.0,
    }


def test_tinybert_compares_layers_first_and_predictions_then() -> None:
    settings = TaskDistillation(method="tinybert").settings
    assert settings["losses"] == {"logits": 1.0, "attention": 1.0, "hidden": 1.0}
    first, second = settings["stages"]
    assert (first["losses"], second["losses"]) == (["attention", "hidden"], ["logits"])
    assert (first["share"] * 23, second["share"] * 23) == pytest.approx((20, 3))
    assert (settings["layer_map"], settings["temperature"]) == ("uniform", 1.0)


def test_pkd_has_labels_teacher_and_class_tokens() -> None:
    settings = TaskDistillation(method="pkd").settings
    assert settings["losses"] == {"labels": 0.5, "logits": 0.5, "pkd": 100.0}
    assert (settings["layer_map"], settings["temperature"]) == ("skip", 10.0)


def test_a_stage_without_a_loss_that_weighs_goes() -> None:
    settings = TaskDistillation(method="tinybert", attention=0.0, hidden=0.0).settings
    assert settings["stages"] == [{"share": 1.0, "losses": ["logits"]}]
    assert "layer_map" not in settings


def test_a_method_and_the_keys_that_it_stands_for_make_the_same_job() -> None:
    named = heads(planned(models=taught(task_distillation="pkd"))[1])
    keys = {"labels": 0.5, "logits": 0.5, "pkd": 100.0, "temperature": 10.0, "layer_map": "skip"}
    written = heads(planned(models=taught(task_distillation=keys))[1])
    assert {job.id for job in named.values()} == {job.id for job in written.values()}


# --- jobs -----------------------------------------------------------------------------------------------------------


def test_a_student_stands_on_its_teachers_head_of_the_same_task_and_seed() -> None:
    _, plan = planned(tasks=["builtin/glue/sst2", "builtin/squad"], seeds=[1, 2])
    found = heads(plan)
    assert len(found) == 2 * 2 * 2
    for task in ("builtin-glue-sst2", "builtin-squad"):
        for seed in ("s1", "s2"):
            student, teacher = (found[f"finetune.{name}.{task}.{seed}"] for name in ("student", "teacher"))
            assert student.inputs["task_teacher"] == teacher.id
            assert "task_teacher" not in teacher.inputs
    seen: set[str] = set()
    for job in plan.jobs:
        assert set(job.inputs.values()) <= seen
        seen.add(job.id)


@pytest.mark.parametrize("teacher", ["./mini-bert.toml", "mini-bert.toml", "recipe:mini-bert"])
def test_a_teacher_that_is_not_compared_is_fine_tuned_and_not_scored(teacher: str) -> None:
    _, plan = planned(models=taught(teacher)[1:])
    assert [job.slug for job in plan.jobs] == [
        "pretrain.mini-bert",
        "distil.mini-distilbert",
        "finetune.mini-bert.builtin-glue-sst2.s1",
        "finetune.student.builtin-glue-sst2.s1",
        "predict.student.builtin-glue-sst2.s1",
    ]


def test_a_registered_model_can_teach() -> None:
    _, plan = planned(models=taught("bert-tiny")[1:], weights="random")
    assert heads(plan)["finetune.bert-tiny.builtin-glue-sst2.s1"].spec["weights"] == "random"


def test_the_diagnostics_follow_their_source() -> None:
    _, plan = planned(tasks=["builtin/glue/mnli", "builtin/glue/ax"])
    scored = [job for job in plan.jobs if job.kind == "predict" and job.spec["model"] == "student"]
    assert len(scored) == 2
    assert {job.inputs["head"] for job in scored} == {heads(plan)["finetune.student.builtin-glue-mnli.s1"].id}


def test_a_chain_of_teachers_is_made_from_above() -> None:
    top = {"name": "top", "recipe": "miniature-bert.toml"}
    models = [*taught("middle")[1:], {"name": "middle", "recipe": "mini-bert.toml", "task_teacher": "top"}, top]
    found = heads(planned(models=models)[1])
    assert [slug.split(".")[1] for slug in found] == ["top", "middle", "student"]


def test_a_control_without_teacher_and_everything_else_keeps_its_jobs() -> None:
    plain = {"name": "plain", "recipe": "mini-distilbert.toml"}
    _, alone = planned(models=[*taught()[:1], plain])
    _, beside = planned(models=[*taught(), plain | {"control_of": "student"}])
    assert {job.id for job in alone.jobs} <= {job.id for job in beside.jobs}
    assert all("task_distillation" not in job.spec for job in alone.jobs)


def test_a_suite_without_the_younger_keys_keeps_its_digest() -> None:
    suite = suite_from(suite_data(models=[{"name": "teacher", "recipe": "mini-bert.toml"}]), folder=RECIPES)
    said = asdict(suite)
    later = {"task_teacher", "task_distillation", "recipe_seeds"}
    said["models"] = [{k: v for k, v in m.items() if k not in later} for m in said["models"]]
    assert suite.digest == digest(said)


def test_weights_change_the_students_head_alone() -> None:
    _, one = planned()
    _, other = planned(models=taught(task_distillation={"labels": 0.3}))
    changed = {job.slug for job, twin in zip(one.jobs, other.jobs, strict=True) if job.id != twin.id}
    assert changed == {"finetune.student.builtin-glue-sst2.s1", "predict.student.builtin-glue-sst2.s1"}


def test_more_sentences_come_from_the_teacher_as_it_was_pre_trained() -> None:
    how = {"method": "tinybert", "augment": {"copies": 3}}
    tasks = ["builtin/glue/sst2", "builtin/squad"]
    _, plan = planned(models=taught(task_distillation=how), tasks=tasks)
    by_slug = {job.slug: job for job in plan.jobs}
    student = by_slug["finetune.student.builtin-glue-sst2.s1"]
    assert student.inputs["masked_lm"] == by_slug["pretrain.mini-bert"].id
    assert student.spec["task_distillation"]["augment"] == {
        "copies": 3,
        "probability": 0.4,
        "candidates": 15,
        "seed": 1,
    }
    squad = by_slug["finetune.student.builtin-squad.s1"]
    assert "masked_lm" not in squad.inputs
    assert "augment" not in squad.spec["task_distillation"]


def test_random_weights_make_no_sentences() -> None:
    models = taught(task_distillation={"augment": {}})
    models[0] = {"name": "teacher", "architecture": "bert-tiny"}
    job = heads(planned(models=models)[1])["finetune.student.builtin-glue-sst2.s1"]
    assert "its teacher 'teacher' has random weights" in job.blocked


# --- mistakes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("student", "told"),
    [
        ({"task_teacher": "techer"}, "did you mean"),
        ({"task_teacher": "student"}, "'student' would be taught by itself"),
        ({"task_teacher": "bert-*"}, "'bert-*' is a pattern; name one model"),
        ({"task_teacher": "./none.toml"}, "there is no file"),
        ({"task_teacher": "./none"}, "there is no folder"),
        ({"task_teacher": "", "task_distillation": "pkd"}, "needs a task_teacher"),
        ({"task_distillation": "tinybird"}, "task_distillation: should be 'distilbert', 'tinybert' or 'pkd'"),
        ({"task_distillation": {"logit": 1.0}}, "task_distillation.logit: unknown key; did you mean 'logits'?"),
        ({"task_distillation": {"logits": -1.0}}, "task_distillation.logits: a weight is negative"),
        ({"task_distillation": {"logits": 0.0}}, "nothing would be learnt from the teacher"),
        ({"task_distillation": {"temperature": 0.0}}, "temperature: should be above 0"),
        ({"task_distillation": {"method": "tinybert", "labels": 1.0}}, "labels: no stage names it"),
        ({"task_distillation": {"stages": [{"share": 0.5, "losses": ["labels", "logits"]}]}}, "add up to 0.5"),
        ({"task_distillation": {"stages": [{"share": 1.0, "losses": ["cos"]}]}}, "should be some of labels, logits"),
        ({"task_distillation": {"stages": [{"share": 1.0, "losses": ["pkd"]}]}}, "'pkd' has no weight"),
        ({"task_distillation": {"augment": {"copies": 0}}}, "augment.copies: should be at least 1"),
        ({"task_distillation": {"augment": {"probability": 1.5}}}, "augment.probability: should be above 0"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_key(student: dict[str, Any], told: str) -> None:
    with pytest.raises(SuiteError) as caught:
        suite_from(suite_data(models=taught(**student)), folder=RECIPES)
    assert told in str(caught.value)


def test_teachers_in_a_circle_are_refused() -> None:
    models = taught()
    models[0]["task_teacher"] = "student"
    with pytest.raises(SuiteError, match="'teacher' would be taught by itself over student"):
        suite_from(suite_data(models=models), folder=RECIPES)


def test_a_suite_that_does_not_fine_tune_has_nothing_to_teach() -> None:
    with pytest.raises(SuiteError, match="does not fine-tune"):
        suite_from(suite_data(finetune=False), folder=RECIPES)


def test_a_recipe_that_would_be_called_like_another_model_is_refused() -> None:
    models = [{"name": "mini-bert", "recipe": "mini-albert.toml"}, *taught("mini-bert.toml")[1:]]
    with pytest.raises(SuiteError, match="would be called 'mini-bert', as 'mini-bert' is"):
        suite_from(suite_data(models=models), folder=RECIPES)


# --- the example ----------------------------------------------------------------------------------------------------


def test_the_shipped_suite_shows_each_method_beside_its_control() -> None:
    path = RECIPES.parent / "task-distillation.toml"
    suite = read_suite(path)
    lock = resolve(suite, folder=path.parent)
    plan = make_plan(suite, lock)
    assert not [job.blocked for job in plan.jobs if job.blocked]
    methods = {name: lock.models[name] for name in lock.compared if lock.models[name].task_teacher}
    assert {model.task_teacher for model in methods.values()} == {"bert"}
    controls = {lock.models[name].control_of for name in lock.compared} - {""}
    assert controls <= methods.keys()
    assert controls
    assert {task.split("/")[-1] for task in lock.tasks} >= {"stsb", "squad"}
