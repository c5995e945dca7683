"""Which cost may stand beside which score."""

from __future__ import annotations

from dataclasses import replace

import pytest
from handmade import cost, score

from benchbert.reports.leaderboard import leaderboard
from benchbert.store.frame import to_frame
from benchbert.types import Result


def on(result: Result, dtype: str, backend: str) -> Result:
    job = replace(result.job, dtype=dtype, spec={**result.job.spec, "backend": backend})
    return replace(result, job=job, key=replace(result.key, job_id=job.id))


def latencies(*results: Result) -> dict[tuple[str, str], float | None]:
    board = leaderboard(to_frame(results))
    return {(row.variant[2], row.variant[3]): row.latency and row.latency.value for row in board.rows}


FLOAT, INT8 = ("float32", "eager"), ("int8", "onnxruntime")


def test_each_variant_stands_beside_the_cost_of_its_own_cell() -> None:
    scored = [on(score("a", "t", value), *variant) for value, variant in ((0.9, FLOAT), (0.8, INT8))]
    timed = [on(cost("a", "latency_ms", value), *variant) for value, variant in ((10.0, FLOAT), (2.0, INT8))]
    assert latencies(*scored, *timed) == {FLOAT: 10.0, INT8: 2.0}
    assert latencies(*scored, timed[0]) == {FLOAT: 10.0, INT8: None}
    other_shape = on(cost("a", "latency_ms", 2.0, batch_size=8), *INT8)
    assert latencies(*scored, timed[0], other_shape) == {FLOAT: 10.0, INT8: None}


@pytest.mark.parametrize("timed", [INT8, ("float32", "openvino"), ("int8", "eager")])
def test_a_float32_score_never_stands_beside_another_backends_latency(timed: tuple[str, str]) -> None:
    """Not even where it is the model's only score and the only latency there is."""
    only = on(cost("a", "latency_ms", 2.0), *timed)
    assert latencies(on(score("a", "t", 0.9), *FLOAT), only) == {FLOAT: None}


def test_a_checked_prediction_in_bfloat16_may_stand_beside_eager_in_float32() -> None:
    rounded = ("bfloat16", "eager")
    found = latencies(on(score("a", "t", 0.9), *rounded), on(cost("a", "latency_ms", 2.0), *FLOAT))
    assert found == {rounded: 2.0}
