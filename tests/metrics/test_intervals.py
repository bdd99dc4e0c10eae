"""Intervals: closed forms, properties, and measured coverage."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

import emotion_native as en
from emotion_native import _core
from emotion_native.exceptions import InvalidInputError
from emotion_native.metrics._intervals import bootstrap_interval, jackknife_interval, spread
from emotion_native.metrics._statistics import Statistic, of_calibration, of_counts, of_row_means

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
    interval = m.speaker_interval(metric, truth, proba, speaker)
    assert interval.low <= interval.estimate <= interval.high
    all_alike = metric == "top_2_accuracy"  # the true class has at least .4 and one other may have more: always among the first two
    assert (interval.estimate == 1.0) == all_alike or metric == "top_3_accuracy"
    assert ("all alike" in interval.method) == (interval.estimate == 1.0)
    assert ("logarithms" in interval.method) == (metric == "log_loss")


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
    ):
        arguments: dict[str, Any] = {"metric": "accuracy", "y_true": y, "y_pred": y, "speakers": s, **options}
        with pytest.raises(InvalidInputError):
            m.speaker_interval(**arguments)
    with pytest.raises(InvalidInputError):
        m.bootstrap_ci("accuracy", y, y, speakers=s, method="basic")
    with pytest.raises(InvalidInputError, match="n_resamples"):
        m.bootstrap_ci("accuracy", y, y, speakers=s, n_resamples=0)
    with pytest.raises(InvalidInputError, match="random_state"):
        m.bootstrap_ci("accuracy", y, y, speakers=s, random_state="x")


def test_degrees_of_freedom_follow_the_numbers_of_rows() -> None:
    """n - 1 for speakers with equally many rows, (n - 1) / (n sum of squared shares) for others; a speaker without rows does not count."""
    rows = np.array([8, 1, 1, 2, 0])
    speaker = np.repeat(np.arange(5), rows)
    values = np.random.default_rng(0).normal(size=12)
    for sizes, expected in ((np.ones(5), 4.0), (rows, 3 / 4 / np.sum((rows / 12) ** 2))):
        statistic = replace(of_row_means(values, speaker, 5, high=float("inf")), sizes=sizes)
        assert spread(statistic)[1] == pytest.approx(expected, rel=1e-12)
    assert np.isnan(spread(of_row_means(np.ones(3), np.zeros(3, dtype=np.int64), 2))[0])


def test_log_loss_is_carried_to_the_scale_of_logarithms(rng: np.random.Generator) -> None:
    values, speaker = rng.exponential(size=60), np.repeat(np.arange(6), 10)
    interval = jackknife_interval(of_row_means(values, speaker, 6, high=float("inf")), 0.95)
    means = values.reshape(6, 10).mean(axis=1)
    half = stats.t.ppf(0.975, 5) * means.std(ddof=1) / np.sqrt(6) / means.mean()
    assert (interval.low, interval.high) == pytest.approx((means.mean() * np.exp(-half), means.mean() * np.exp(half)), rel=1e-12)


def test_very_many_speakers_are_deleted_in_groups(rng: np.random.Generator) -> None:
    """500 groups of 1,999 speakers: the standard error is that of the mean, known with a relative error of 1 / sqrt(2 * 499) = 3 %."""
    values = rng.random(1999)
    error, degrees = spread(of_row_means(values, np.arange(1999), 1999))
    assert error == pytest.approx(values.std(ddof=1) / np.sqrt(1999), rel=0.12)
    assert 490 < degrees < 499


def test_speaker_bins_are_the_bins_of_the_whole_sample(rng: np.random.Generator) -> None:
    """With every speaker once the error is that of the rows, ties and exact answers included; else the bins keep their edges."""
    confidence, speaker = rng.integers(50, 100, 400) / 100, rng.integers(0, 7, 400)
    correct = (rng.random(400) < confidence).astype(np.uint8)
    correct[confidence > 0.9] = 1
    statistic = of_calibration(confidence, correct, speaker, 7)
    everybody = np.ones((1, 7))
    whole = _core.calibration_error(confidence, correct, np.ones(400), 15, "quantile", True)
    assert statistic.values(everybody)[0] == pytest.approx(whole, abs=1e-12)
    assert statistic.values(2.0 * everybody)[0] != statistic.values(everybody)[0]  # twice the rows, less noise
    assert np.isnan(statistic.values(np.zeros((1, 7)))[0])
    np.testing.assert_array_equal(statistic.sizes, np.bincount(speaker, minlength=7))
    sizes = _core.reliability_bins(confidence, correct, np.empty(0), 15, "quantile")[:, 0].astype(int)
    bins = np.empty(400, dtype=int)
    bins[np.argsort(confidence, kind="stable")] = np.repeat(np.arange(15), sizes)
    weights = rng.integers(0, 3, (30, 7)).astype(float)
    for weight, found in zip(weights, statistic.values(weights), strict=True):
        assert found == pytest.approx(debiased_error(confidence, correct, weight[speaker], bins), abs=1e-12)


def debiased_error(confidence: np.ndarray, correct: np.ndarray, weight: np.ndarray, bins: np.ndarray) -> float:
    """Return the error in given bins, written out: twice the gap less the mean of the gap's size under the noise of the accuracy."""
    total = 0.0
    for b in np.unique(bins[weight > 0]):
        own = weight * (bins == b)
        accuracy, mean = (own @ correct) / own.sum(), (own @ confidence) / own.sum()
        gap, noise = abs(accuracy - mean), np.sqrt(accuracy * (1 - accuracy) / own.sum())
        total += own.sum() * (2 * gap - (stats.foldnorm.mean(gap / noise, scale=noise) if noise > 0 else gap))
    return float(total / weight.sum())


