"""Intervals: closed forms, properties, and measured coverage."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

import emotion_native as en
from emotion_native.exceptions import InvalidInputError
from emotion_native.metrics._intervals import bootstrap_interval, jackknife_interval
from emotion_native.metrics._statistics import of_counts, of_row_means

m = en.metrics


def speaker_rows(rng: np.random.Generator, n_speakers: int, rows: int = 20, spread: float = 0.5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return truth, prediction and speaker of clips whose difficulty depends on the speaker."""
    speaker = np.repeat(np.arange(n_speakers), rows)
    truth = np.tile(np.arange(rows) % 4, n_speakers)
    p = 1 / (1 + np.exp(-(1.1 + rng.normal(0, spread, n_speakers))))
    right = rng.random(len(truth)) < p[speaker]
    return truth, np.where(right, truth, (truth + rng.integers(1, 4, len(truth))) % 4), speaker


def test_an_unbounded_mean_over_equal_speakers_is_students_t(rng: np.random.Generator) -> None:
    """The jackknife of a mean over clusters of one size is the textbook interval of the cluster means."""
    values, speaker = rng.normal(size=60), np.repeat(np.arange(6), 10)
    statistic = of_row_means(values, speaker, 6, high=float("inf"))
    unbounded = type(statistic)(statistic.values, 6, -np.inf, np.inf)
    interval = jackknife_interval(unbounded, 0.9)
    means = values.reshape(6, 10).mean(axis=1)
    low, high = stats.t.interval(0.9, 5, loc=means.mean(), scale=means.std(ddof=1) / np.sqrt(6))
    assert (interval.low, interval.high) == pytest.approx((low, high), rel=1e-12)


def test_percentile_bootstrap_equals_copied_rows(rng: np.random.Generator) -> None:
    """The vectorised replicates equal scoring copies of the drawn speakers' rows, draw by draw."""
    from sklearn.metrics import balanced_accuracy_score

    truth, predicted, speaker = speaker_rows(rng, 8)
    fast = m.bootstrap_ci("balanced_accuracy", truth, predicted, speakers=speaker, method="percentile", n_resamples=150, random_state=4)
    slow = m.bootstrap_ci(balanced_accuracy_score, truth, predicted, speakers=speaker, method="percentile", n_resamples=150, random_state=4)
    assert (fast.low, fast.high) == pytest.approx((slow.low, slow.high), abs=1e-12)


@pytest.mark.parametrize("metric", ["accuracy", "uar", "macro_f1", "weighted_f1", "cohen_kappa", "matthews_corrcoef"])
def test_estimates_equal_the_scores(rng: np.random.Generator, metric: str) -> None:
    from sklearn import metrics as sk

    truth, predicted, speaker = speaker_rows(rng, 7)
    oracle: dict[str, Any] = {
        "accuracy": sk.accuracy_score,
        "uar": sk.balanced_accuracy_score,
        "macro_f1": lambda t, p: sk.f1_score(t, p, average="macro"),
        "weighted_f1": lambda t, p: sk.f1_score(t, p, average="weighted"),
        "cohen_kappa": sk.cohen_kappa_score,
        "matthews_corrcoef": sk.matthews_corrcoef,
    }
    interval = m.speaker_interval(metric, truth, predicted, speaker)
    assert interval.estimate == pytest.approx(oracle[metric](truth, predicted), abs=1e-12)
    assert interval.low < interval.estimate < interval.high
    assert interval.n_speakers == 7
    assert "7 speakers" in str(interval)


@pytest.mark.parametrize("metric", ["log_loss", "brier", "top_2_accuracy", "top_3_accuracy", "expected_calibration_error"])
@pytest.mark.parametrize("n_speakers", [6, 35])
def test_probability_metrics(rng: np.random.Generator, metric: str, n_speakers: int) -> None:
    truth, _, speaker = speaker_rows(rng, n_speakers)
    proba = rng.dirichlet(np.ones(4), len(truth)) * 0.6 + 0.4 * np.eye(4)[truth]
    interval = m.speaker_interval(metric, truth, proba, speaker, n_resamples=300)
    assert interval.low <= interval.estimate <= interval.high
    all_alike = metric == "top_2_accuracy"  # the true class has at least .4 and one other may have more: always among the first two
    assert (interval.estimate == 1.0) == all_alike or metric == "top_3_accuracy"
    assert ("all alike" in interval.method) == (interval.estimate == 1.0)
    assert ("bootstrap" in interval.method) == (n_speakers >= 30 and interval.estimate < 1.0)


@pytest.mark.parametrize("n_jobs", [1, 2, 7])
def test_threads_and_more_resamples_do_not_change_a_draw(rng: np.random.Generator, n_jobs: int) -> None:
    from emotion_native import _core

    draws = _core.cluster_multiplicities(9, 500, 11, n_jobs)
    assert np.array_equal(draws, _core.cluster_multiplicities(9, 500, 11, 1))
    assert np.array_equal(draws, _core.cluster_multiplicities(9, 900, 11, n_jobs)[:500])
    assert (draws.sum(axis=1) == 9).all()


