"""Results on disk: whole or not at all, readable or reported."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchbert.errors import StoreError
from benchbert.store.files import RunFolder, digest_of, read_result, read_results, write_json, writing
from benchbert.types import Artefact, Job, Result, ResultKey, Value

JOB = Job(kind="predict", spec={"model": "m", "task": "t"}, slug="predict.m.t.s1", inputs={"head": "ab" * 32}, seed=1)


def result(status: str = "ok", **fields: object) -> Result:
    key = ResultKey(job_id=JOB.id, machine_id="m", environment_id="e")
    values = (Value(metric="accuracy", value=0.5, direction="higher", n=4, ci_low=0.1, ci_high=0.9, ci_level=0.95),)
    return Result(key=key, job=JOB, status=status, values=values, **fields)  # type: ignore[arg-type]


def test_a_result_survives_the_disk(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    path = folder.write(result())
    assert read_result(path) == result()
    assert read_result(path).job.id == JOB.id
    assert folder.stored(JOB, "m", "e") == result()


def test_another_machine_or_environment_has_not_run_it(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write(result())
    assert folder.stored(JOB, "other", "e") is None
    assert folder.stored(JOB, "m", "other") is None


def test_a_failed_result_is_stored_and_run_again(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write(result("failed", error="why"))
    assert folder.stored(JOB, "m", "e") is None
    assert read_results(tmp_path).results[0].error == "why"


def test_the_file_of_each_result_stands_beside_it(tmp_path: Path) -> None:
    paths = [RunFolder(tmp_path / name).write(result()) for name in ("x", "y")]
    (tmp_path / "x" / "results" / "damaged.json").write_text("{")
    found = read_results(tmp_path)
    assert found.files == paths
    assert len(found.problems) == 1


def test_a_result_whose_artefact_is_gone_is_run_again(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write(result(artefacts=(Artefact(role="predictions", path="predictions/x.parquet", sha256="0"),)))
    assert folder.stored(JOB, "m", "e") is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema": 1}', "null", '{"schema": 1, "key": 3}'])
def test_a_damaged_file_is_reported_with_the_mend(tmp_path: Path, content: str) -> None:
    folder = RunFolder(tmp_path)
    path = folder.write(result())
    path.write_text(content)
    with pytest.raises(StoreError, match="delete it"):
        folder.stored(JOB, "m", "e")
    found = read_results(tmp_path)
    assert not found.results
    assert str(path) in found.problems[0]


def test_a_truncated_file_is_reported_at_every_length(tmp_path: Path) -> None:
    path = RunFolder(tmp_path).write(result())
    whole = path.read_bytes()
    for length in range(0, len(whole) - 2, 37):
        path.write_bytes(whole[:length])
        with pytest.raises(StoreError):
            read_result(path)


def test_a_later_schema_is_refused_by_name(tmp_path: Path) -> None:
    path = RunFolder(tmp_path).write(result())
    data = json.loads(path.read_text()) | {"schema": 2}
    path.write_text(json.dumps(data))
    with pytest.raises(StoreError, match="schema 2"):
        read_result(path)


def test_nan_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nan|Out of range"):
        write_json(tmp_path / "x.json", {"value": float("nan")})
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write_json(path, {"a": 1})

    def break_off() -> None:
        with writing(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert json.loads(path.read_text()) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


def test_a_folder_without_results_says_what_makes_them(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="holds no results"):
        read_results(tmp_path)
    with pytest.raises(StoreError, match="no such folder"):
        read_results(tmp_path / "nowhere")


def test_an_artefact_is_kept_in_one_step(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    made = folder.work_path(JOB.id) / "model"
    made.mkdir(parents=True)
    (made / "weights").write_bytes(b"x")
    digest = digest_of(made)
    artefact = folder.keep(JOB.id, "model", made)
    assert (tmp_path / artefact.path / "weights").read_bytes() == b"x"
    assert artefact.sha256 == digest == digest_of(tmp_path / artefact.path)


def test_long_and_strange_slugs_still_make_file_names(tmp_path: Path) -> None:
    job = Job(kind="predict", spec={}, slug="é" * 400)
    key = ResultKey(job_id=job.id, machine_id="m", environment_id="e")
    assert RunFolder(tmp_path).write(Result(key=key, job=job, status="ok")).is_file()
