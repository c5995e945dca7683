from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd
import pytest

from benchbert.errors import StoreError
from benchbert.store.files import RunFolder
from benchbert.store.frame import COLUMNS, empty_frame, load_results, to_frame
from benchbert.types import Job, Result, ResultKey, Value

PROMISED = [
    *("model", "family", "task", "metric", "value", "unit", "direction", "n", "ci_low", "ci_high", "ci_kind"),
    *("ci_level", "split", "convention", "complete", "seed", "device", "dtype", "backend", "batch_size"),
    *("sequence_length", "threads", "replicate", "quiet", "steady", "machine", "environment", "revision"),
    *("dataset_fingerprint", "task_version", "status", "job"),
]


def make(*values: Value, status: str = "ok", error: str = "", started_at: str = "", **spec: object) -> Result:
    job = Job(kind="predict", spec={"model": "m", "family": "bert", "task": "t", **spec}, seed=7, threads=2, slug="s")
    return Result(
        key=ResultKey(job_id=job.id, machine_id="box", environment_id="env", replicate=3),
        job=job,
        status=status,  # type: ignore[arg-type]
        values=values,
        provenance={"dataset_fingerprint": "abc"},
        error=error,
        started_at=started_at,
    )


def test_columns_are_the_promised_ones_and_each_is_explained() -> None:
    frame = to_frame([make(Value(metric="f1", value=0.5))])
    assert list(frame.columns)[: len(PROMISED)] == PROMISED
    assert list(frame.columns) == list(COLUMNS)
    assert all(text.endswith(".") for text in COLUMNS.values())


def test_one_row_a_value_with_what_the_job_and_the_value_say() -> None:
    one = Value(metric="f1", value=0.5, n=10, ci_low=0.4, ci_high=0.6, ci_level=0.95, split="dev", complete=False)
    frame = to_frame([make(one, Value(metric="accuracy", value=0.7), backend="eager", batch_size=8, revision="r1")])
    assert frame["metric"].tolist() == ["f1", "accuracy"]
    row = frame.iloc[0]
    assert (row["model"], row["task"], row["seed"], row["threads"], row["replicate"]) == ("m", "t", 7, 2, 3)
    assert (row["machine"], row["environment"], row["revision"]) == ("box", "env", "r1")
    assert (row["dataset_fingerprint"], row["batch_size"], row["n"]) == ("abc", 8, 10)
    assert (row["value"], row["ci_low"], row["ci_high"], row["ci_level"]) == (0.5, 0.4, 0.6, 0.95)
    assert row["complete"] is False or bool(row["complete"]) is False
    assert pd.isna(row["sequence_length"])
    assert pd.isna(frame["complete"].iloc[1])


def test_a_control_says_of_what() -> None:
    of_student = replace(make(Value(metric="f1", value=0.5)), provenance={"control_of": "student"})
    assert to_frame([make(Value(metric="f1", value=0.5)), of_student])["control_of"].tolist() == ["", "student"]


def test_what_was_computed_in_is_not_what_the_job_allowed() -> None:
    checked = replace(make(Value(metric="f1", value=0.5)), provenance={"computed": {"dtype": "bfloat16"}})
    frame = to_frame([make(Value(metric="f1", value=0.5)), checked])
    assert frame["computed_dtype"].tolist() == ["", "bfloat16"]
    assert frame["dtype"].tolist() == ["float32", "float32"]


def test_a_failure_is_one_row_without_value_and_without_local_paths() -> None:
    result = make(status="failed", error="no file\n at /home/ann/secret/data.csv; see https://host.org/a/b/c")
    row = to_frame([result]).iloc[0]
    assert (row["metric"], row["status"]) == ("", "failed")
    assert pd.isna(row["value"])
    assert row["error"] == "no file at .../data.csv; see https://host.org/a/b/c"


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, None])
def test_what_is_no_number_is_missing_and_never_nan(number: float | None) -> None:
    frame = to_frame([make(Value(metric="f1", value=number, ci_low=number, ci_high=number))])
    assert frame["value"].isna().all()
    assert frame["value"].iloc[0] is pd.NA
    assert "nan" not in frame.to_csv(index=False).lower()


def test_dtypes_do_not_depend_on_what_was_measured() -> None:
    full = to_frame([make(Value(metric="f1", value=0.5, complete=True)), make(status="timeout", error="slow")])
    assert empty_frame().dtypes.to_dict() == full.dtypes.to_dict()
    assert {str(dtype) for dtype in full.dtypes} == {"string", "Float64", "Int64", "boolean"}
    assert len(empty_frame()) == 0


def test_load_results_reads_a_run_folder_oldest_first(tmp_path) -> None:
    run = RunFolder(tmp_path)
    run.write(make(Value(metric="f1", value=0.2), started_at="2026-02-02T00:00:00Z", note=1))
    run.write(make(Value(metric="f1", value=0.1), started_at="2026-01-01T00:00:00Z", note=2))
    assert load_results(str(tmp_path))["value"].tolist() == [0.1, 0.2]


def test_load_results_of_nothing_is_a_clear_error(tmp_path) -> None:
    with pytest.raises(StoreError, match="no such folder"):
        load_results(tmp_path / "absent")
    with pytest.raises(StoreError, match="holds no results"):
        load_results(tmp_path)
