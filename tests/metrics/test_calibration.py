from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from benchbert.errors import DataError
from benchbert.metrics.calibration import confidences, expected_calibration_error


def naive(confidence: list[float], correct: list[bool], bins: int) -> float:
    total = 0.0
    for b in range(bins):
        low, high = b / bins, (b + 1) / bins
        inside = [i for i, c in enumerate(confidence) if (low < c <= high) or (b == 0 and c == 0)]
        if inside:
            share = sum(correct[i] for i in inside) / len(inside)
            mean = sum(confidence[i] for i in inside) / len(inside)
            total += len(inside) / len(confidence) * abs(share - mean)
    return total


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1000), st.booleans()), min_size=1, max_size=60), st.integers(1, 20))
def test_it_is_the_weighted_gap_of_equal_width_bins(pairs, bins) -> None:
    # Off the edges of bins, where two ways of rounding may disagree.
    confidence = [min(1.0, (k + 0.37) / 1000) for k, _ in pairs]
    correct = [right for _, right in pairs]
    assert expected_calibration_error(confidence, correct, bins) == pytest.approx(naive(confidence, correct, bins))


def test_sure_and_right_is_calibrated_and_sure_and_wrong_is_not() -> None:
    assert expected_calibration_error([1.0, 1.0], [True, True]) == 0.0
    assert expected_calibration_error([1.0, 1.0], [False, False]) == 1.0
    assert expected_calibration_error([0.0], [True]) == 1.0


def test_confidence_is_the_largest_softmax_whatever_the_size_of_the_logits() -> None:
    logits = np.random.default_rng(0).normal(size=(20, 3)) * 5
    assert confidences(logits) == pytest.approx(softmax(logits, axis=1).max(axis=1))
    assert confidences(np.array([[1000.0, -1000.0]])) == pytest.approx([1.0])


def test_what_is_no_probability_is_refused_by_its_row() -> None:
    with pytest.raises(DataError, match=r"row 1 is 1\.5"):
        expected_calibration_error([0.5, 1.5], [True, True])
    with pytest.raises(DataError, match="0 confidences"):
        expected_calibration_error([], [])
