"""Latency against sessions of known duration, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from benchbert.profilers.measure import profile
from benchbert.profilers.protocol import Cell, Measurement
from benchbert.statistics.steady import effective_sample_size
from benchbert.types import Value


def by_metric(found: Measurement) -> dict[str, Value]:
    return {value.metric: value for value in found.values}


def quickest_ms(found: Measurement) -> float:
    """Where the machine is shared, the median is another's business; the quickest of all is still the session's."""
    blocks = [block for process in found.samples["processes"] for block in process["blocks_ns"]]
    return float(np.concatenate(blocks).min()) / 1e6


def test_a_known_duration_is_found(synthetic: Callable[..., Cell]) -> None:
    """A session that spins for 4 ms by the clock; only a preemption can make it longer, never shorter."""
    found = profile("latency", synthetic(spin_ms=4.0))
    latency = by_metric(found)["latency_ms"]
    assert latency.value >= 4.0
    assert quickest_ms(found) == pytest.approx(4.0, rel=0.02)
    assert latency.unit == "ms"
    assert latency.direction == "lower"
    assert latency.ci_low is not None
    assert latency.ci_high is not None
    assert latency.ci_low <= latency.value <= latency.ci_high
    assert "within one process, replicates = 1" in latency.ci_kind
    cold = {"import_s", "load_s", "first_forward_ms"}
    assert cold <= set(by_metric(found))
    assert by_metric(found)["first_forward_ms"].value >= 4.0
    assert all(by_metric(found)[name].ci_kind == "none: replicates = 1" for name in cold)


def test_processes_are_the_replicates(synthetic: Callable[..., Cell]) -> None:
    found = profile("latency", synthetic(spin_ms=5.0, processes=3, time_limit_s=0.6))
    latency = by_metric(found)["latency_ms"]
    assert latency.n == 3
    assert latency.ci_kind == "Student t on logarithms over 3 processes"
    assert latency.value >= 5.0
    assert quickest_ms(found) == pytest.approx(5.0, rel=0.02)
    assert len(found.samples["processes"]) == found.notes["replicates"] == 3
    medians = [np.median(np.concatenate(p["blocks_ns"])) / 1e6 for p in found.samples["processes"]]
    assert latency.value == pytest.approx(np.exp(np.mean(np.log(medians))))


def test_percentiles_need_samples(synthetic: Callable[..., Cell]) -> None:
    few = by_metric(profile("latency", synthetic(spin_ms=40.0, time_limit_s=1.2)))
    assert "latency_ms" in few
    assert not [name for name in few if name.startswith("latency_p")]
    found = profile("latency", synthetic(spin_ms=1.0, time_limit_s=1.5))
    many = by_metric(found)
    samples = [ns for block in found.samples["processes"][0]["blocks_ns"] for ns in block]
    # A disturbed machine makes neighbours alike, and then hundreds of samples may still be too few.
    effective = effective_sample_size(samples)
    for percentile, minimum in ((90, 64), (95, 130), (99, 662)):
        assert (f"latency_p{percentile}_ms" in many) == (effective >= minimum)
    if effective >= 64:
        assert many["latency_p90_ms"].value == pytest.approx(sorted(samples)[int(0.9 * len(samples))] / 1e6, rel=0.05)
        assert many["latency_p90_ms"].n == int(effective)


def test_a_very_slow_model_still_gets_a_median_and_no_steady_flag(synthetic: Callable[..., Cell]) -> None:
    found = profile("latency", synthetic(spin_ms=300.0, time_limit_s=0.6))
    assert by_metric(found)["latency_ms"].value >= 300.0
    assert quickest_ms(found) == pytest.approx(300.0, rel=0.1)
    assert by_metric(found)["latency_ms"].n == 3
    assert found.steady is False


def test_a_real_model_end_to_end(measured: Callable[[str], Measurement]) -> None:
    found = measured("latency")
    values = by_metric(found)
    assert 0.05 < values["latency_ms"].value < 500
    assert values["import_s"].value > 0.1
    assert found.quiet in {True, False}
    assert found.steady in {True, False}
    assert found.notes["isolation"]["gc"] is False
    assert found.notes["pools"] == {"intra_op": 1, "inter_op": 1}
    assert found.notes["format"] == "random"
    process = found.samples["processes"][0]
    assert process["calibration"]["before"]["kernel"] == process["calibration"]["after"]["kernel"]
    assert {"calibration_drift", "calibration_spread", "load"} <= set(process["quiet"])
