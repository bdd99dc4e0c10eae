"""Calibration error: a plain NumPy form, the Monte-Carlo correction, and simulations of calibrated models as oracles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import emotion_native as en
from emotion_native import _core
from emotion_native.metrics._calibration_error import default_bins
from emotion_native.metrics._inputs import NO_WEIGHT

ece = en.metrics.expected_calibration_error


def two_class(confidence: Any, right: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and probabilities whose top label is class 0 at this confidence."""
    confidence = np.asarray(confidence, dtype=float)
    return np.where(np.asarray(right, dtype=bool), 0, 1), np.column_stack([confidence, 1 - confidence])


@settings(max_examples=60, deadline=None)
@given(st.integers(5, 200), st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_equal_width_bins_against_numpy(n: int, m: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    confidence, right = rng.uniform(0.5, 1, n), rng.integers(0, 2, n)
    y, proba = two_class(confidence, right)
    bins = np.minimum((confidence * m).astype(int), m - 1)
    expected = sum(abs(right[bins == b].mean() - confidence[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins))
    assert ece(y, proba, labels=[0, 1], n_bins=m, strategy="uniform", debiased=False) == pytest.approx(expected, abs=1e-12)


def test_equal_mass_bins_against_array_split(rng: np.random.Generator) -> None:
    confidence, right = rng.uniform(0.5, 1, 120), rng.integers(0, 2, 120)
    y, proba = two_class(confidence, right)
    order = np.argsort(confidence)
    parts = np.array_split(order, 6)  # 120 rows: six parts of 20
    expected = np.mean([abs(right[p].mean() - confidence[p].mean()) for p in parts])
    assert ece(y, proba, n_bins=6, debiased=False) == pytest.approx(expected, abs=1e-12)
    accuracy, mean, rows = en.metrics.reliability_curve(y, proba, n_bins=6)
    np.testing.assert_allclose(accuracy, [right[p].mean() for p in parts])
    np.testing.assert_allclose(mean, [confidence[p].mean() for p in parts])
    assert rows.tolist() == [20.0] * 6


def test_the_closed_form_is_the_monte_carlo_correction(rng: np.random.Generator) -> None:
    """Kumar et al. draw bin accuracies from a normal and subtract the mean excess; ours is the limit of infinitely many draws."""
    confidence, right = rng.uniform(0.5, 1, 200), rng.random(200) < 0.8
    y, proba = two_class(confidence, right)
    parts = np.array_split(np.argsort(confidence), 5)
    plain = ece(y, proba, n_bins=5, debiased=False)
    excess = 0.0
    for p in parts:
        accuracy, mean = right[p].mean(), confidence[p].mean()
        draws = rng.normal(accuracy, np.sqrt(accuracy * (1 - accuracy) / len(p)), 400_000)
        excess += (np.abs(draws - mean).mean() - abs(accuracy - mean)) / 5
    assert ece(y, proba, n_bins=5) == pytest.approx(plain - excess, abs=5e-4)  # five standard errors of the draws


def test_how_much_bias_the_correction_takes_away() -> None:
    """True error 0. With a bin's gap d ~ N(0, s), the plain term has mean s sqrt(2/pi) and the corrected one 2 s sqrt(2/pi) - 2 s / sqrt(pi):
    their ratio is 2 - sqrt(2) = 0.586. 600 samples of 300 rows; the tolerance is about four standard errors."""
    rng = np.random.default_rng(5)
    plain, debiased = [], []
    for _ in range(600):
        confidence = rng.uniform(0.5, 1, 300)
        correct = (rng.random(300) < confidence).astype(np.uint8)
        for values, flag in ((plain, False), (debiased, True)):
            values.append(_core.calibration_error(confidence, correct, NO_WEIGHT, 10, "quantile", flag))
    assert np.mean(debiased) / np.mean(plain) == pytest.approx(2 - np.sqrt(2), abs=0.04)


def test_no_bias_is_left_where_the_gap_is_clear() -> None:
    """True error 0.15 in every bin, many times the noise of a bin: both estimates are right, and the correction does no harm."""
    rng = np.random.default_rng(7)
    values = []
    for _ in range(300):
        confidence = rng.uniform(0.7, 1, 600)
        correct = (rng.random(600) < confidence - 0.15).astype(np.uint8)
        values.append(_core.calibration_error(confidence, correct, NO_WEIGHT, 5, "quantile", True))
    assert np.mean(values) == pytest.approx(0.15, abs=4 * np.std(values) / np.sqrt(300))


def test_a_gap_is_measured() -> None:
    rng = np.random.default_rng(6)
    confidence = rng.uniform(0.7, 1, 20_000)
    y, proba = two_class(confidence, rng.random(20_000) < confidence - 0.2)
    assert ece(y, proba) == pytest.approx(0.2, abs=0.015)  # four standard errors of the accuracy


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 80), st.integers(0, 2**32 - 1))
def test_order_of_rows_and_copies_do_not_matter(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    confidence, right = rng.integers(5, 11, n) / 10, rng.integers(0, 2, n)  # many ties
    y, proba = two_class(confidence, right)
    order, weight = rng.permutation(n), rng.integers(1, 4, n)
    options: dict[str, Any] = {"labels": [0, 1], "n_bins": 4}
    assert ece(y, proba, **options) == pytest.approx(ece(y[order], proba[order], **options), abs=1e-12)
    copied = np.repeat(np.arange(n), weight)
    assert ece(y, proba, sample_weight=weight, **options) == pytest.approx(ece(y[copied], proba[copied], **options), abs=1e-12)


def test_default_bins_hold_about_twenty_rows() -> None:
    assert [default_bins(n) for n in (1, 19, 40, 100, 299, 300, 10_000)] == [1, 1, 2, 5, 14, 15, 15]


def test_perfect_confidence_has_no_error() -> None:
    assert ece([0, 1, 2], np.eye(3)) == 0.0
