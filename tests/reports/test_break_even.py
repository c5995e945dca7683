"""Break-even of distillations, from results made by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from handmade import cost, result, write_run

from benchbert.reports.break_even import break_evens
from benchbert.reports.build import build_report
from benchbert.store.frame import to_frame
from benchbert.types import Result, Value


def trained(kind: str, name: str, seconds: float, *, machine: str = "box-2c", **more: Any) -> Result:
    spec = {"model": name, "family": "bert", "weights": "recipe", "revision": f"digest of {name}", "recipe": name}
    made = result(kind, spec | {"teacher": more.get("teacher", "")}, [], machine=machine)
    job = replace(made.job, inputs={"teacher": more["above"].job.id} if "above" in more else {})
    value = Value(metric="training_s", value=seconds, unit="s", direction="lower")
    return replace(made, job=job, key=replace(made.key, job_id=job.id), values=(value,))


def timed(name: str, recipe: str, milliseconds: float, **more: Any) -> Result:
    """A latency with an interval of 5 % to both sides, of a model that the suite calls otherwise than its recipe."""
    made = cost(name, "latency_ms", milliseconds, weights="recipe", **more)
    return replace(made, job=replace(made.job, spec={**made.job.spec, "revision": f"digest of {recipe}"}))


def found(*results: Result) -> Any:
    (row,) = break_evens(results, to_frame(results))
    return row


TEACHER = trained("pretrain", "mini-bert", 500.0)
STUDENT = trained("distil", "mini-distilbert", 200.0, above=TEACHER)


def test_seconds_saved_and_queries_to_break_even() -> None:
    row = found(TEACHER, STUDENT, timed("big", "mini-bert", 20.0), timed("small", "mini-distilbert", 10.0))
    assert (row.student, row.teacher, row.reason) == ("small", "big", "")
    # 10 ms a query: 10,000 s a million; 200 s of training are 20,000 queries. The teacher's 500 s are not counted.
    assert row.saved_s.value == pytest.approx(10_000)
    assert row.queries.value == pytest.approx(20_000)
    assert (row.training_s, row.teacher_s) == (200.0, 500.0)
    # Ends: 19 - 10.5 ms and 21 - 9.5 ms.
    assert (row.saved_s.low, row.saved_s.high) == (pytest.approx(8_500), pytest.approx(11_500))
    assert (row.queries.low, row.queries.high) == (pytest.approx(200e6 / 11_500), pytest.approx(200e6 / 8_500))


def test_a_query_is_a_sequence_not_a_batch() -> None:
    row = found(
        TEACHER,
        STUDENT,
        timed("big", "mini-bert", 80.0, batch_size=8),
        timed("small", "mini-distilbert", 40.0, batch_size=8),
    )
    assert row.saved_s.value == pytest.approx(5_000)
    assert row.queries.value == pytest.approx(40_000)


def test_a_saving_that_is_not_sure_has_no_upper_end() -> None:
    row = found(TEACHER, STUDENT, timed("big", "mini-bert", 20.0), timed("small", "mini-distilbert", 19.5))
    assert row.saved_s.low < 0
    assert row.queries.value == pytest.approx(400_000)
    assert row.queries.high is None


@pytest.mark.parametrize(
    ("timings", "reason"),
    [
        ([("big", "mini-bert", 20.0, {}), ("small", "mini-distilbert", 25.0, {})], "saves nothing here: 25.0 ms"),
        ([("small", "mini-distilbert", 25.0, {})], "no latency of mini-bert on this machine"),
        ([], "no latency of mini-distilbert and mini-bert on this machine"),
        (
            [("big", "mini-bert", 20.0, {"batch_size": 8}), ("small", "mini-distilbert", 5.0, {})],
            "not timed under the same conditions",
        ),
        (
            [("big", "mini-bert", 20.0, {"machine": "b"}), ("small", "mini-distilbert", 5.0, {"machine": "b"})],
            "of another machine than the training",
        ),
    ],
)
def test_why_there_is_no_break_even(timings: list[Any], reason: str) -> None:
    row = found(TEACHER, STUDENT, *(timed(*rest, **more) for *rest, more in timings))
    assert row.queries is None
    assert reason in row.reason


def test_seeds_of_a_recipe_are_one_row() -> None:
    teachers = [replaced(TEACHER, seed, 500.0 + seed) for seed in (1, 2, 3)]
    students = [
        replaced(replace(STUDENT, job=replace(STUDENT.job, inputs={"teacher": above.job.id})), seed, 200.0 + 10 * seed)
        for seed, above in enumerate(teachers, start=1)
    ]
    row = found(*teachers, *students, timed("big", "mini-bert", 20.0), timed("small", "mini-distilbert", 10.0))
    assert (row.training_s, row.teacher_s) == (220.0, 502.0)
    assert row.queries.value == pytest.approx(22_000)


def replaced(made: Result, seed: int, seconds: float) -> Result:
    job = replace(made.job, seed=seed)
    return replace(
        made, job=job, key=replace(made.key, job_id=job.id), values=(replace(made.values[0], value=seconds),)
    )


def test_a_registered_teacher_has_no_cost_here() -> None:
    student = trained("distil", "mini-distilbert", 200.0, teacher="bert-tiny")
    row = found(student, cost("bert-tiny", "latency_ms", 20.0), timed("small", "mini-distilbert", 10.0))
    assert (row.teacher, row.teacher_s) == ("bert-tiny", None)
    assert row.queries.value == pytest.approx(20_000)


def test_the_report_has_the_columns_and_leaves_them_out_where_nothing_was_distilled(tmp_path: Any) -> None:
    results = [TEACHER, STUDENT, timed("big", "mini-bert", 20.0), timed("small", "mini-distilbert", 10.0)]
    page = build_report(write_run(tmp_path / "run", results), tmp_path / "page.html").read_text()
    assert "Queries to break even" in page
    assert "20,000" in page
    assert "10,000" in page
    other = build_report(write_run(tmp_path / "other", results[2:]), tmp_path / "other.html").read_text()
    assert "Queries to break even" not in other
