"""Scores with abstention: hand-worked cases."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

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


def test_selective_balanced_accuracy_leaves_unanswered_classes_out() -> None:
    truth, predicted, abstained = [0, 0, 1, 1, 2], [0, 1, 1, 1, 2], [False, False, False, True, True]
    assert m.selective_balanced_accuracy_score(truth, predicted, abstained) == 0.75
    assert np.isnan(m.selective_balanced_accuracy_score([0, 1], [0, 1], [True, True]))
    everything = np.zeros(5, dtype=bool)
    assert m.selective_balanced_accuracy_score(truth, predicted, everything) == m.balanced_accuracy_score(truth, predicted)


def test_excess_area_is_zero_for_the_best_order_and_never_negative(rng: np.random.Generator) -> None:
    for n in (1, 2, 7, 40):
        truth, predicted = rng.integers(0, 2, n), rng.integers(0, 2, n)
        right = truth == predicted
        best = right + np.linspace(0, 0.5, n)
        assert m.excess_area_under_risk_coverage(truth, predicted, best) == pytest.approx(0, abs=1e-12)
        by_hand = np.mean(np.cumsum(np.sort(~right)) / np.arange(1, n + 1))
        confidence = rng.integers(0, 5, n) / 5
        area = m.area_under_risk_coverage(truth, predicted, confidence)
        assert m.excess_area_under_risk_coverage(truth, predicted, confidence) == pytest.approx(area - by_hand, abs=1e-12)
        assert area - by_hand > -1e-12


def rows_of(rng: np.random.Generator, n_speakers: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    speakers = np.repeat(np.arange(n_speakers), rng.integers(3, 15, n_speakers))
    truth = rng.integers(0, 3, len(speakers))
    confidence = rng.integers(30, 100, len(speakers)) / 100
    skill = rng.normal(scale=0.15, size=n_speakers)[speakers]
    predicted = np.where(rng.random(len(speakers)) < confidence + skill, truth, (truth + 1) % 3)
    return truth, predicted, confidence, speakers


@pytest.mark.parametrize("metric", ["error", "accuracy", "uar", "macro_f1", "area_under_risk_coverage", "excess_area_under_risk_coverage"])
def test_selective_intervals_are_those_of_the_score_without_each_speaker(metric: str, rng: np.random.Generator) -> None:
    truth, predicted, confidence, speakers = rows_of(rng, 9)

    def score(rows: np.ndarray) -> float:
        t, p, c = truth[rows], predicted[rows], confidence[rows]
        if metric.endswith("coverage"):
            return float(getattr(m, metric)(t, p, c))
        threshold = max(value for value in np.unique(c) if np.mean(c >= value) >= 0.6 - 1e-12)
        t, p = t[c >= threshold], p[c >= threshold]
        if metric == "macro_f1":
            return float(m.f1_score(t, p, average="macro"))
        return {"error": 1 - m.accuracy_score(t, p), "accuracy": m.accuracy_score(t, p), "uar": m.balanced_accuracy_score(t, p)}[metric]

    found = m.selective_interval(metric, truth, predicted, confidence, speakers, coverage=0.6)
    assert found.estimate == pytest.approx(score(speakers >= 0), abs=1e-12)
    deleted = np.array([score(speakers != s) for s in range(9)])
    error = np.sqrt(8 / 9 * np.sum((deleted - deleted.mean()) ** 2))
    share = found.estimate
    if metric.endswith("coverage"):  # pseudo-values of the logit, with the freedom of as many equal speakers as tell as much
        logit, whole = np.log((deleted + 1e-3) / (1 - deleted + 1e-3)), np.log((share + 1e-3) / (1 - share + 1e-3))
        sizes = np.bincount(speakers)
        half = stats.t.ppf(0.975, sizes.sum() ** 2 / np.sum(sizes**2) - 1) * np.sqrt(8 / 9 * np.sum((logit - logit.mean()) ** 2))
        low, high = (1 / (1 + np.exp(-(9 * whole - 8 * logit.mean()) - side * half)) * 1.002 - 1e-3 for side in (-1, 1))
        assert (found.low, found.high) == (pytest.approx(min(low, share), abs=1e-9), pytest.approx(max(high, share), abs=1e-9))
        return
    share_of_rows = np.bincount(speakers) / len(speakers)
    half = stats.t.ppf(0.975, 8 / 9 / np.sum(share_of_rows**2)) * error * (1 / (share + 1e-3) + 1 / (1 - share + 1e-3))
    centre = np.log((share + 1e-3) / (1 - share + 1e-3))
    low, high = (1 / (1 + np.exp(-centre - side * half)) * 1.002 - 1e-3 for side in (-1, 1))
    assert (found.low, found.high) == (pytest.approx(max(low, 0), abs=1e-9), pytest.approx(min(high, 1), abs=1e-9))


def test_full_coverage_is_the_plain_interval(rng: np.random.Generator) -> None:
    for n_speakers in (8, 40):
        truth, predicted, confidence, speakers = rows_of(rng, n_speakers)
        plain = m.speaker_interval("accuracy", truth, predicted, speakers)
        assert m.selective_interval("accuracy", truth, predicted, confidence, speakers) == plain


def test_selective_intervals_cover(rng: np.random.Generator) -> None:
    """The error at 70 % coverage of 12 simulated speakers, against that of 3,000; 95 % intervals over 600 data sets (a standard error of 0.9 %)."""
    truth, predicted, confidence, _ = rows_of(np.random.default_rng(1), 3000)
    true = m.selective_interval("error", truth, predicted, confidence, np.zeros(len(truth)), coverage=0.7).estimate
    hits = 0
    for _ in range(600):
        found = m.selective_interval("error", *rows_of(rng, 12), coverage=0.7)
        hits += found.low <= true <= found.high
    assert 0.92 < hits / 600 < 0.98


def test_intervals_of_areas_cover(rng: np.random.Generator) -> None:
    """The excess area of 8 simulated speakers of different sizes, against that of 3,000; 95 % intervals over 600 data sets."""
    area = "excess_area_under_risk_coverage"
    truth, predicted, confidence, _ = rows_of(np.random.default_rng(1), 3000)
    true = m.selective_interval(area, truth, predicted, confidence, np.zeros(len(truth))).estimate
    found = [m.selective_interval(area, *rows_of(rng, 8)) for _ in range(600)]
    assert 0.93 < np.mean([one.low <= true <= one.high for one in found]) < 0.985
    assert all(0 <= one.low <= one.estimate <= one.high <= 1 for one in found)
    perfect = m.selective_interval(area, [0, 1, 1, 0], [0, 1, 0, 0], [0.9, 0.8, 0.4, 0.7], [1, 1, 2, 2])
    assert perfect.estimate == 0 and perfect.low == 0 and perfect.high <= 1


def test_bad_input_of_selective_intervals() -> None:
    good = ([0, 1], [0, 1], [0.5, 0.6], [0, 1])
    for coverage in (0, 1.1, True, "half", np.nan):
        with pytest.raises(InvalidInputError, match="coverage"):
            m.selective_interval("error", *good, coverage=coverage)
    with pytest.raises(InvalidInputError, match="metric of selective_interval must be one of"):
        m.selective_interval("log_loss", *good)
    with pytest.raises(InvalidInputError, match="speakers"):
        m.selective_interval("error", *good[:3], [0])
