"""Throughput of a session of known duration."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from benchbert.profilers.measure import profile
from benchbert.profilers.protocol import Cell


def test_rates_follow_from_the_duration_of_a_batch(synthetic: Callable[..., Cell]) -> None:
    found = profile("throughput", synthetic(spin_ms=5.0, batch_size=4, sequence_length=16))
    values = {value.metric: value for value in found.values}
    rate = values["sequences_per_second"]
    assert rate.value <= 4 / 0.005
    fastest = min(block[0] for block in found.samples["processes"][0]["blocks_ns"])
    assert fastest == pytest.approx(5e6, rel=0.02)
    median = np.median(np.concatenate(found.samples["processes"][0]["blocks_ns"]))
    assert rate.value == pytest.approx(4 / (median / 1e9), rel=0.5), "the samples and the rate tell one story"
    assert rate.direction == "higher"
    assert rate.ci_low is not None
    assert rate.ci_high is not None
    assert rate.ci_low <= rate.value <= rate.ci_high
    assert values["tokens_per_second"].value == pytest.approx(16 * rate.value)
    assert values["padded_tokens_per_second"].value == pytest.approx(16 * rate.value)