def drawn(rng: np.random.Generator, n: int, ease: float, spread: float, uneven: float) -> tuple[np.ndarray, np.ndarray]:
    """Return confusion counts of n speakers, (n, 4, 4), and the sum of a loss over the rows of each."""
    size = rng.poisson(5 * np.exp(rng.normal(-(uneven**2) / 2, uneven, (n, 1))), (n, 4)) if uneven else np.full((n, 4), 5)
    size[size.sum(axis=1) == 0, 0] = 1
    odds = ease + np.linspace(-0.5, 0.5, 4) + rng.normal(0, spread, (n, 1)) + rng.normal(0, 0.25, (n, 4))
    right = rng.binomial(size, 1 / (1 + np.exp(-odds)))
    counts = np.zeros((n, 4, 4))
    for c in range(4):
        counts[:, c, c], counts[:, c, (c + 1) % 4] = right[:, c], size[:, c] - right[:, c]
    losses = rng.gamma(np.maximum(size.sum(axis=1), 1), np.exp(-odds.mean(axis=1) / 2))
    return counts, losses


def of_sums(sums: np.ndarray, sizes: np.ndarray) -> Statistic:
    return Statistic(lambda weights: (weights @ sums) / (weights @ sizes), len(sums), high=np.inf, sizes=sizes, positive=True)


@pytest.mark.unsanitized  # statistics over many samples
@pytest.mark.parametrize("n_speakers", [6, 12, 40])
@pytest.mark.parametrize("world", [(1.1, 0.5, 0.0), (1.1, 0.7, 0.8)], ids=["even", "uneven"])
def test_intervals_cover_what_they_say(n_speakers: int, world: tuple[float, float, float]) -> None:
    """93 to 97 % of 2,000 simulated data sets, whose standard error is 0.5 points: four of them to each side of 95."""
    rng = np.random.default_rng([31, n_speakers])
    counts, losses = drawn(rng, 200_000, *world)
    everybody = np.ones((1, len(counts)))
    truth = (of_counts(counts, "uar", 4).values(everybody)[0], of_sums(losses, counts.sum(axis=(1, 2))).values(everybody)[0])
    found = np.zeros(2)
    for _ in range(2000):
        counts, losses = drawn(rng, n_speakers, *world)
        for k, statistic in enumerate((of_counts(counts, "uar", 4), of_sums(losses, counts.sum(axis=(1, 2))))):
            interval = jackknife_interval(statistic, 0.95)
            found[k] += interval.low <= truth[k] <= interval.high
    assert (found >= 0.93 * 2000).all(), found / 2000
    assert (found <= 0.97 * 2000).all(), found / 2000


def test_the_percentile_bootstrap_over_six_speakers_does_not() -> None:
    """Why the bootstrap is not the rule: 500 samples, standard error 1.6 points."""
    rng = np.random.default_rng(32)
    truth = of_counts(drawn(rng, 200_000, 1.1, 0.5, 0.0)[0], "uar", 4).values(np.ones((1, 200_000)))[0]
    found = 0
    for _ in range(500):
        interval = bootstrap_interval(of_counts(drawn(rng, 6, 1.1, 0.5, 0.0)[0], "uar", 4), 0.95, "percentile", 400, 0, 1)
        found += interval.low <= truth <= interval.high
    assert found / 500 < 0.91


HOSTILE = ["accuracy", "uar", "macro_f1", "matthews_corrcoef", "cohen_kappa", "log_loss", "brier", "expected_calibration_error"]


@pytest.mark.parametrize("metric", HOSTILE)
def test_hostile_rows(rng: np.random.Generator, metric: str) -> None:
    """One clip a speaker, a class that one speaker alone has, and a constant truth: finite numbers inside the score's range, or none at all."""
    for truth, speaker in (
        (np.arange(40) % 3, np.arange(40)),
        (np.where(np.arange(40) < 5, 3, np.arange(40) % 3), np.arange(40) // 5),
        (np.ones(40, dtype=int), np.arange(40) // 8),
    ):
        proba = rng.dirichlet(np.ones(4), 40)
        answer = proba if metric in ("log_loss", "brier", "expected_calibration_error") else proba.argmax(axis=1)
        labels = np.array(list("abcd"))
        given = answer if answer.ndim == 2 else labels[answer]
        interval = m.speaker_interval(metric, labels[truth], given, [f"s{k}" for k in speaker], labels=labels)
        assert interval.n_speakers == len(np.unique(speaker))
        if np.isfinite(interval.estimate):
            assert interval.low <= max(interval.estimate, 0.0 if metric == "expected_calibration_error" else -1.0) <= interval.high
            assert interval.low >= -1.0
            assert np.isfinite(interval.high)


def test_a_million_rows_of_very_many_speakers(rng: np.random.Generator) -> None:
    """Weights are made a part at a time: 20,000 speakers need 32 MB, not the 3.2 GB of all weights of all deletions."""
    truth, speaker = rng.integers(0, 3, 1_000_000), rng.integers(0, 20_000, 1_000_000)
    predicted = np.where(rng.random(1_000_000) < 0.7, truth, (truth + 1) % 3)
    interval = m.speaker_interval("uar", truth, predicted, speaker)
    assert interval.n_speakers == 20_000
    assert interval.low < 0.7 < interval.high
    assert interval.high - interval.low < 0.003
