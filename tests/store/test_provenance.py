"""What the record of a job says beside its numbers."""

from __future__ import annotations

from pathlib import Path

from benchbert.plan import make_plan
from benchbert.resolve import resolve
from benchbert.store.provenance import provenance, relabelled
from benchbert.suite import suite_from
from benchbert.types import Result, ResultKey

RECIPES = Path(__file__).parent.parent.parent / "suites" / "recipes"


def test_jobs_of_a_control_say_of_what_and_the_recipe_s_own_job_does_not(tmp_path: Path) -> None:
    models = [
        {"name": "student", "architecture": "bert-tiny"},
        {"name": "mini-bert", "recipe": str(RECIPES / "mini-bert.toml"), "control_of": "student"},
    ]
    suite = suite_from({"name": "s", "models": models, "tasks": ["builtin/glue/sst2"]})
    lock = resolve(suite, folder=tmp_path)
    found = {job.slug.split(".s1")[0]: provenance(job, lock).get("control_of") for job in make_plan(suite, lock).jobs}
    assert found == {
        "pretrain.mini-bert": None,
        "finetune.student.builtin-glue-sst2": None,
        "predict.student.builtin-glue-sst2": None,
        "finetune.mini-bert.builtin-glue-sst2": "student",
        "predict.mini-bert.builtin-glue-sst2": "student",
        "predict.majority.builtin-glue-sst2": None,
    }


def test_a_stored_result_follows_the_labels_of_the_suite(tmp_path: Path) -> None:
    def planned(**more: str):
        recipe = str(RECIPES / "mini-bert.toml")
        models = [{"name": "a", "recipe": recipe}, {"name": "b", "architecture": f"recipe:{recipe}"} | more]
        suite = suite_from({"name": "s", "models": models, "tasks": ["builtin/glue/sst2"]})
        lock = resolve(suite, folder=tmp_path)
        return lock, next(job for job in make_plan(suite, lock).jobs if job.slug.startswith("predict.b."))

    before, job = planned()
    after, same = planned(control_of="a")
    assert job.id == same.id
    key = ResultKey(job_id=job.id, machine_id="m", environment_id="e", run_id="r")
    result = Result(key=key, job=job, status="ok", provenance=provenance(job, before), started_at="now")
    assert relabelled(result, before) is result
    labelled = relabelled(result, after)
    assert labelled.provenance == result.provenance | {"control_of": "a"}
    assert relabelled(labelled, before) == result
