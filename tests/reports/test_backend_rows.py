"""Backends side by side: speed-ups, errors, flips and score changes, from results made by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from handmade import cost, score, write_run

from benchbert.reports.backend_rows import backend_rows
from benchbert.reports.build import build_report
from benchbert.store.frame import to_frame
from benchbert.types import Result, Value

FLOAT, INT8 = ("float32", "eager"), ("int8", "onnxruntime")


def on(result: Result, variant: tuple[str, str], *more: Value, seed: int = 1) -> Result:
    dtype, backend = variant
    job = replace(result.job, dtype=dtype, spec={**result.job.spec, "backend": backend}, seed=seed)
    return replace(result, job=job, key=replace(result.key, job_id=job.id), values=(*result.values, *more))


def changed(flips: float, change: float, n: int = 200) -> tuple[Value, Value]:
    return (
        Value(metric="label_flips", value=flips, unit="examples", n=n, split="validation", convention="against"),
        Value(
            metric="score_change", value=change, n=n, split="validation", convention="accuracy against float32 eager"
        ),
    )


def results() -> list[Result]:
    error = Value(metric="max_error", value=0.04, ci_kind="none: largest of a probe")
    return [
        on(score("a", "t", 0.9), FLOAT),
        on(score("a", "t", 0.88, seed=1), INT8, *changed(10, -0.02)),
        on(score("a", "t", 0.92, seed=2), INT8, *changed(2, 0.01), seed=2),
        on(cost("a", "latency_ms", 10.0), FLOAT),
        on(cost("a", "latency_ms", 4.0), INT8, error),
        on(cost("b", "latency_ms", 3.0), INT8, error),
    ]


def test_speed_stands_beside_error_flips_and_score_change() -> None:
    exact, integer = backend_rows(to_frame(results()))
    assert (exact.model, exact.cell.backend, exact.max_error, exact.changes) == ("a", "eager", None, ())
    assert exact.speed_up.value == 1
    assert integer.speed_up.value == pytest.approx(2.5)
    if integer.speed_up.has_interval:
        assert integer.speed_up.low < 2.5 < integer.speed_up.high
    assert integer.max_error == 0.04
    (change,) = integer.changes
    assert (change.task, change.metric) == ("t", "accuracy")
    assert change.flips == pytest.approx(12 / 400)
    assert change.score == pytest.approx(-0.005)


def test_other_shapes_and_machines_are_no_base() -> None:
    apart = [
        on(cost("a", "latency_ms", 10.0, batch_size=8), FLOAT),
        on(cost("a", "latency_ms", 4.0), INT8),
        on(cost("a", "latency_ms", 5.0), ("float32", "openvino")),
        on(cost("a", "latency_ms", 5.0, machine="other"), FLOAT),
    ]
    rows = backend_rows(to_frame(apart))
    assert [(row.cell.backend, row.speed_up) for row in rows] == [("onnxruntime", None), ("openvino", None)]


def test_the_report_has_a_section_only_where_there_is_something_to_compare(tmp_path: Path) -> None:
    page = build_report(write_run(tmp_path / "a", results()), tmp_path / "a.html").read_text()
    assert "Backends and precisions" in page
    assert "3.00 % flipped, accuracy -0.50 points" in page
    alone = build_report(write_run(tmp_path / "b", [cost("a", "latency_ms", 3.0)]), tmp_path / "b.html").read_text()
    assert "Backends and precisions" not in alone