def test_names_of_speakers_and_order_of_rows_do_not_matter(rng: np.random.Generator) -> None:
    truth, predicted, speaker = speaker_rows(rng, 6)
    order = rng.permutation(len(truth))
    plain = m.speaker_interval("uar", truth, predicted, speaker)
    named = m.speaker_interval("uar", truth[order], predicted[order], np.array([f"s{i}" for i in speaker])[order])
    assert (plain.low, plain.high) == pytest.approx((named.low, named.high), abs=1e-12)


@pytest.mark.parametrize(("right", "bounds"), [(True, (0.025 ** (1 / 40), 1.0)), (False, (0.0, 1 - 0.025 ** (1 / 40)))])
def test_many_speakers_that_are_all_alike_have_an_interval_too(right: bool, bounds: tuple[float, float]) -> None:
    """A bootstrap of 40 perfect speakers draws 40 perfect speakers: a width of zero would claim certainty."""
    truth, speakers = np.arange(80) % 2, np.arange(80) // 2
    predicted = truth if right else 1 - truth
    for interval in (
        m.speaker_interval("accuracy", truth, predicted, speakers),
        m.bootstrap_ci("accuracy", truth, predicted, speakers=speakers, method="percentile"),
    ):
        assert (interval.low, interval.high) == pytest.approx(bounds)
        assert "all alike" in interval.method


def test_degenerate_samples() -> None:
    one = m.speaker_interval("accuracy", [0, 1], [0, 0], ["a", "a"])
    assert one.estimate == 0.5
    assert np.isnan(one.low)
    assert np.isnan(one.high)
    perfect = m.speaker_interval("accuracy", [0, 1] * 3, [0, 1] * 3, [1, 1, 2, 2, 3, 3])
    assert (perfect.low, perfect.high) == (pytest.approx(0.025 ** (1 / 3)), 1.0)
    hopeless = m.speaker_interval("accuracy", [0, 1] * 3, [1, 0] * 3, [1, 1, 2, 2, 3, 3])
    assert (hopeless.low, hopeless.high) == (0.0, pytest.approx(1 - 0.025 ** (1 / 3)))
    assert perfect.to_dict()["n_speakers"] == 3
    assert one.to_dict()["low"] is None


def test_bad_arguments() -> None:
    y, s = [0, 1, 0, 1], ["a", "a", "b", "b"]
    for options in (
        {"metric": "auc"},
        {"level": 1.0},
        {"level": "high"},
        {"speakers": ["a", None, "b", "b"]},
        {"speakers": ["a"]},
        {"n_resamples": 0},
        {"random_state": "x"},
    ):
        arguments: dict[str, Any] = {"metric": "accuracy", "y_true": y, "y_pred": y, "speakers": s, **options}
        with pytest.raises(InvalidInputError):
            m.speaker_interval(**arguments)
    with pytest.raises(InvalidInputError):
        m.bootstrap_ci("accuracy", y, y, speakers=s, method="basic")


def coverage(n_speakers: int, samples: int, interval: Any) -> float:
    """Return how often the interval of pooled UAR holds its value in the population of speakers."""
    rng = np.random.default_rng(12)
    spread, classes = 0.5, 4

    def counts(speakers: int) -> np.ndarray:
        ease = 1.1 + np.linspace(-0.5, 0.5, classes) + rng.normal(0, spread, (speakers, 1)) + rng.normal(0, 0.25, (speakers, classes))
        p = 1 / (1 + np.exp(-ease))
        right = rng.binomial(5, p)
        out = np.zeros((speakers, classes, classes))
        for c in range(classes):
            out[:, c, c] = right[:, c]
            out[:, c, (c + 1) % classes] = 5 - right[:, c]
        return out

    truth = of_counts(counts(200_000), "uar", classes).values(np.ones((1, 200_000)))[0]
    found = 0
    for _ in range(samples):
        result = interval(of_counts(counts(n_speakers), "uar", classes))
        found += result.low <= truth <= result.high
    return found / samples


@pytest.mark.parametrize(("n_speakers", "expected"), [(4, 0.95), (6, 0.95), (12, 0.95), (24, 0.95)])
def test_the_jackknife_covers_what_it_says(n_speakers: int, expected: float) -> None:
    """2,000 samples: the standard error of the measured coverage is 0.5 points, so [0.93, 0.98] is four of them and some skewness."""
    measured = coverage(n_speakers, 2000, lambda s: jackknife_interval(s, 0.95))
    assert expected - 0.02 <= measured <= expected + 0.03


def test_the_percentile_bootstrap_over_six_speakers_does_not() -> None:
    """Why six speakers get a jackknife: 500 samples, standard error 1.6 points."""
    measured = coverage(6, 500, lambda s: bootstrap_interval(s, 0.95, "percentile", 400, 0, 1))
    assert measured < 0.91


def test_the_bootstrap_covers_from_thirty_speakers_on() -> None:
    """800 samples: standard error 0.8 points."""
    measured = coverage(36, 800, lambda s: bootstrap_interval(s, 0.95, "bca", 1000, 0, 1))
    assert 0.92 <= measured <= 0.98
