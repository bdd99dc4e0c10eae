"""Scores with abstention: hand-worked cases."""

from __future__ import annotations

import numpy as np
import pytest

import emotion_native as en
from emotion_native.exceptions import InvalidInputError

m = en.metrics


def test_risk_and_coverage_by_hand() -> None:
    coverage, risk, threshold = m.risk_coverage_curve([1, 1, 1, 1], [1, 0, 1, 1], [0.9, 0.7, 0.7, np.nan])
    assert coverage.tolist() == [0.25, 0.75, 1.0]
    assert risk.tolist() == [0.0, 1 / 3, 0.25]
    assert threshold.tolist() == [0.9, 0.7, -np.inf]
    assert m.area_under_risk_coverage([1, 1, 1, 1], [1, 0, 1, 1], [0.9, 0.7, 0.7, np.nan]) == pytest.approx(0 * 0.25 + 1 / 3 * 0.5 + 0.25 * 0.25)


def test_area_is_the_mean_of_running_risks_without_ties(rng: np.random.Generator) -> None:
    truth, predicted, confidence = rng.integers(0, 3, 50), rng.integers(0, 3, 50), rng.permutation(50) / 50
    wrong = (truth != predicted)[np.argsort(-confidence)]
    expected = np.mean(np.cumsum(wrong) / np.arange(1, 51))
    assert m.area_under_risk_coverage(truth, predicted, confidence) == pytest.approx(expected, abs=1e-12)


def test_selective_accuracy_and_coverage() -> None:
    assert m.coverage_score([True, False]) == 0.5
    assert m.selective_accuracy_score([0, 1, 1], [0, 0, 1], [False, True, False]) == 1.0
    assert np.isnan(m.selective_accuracy_score([0, 1], [0, 1], [True, True]))


def test_bad_input() -> None:
    with pytest.raises(InvalidInputError):
        m.risk_coverage_curve([0, 1], [0, 1], [0.5])
    with pytest.raises(InvalidInputError):
        m.selective_accuracy_score([0, 1], [0, 1], [0, 1])
    with pytest.raises(InvalidInputError):
        m.coverage_score(np.array([], dtype=bool))
