"""Plans: which jobs a suite becomes, and what makes two jobs the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchbert.errors import SuiteError, UsageError
from benchbert.plan import Plan, make_plan
from benchbert.resolve import resolve
from benchbert.suite import Suite, read_suite, suite_from
from benchbert.types import Job, Resources

RECIPES = Path(__file__).parent.parent / "suites" / "recipes"


def planned(tmp_path: Path, **changes: object) -> tuple[Suite, Plan]:
    data = {
        "name": "s",
        "models": [
            {"name": "student", "recipe": str(RECIPES / "mini-distilbert.toml")},
            {"name": "control", "architecture": "bert-tiny"},
        ],
        "tasks": ["builtin/glue/sst2", "builtin/squad"],
        "seeds": [1, 2],
        "profile": {"profilers": ["latency"], "batch_sizes": [1, 8]},
    }
    suite = suite_from(data | changes)
    return suite, make_plan(suite, resolve(suite, folder=tmp_path))


def test_the_graph_is_recipes_then_heads_then_predictions_and_profiles(tmp_path: Path) -> None:
    _, plan = planned(tmp_path)
    kinds = [job.kind for job in plan.jobs]
    assert kinds.count("pretrain") == 1  # the student's teacher, which the suite does not name
    assert kinds.count("distil") == 1
    assert kinds.count("finetune") == 2 * 2 * 2
    assert kinds.count("predict") == 2 * 2 * 2 + 2  # and the majority baseline, once a task
    assert kinds.count("profile") == 2 * 2
    seen: set[str] = set()
    for job in plan.jobs:
        assert set(job.inputs.values()) <= seen
        seen.add(job.id)


def test_two_names_of_one_recipe_share_its_job(tmp_path: Path) -> None:
    twice = [{"name": n, "recipe": str(RECIPES / "mini-bert.toml")} for n in ("a", "b")]
    _, plan = planned(tmp_path, models=twice)
    assert [job.kind for job in plan.jobs].count("pretrain") == 1


def test_ids_depend_on_what_decides_the_outcome_and_on_nothing_else(tmp_path: Path) -> None:
    _, plan = planned(tmp_path)
    _, again = planned(tmp_path)
    assert [job.id for job in plan.jobs] == [job.id for job in again.jobs]
    job = plan.jobs[0]
    assert replace(job, resources=Resources(cpus=9), slug="other", blocked="why").id == job.id
    for change in ({"seed": 9}, {"dtype": "float16"}, {"threads": 7}, {"task_version": 9}, {"protocol_hash": "x"}):
        assert replace(job, **change).id != job.id


def test_learning_rate_changes_heads_but_not_recipes_or_profiles(tmp_path: Path) -> None:
    _, plan = planned(tmp_path)
    _, other = planned(tmp_path, finetune={"learning_rate": 1e-3})
    changed = {job.kind for job, twin in zip(plan.jobs, other.jobs, strict=True) if job.id != twin.id}
    assert changed == {"finetune", "predict"}


def test_only_keeps_what_the_wanted_jobs_stand_on(tmp_path: Path) -> None:
    _, plan = planned(tmp_path)
    kept = plan.only("predict.student.builtin-squad.s1")
    assert [job.kind for job in kept.jobs] == ["pretrain", "distil", "finetune", "predict"]
    with pytest.raises(UsageError, match="matches no job"):
        plan.only("nothing*")


def test_diagnostics_are_scored_by_the_head_of_mnli(tmp_path: Path) -> None:
    _, plan = planned(tmp_path, tasks=["builtin/glue/mnli", "builtin/glue/ax"], seeds=[1])
    heads = [job for job in plan.jobs if job.kind == "finetune"]
    assert {job.spec["task"] for job in heads} == {"builtin/glue/mnli"}
    assert len(heads) == 2  # one a model: mnli and ax share it


def test_the_majority_baseline_is_one_job_a_task_that_needs_nothing_else(tmp_path: Path) -> None:
    suite, plan = planned(tmp_path, seeds=[7, 2])
    jobs = [job for job in plan.jobs if job.spec["model"] == "majority"]
    assert [job.spec["task"] for job in jobs] == list(suite.tasks)
    for job in jobs:
        assert (job.kind, job.seed, job.threads, job.dtype, job.inputs) == ("predict", 7, 1, "float32", {})
        assert {"family": "", "weights": "constant", "revision": "1", "backend": "constant"}.items() <= job.spec.items()
        assert job.spec["splits"] == ["validation"]
        assert job.slug == f"predict.majority.{job.spec['task'].replace('/', '-')}.s7"
        assert not job.blocked
    _, without = planned(tmp_path, seeds=[7, 2], majority=False)
    assert {job.id for job in plan.jobs} - {job.id for job in without.jobs} == {job.id for job in jobs}


def test_the_diagnostics_baseline_learns_from_mnli(tmp_path: Path) -> None:
    _, plan = planned(tmp_path, tasks=["builtin/glue/mnli", "builtin/glue/ax"])
    mnli, ax = (job for job in plan.jobs if job.spec["model"] == "majority")
    assert ax.spec["training_fingerprint"]
    assert "training_fingerprint" not in mnli.spec
    _, alone = planned(tmp_path, tasks=["builtin/glue/ax"])
    (blocked,) = (job.blocked for job in alone.jobs if job.spec["model"] == "majority")
    assert "add 'builtin/glue/mnli' to tasks" in blocked


def test_scoring_on_test_changes_what_is_predicted_and_nothing_that_is_trained(tmp_path: Path) -> None:
    tasks = ["builtin/glue/mnli", "builtin/glue/ax", "builtin/squad"]
    _, plan = planned(tmp_path, tasks=tasks)
    _, test = planned(tmp_path, tasks=tasks, scored_on="test")
    changed = {job.kind for job, twin in zip(plan.jobs, test.jobs, strict=True) if job.id != twin.id}
    assert changed == {"predict"}
    splits = {job.spec["task"]: job.spec["splits"] for job in test.jobs if job.kind == "predict"}
    assert splits == {
        "builtin/glue/mnli": ["hidden_test_matched", "hidden_test_mismatched"],
        "builtin/glue/ax": ["hidden_test"],
        "builtin/squad": ["hidden_test"],
    }


def test_being_a_control_changes_no_job_and_saves_the_profiles(tmp_path: Path) -> None:
    path = str(RECIPES / "mini-bert.toml")
    models = [{"name": "a", "recipe": path}, {"name": "b", "architecture": f"recipe:{path}"}]
    _, plan = planned(tmp_path, models=models)
    _, other = planned(tmp_path, models=[models[0], models[1] | {"control_of": "a"}])
    kept = [job.id for job in plan.jobs if (job.kind, job.spec["model"]) != ("profile", "b")]
    assert len(kept) < len(plan.jobs)
    assert kept == [job.id for job in other.jobs]


def test_cells_that_this_machine_cannot_measure_say_why(tmp_path: Path) -> None:
    _, plan = planned(tmp_path, profile={"profilers": ["latency"], "threads": [999], "devices": ["cpu", "cuda:7"]})
    reasons = {job.blocked for job in plan.jobs if job.kind == "profile"}
    assert any("999 threads" in reason for reason in reasons)
    assert any("cuda:7" in reason for reason in reasons)


def test_training_on_a_device_that_is_not_there_is_said_before_anything_runs(tmp_path: Path) -> None:
    suite, _ = planned(tmp_path, finetune={"device": "cuda"})
    lock = replace(resolve(suite, folder=tmp_path), gpus=0)
    blocked = {job.kind for job in make_plan(suite, lock).jobs if "no CUDA device" in job.blocked}
    assert blocked == {"pretrain", "distil", "finetune", "predict"}


def test_a_model_that_cannot_be_had_blocks_its_own_jobs_only(tmp_path: Path) -> None:
    models = [{"name": "broken", "folder": str(tmp_path)}, {"name": "fine", "architecture": "bert-tiny"}]
    _, plan = planned(tmp_path, models=models)
    assert all(bool(job.blocked) == (job.spec["model"] == "broken") for job in plan.jobs)


def test_remaining_paths_are_the_longest_ones() -> None:
    def job(name: str, seconds: float, *below: Job) -> Job:
        inputs = {f"role{i}": b.id for i, b in enumerate(below)}
        return Job(kind="predict", spec={"n": name}, inputs=inputs, resources=Resources(estimate=seconds))

    a = job("a", 1)
    b, c = job("b", 10, a), job("c", 2, a)
    d = job("d", 5, b, c)
    remaining = Plan((a, b, c, d)).remaining
    assert [remaining[x.id] for x in (a, b, c, d)] == [16, 15, 7, 5]


def test_the_controls_of_miniature_stand_beside_its_models() -> None:
    """Of the models and tasks that both suites have, the jobs are the same: a run into one folder repeats nothing."""
    suites = RECIPES.parent
    jobs = {}
    for name in ("miniature", "miniature-controls"):
        suite = read_suite(suites / f"{name}.toml")
        plan = make_plan(suite, resolve(suite, folder=suites))
        jobs[name] = {job.id: job.spec["model"] for job in plan.jobs}
    new = {model for id, model in jobs["miniature-controls"].items() if id not in jobs["miniature"]}
    assert new == {"bert-2-layers", "miniature-bert-2-layers", "distilbert-mlm", "miniature-distilbert-mlm"}


@pytest.mark.parametrize(
    ("finetune", "sentences", "spans"),
    [
        ({}, 128, 384),
        ({"max_length": 64}, 64, 64),
        ({"max_length": 128}, 128, 128),  # said, so it holds for spans too
        ({"per_task": {"builtin/squad": {"max_length": 96}}}, 128, 96),
        ({"per_model": {"control": {"max_length": 48}}}, 128, 384),
    ],
)
def test_a_length_that_nobody_says_is_that_of_the_head(
    tmp_path: Path, finetune: dict[str, object], sentences: int, spans: int
) -> None:
    _, plan = planned(tmp_path, finetune=finetune)
    jobs = [job for job in plan.jobs if job.kind in {"finetune", "predict"} and job.spec["model"] == "student"]
    assert {job.kind for job in jobs} == {"finetune", "predict"}
    found = {job.spec["task"]: job.spec["settings"]["max_length"] for job in jobs}
    assert found == {"builtin/glue/sst2": sentences, "builtin/squad": spans}


def test_saying_the_length_of_the_heads_changes_no_job(tmp_path: Path) -> None:
    _, plan = planned(tmp_path)
    _, said = planned(tmp_path, finetune={"max_length": 128, "per_task": {"builtin/squad": {"max_length": 384}}})
    assert [job.id for job in plan.jobs] == [job.id for job in said.jobs]


def test_shipped_suites_say_their_lengths() -> None:
    """Their results must not change with a default."""
    for path in RECIPES.parent.glob("*.toml"):
        suite = read_suite(path)
        assert not suite.tasks or (suite.finetune is not False and suite.finetune.max_length)


def test_a_recipe_can_be_carried_out_once_for_each_seed_of_the_suite(tmp_path: Path) -> None:
    student = {"name": "student", "recipe": str(RECIPES / "mini-distilbert.toml"), "recipe_seeds": "suite"}
    random = student | {"name": "random", "control_of": "student"}
    random["architecture"] = f"recipe:{random.pop('recipe')}"
    _, plan = planned(tmp_path, models=[student, random], seeds=[1, 2, 3], tasks=["builtin/glue/sst2"])
    teachers = [job for job in plan.jobs if job.kind == "pretrain"]
    students = {job.id: job for job in plan.jobs if job.kind == "distil"}
    assert len(teachers) == 1, "what it stands on is made once"
    assert sorted(job.seed for job in students.values()) == [1, 2, 3]
    assert sorted(job.slug for job in students.values()) == [f"distil.mini-distilbert.s{seed}" for seed in (1, 2, 3)]
    heads = [job for job in plan.jobs if job.kind == "finetune"]
    assert len(heads) == 6
    assert all(students[job.inputs["model"]].seed == job.seed for job in heads)
    assert all(students[job.inputs["model"]].seed == 1 for job in plan.jobs if job.kind == "profile")


def test_only_recipes_have_seeds() -> None:
    with pytest.raises(SuiteError, match="recipe_seeds: only for a model that a recipe makes"):
        suite_from(
            {
                "name": "s",
                "models": [{"name": "m", "architecture": "bert-tiny", "recipe_seeds": "suite"}],
                "tasks": ["builtin/glue/sst2"],
            }
        )


SCORED = {
    "profilers": ["latency"],
    "backends": ["eager", "onnxruntime", "openvino"],
    "dtypes": ["float32", "bfloat16", "int8"],
    "batch_sizes": [4, 1],
}


def scored_jobs(tmp_path: Path, predict_dtype: str, **profile: object) -> list[Job]:
    _, plan = planned(
        tmp_path,
        models=[{"name": "control", "architecture": "bert-tiny"}],
        tasks=["builtin/glue/sst2"],
        seeds=[1],
        majority=False,
        predict_dtype=predict_dtype,
        profile=SCORED | profile,
    )
    return [job for job in plan.jobs if job.kind == "predict"]


def test_heads_are_scored_on_what_is_timed_only_where_the_suite_says_so(tmp_path: Path) -> None:
    (alone,) = scored_jobs(tmp_path, "float32")
    own, *others = scored_jobs(tmp_path, "float32", score=True)
    assert own.id == alone.id
    assert {(job.spec["backend"], job.dtype) for job in others} == {
        ("eager", "bfloat16"),
        ("onnxruntime", "float32"),
        ("onnxruntime", "int8"),
        ("openvino", "float32"),
        ("openvino", "bfloat16"),
    }
    for job in others:
        assert job.inputs == {**own.inputs, "reference": own.id}
        assert (job.spec["batch_size"], job.spec["device"], job.seed) == (4, "cpu", 1)
        assert {"splits", "settings", "dataset_fingerprint"} <= job.spec.keys()
    assert len({job.slug for job in (own, *others)}) == 6


def test_a_prediction_in_bfloat16_gets_a_float32_one_to_be_compared_with(tmp_path: Path) -> None:
    (exact,) = scored_jobs(tmp_path, "float32")
    own, reference, *others = scored_jobs(tmp_path, "bfloat16", score=True)
    assert (own.dtype, reference.dtype) == ("bfloat16", "float32")
    assert reference.id == exact.id, "as a suite in float32 has it"
    assert ("eager", "bfloat16") not in {(job.spec["backend"], job.dtype) for job in others}
    assert {job.inputs["reference"] for job in others} == {reference.id}


def test_a_dtype_that_a_backend_lacks_is_left_out_where_another_has_it(tmp_path: Path) -> None:
    _, plan = planned(tmp_path, profile=SCORED)
    cells = {(job.spec["backend"], job.dtype) for job in plan.jobs if job.kind == "profile"}
    assert ("eager", "int8") not in cells
    assert ("onnxruntime", "bfloat16") not in cells
    assert len(cells) == 6
    _, plan = planned(tmp_path, profile={"profilers": ["latency"], "dtypes": ["float16"]})
    assert {job.dtype for job in plan.jobs if job.kind == "profile"} == {"float16"}, "nobody has it: the cell says so"


def test_a_key_at_its_default_leaves_the_digest_of_the_suite_alone(tmp_path: Path) -> None:
    from dataclasses import asdict

    from benchbert.types import digest

    suite, _ = planned(tmp_path, models=["bert-tiny"], weights="random")
    said = asdict(suite)
    assert said["profile"].pop("score") is False
    assert suite.digest == digest(said)
    assert planned(tmp_path, profile=SCORED | {"score": True})[0].digest != planned(tmp_path, profile=SCORED)[0].digest
