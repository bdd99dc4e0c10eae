"""What users hand to metrics by mistake: told apart from what is meant, by name, and never counted silently."""

from __future__ import annotations

import tracemalloc
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

import emotion_native as en
from emotion_native.exceptions import InvalidInputError

m = en.metrics
N = 60
TRUTH = np.array(["a", "b", "c"])[np.arange(N) % 3]
OTHER = np.roll(TRUTH, 1)
PROBA = np.eye(3)[np.arange(N) % 3] * 0.7 + 0.1
SPEAKER = np.arange(N) // 10
OVER_SPEAKERS: dict[str, Callable[[Any], Any]] = {
    "speaker_interval": lambda s: m.speaker_interval("accuracy", TRUTH, OTHER, s),
    "bootstrap_ci": lambda s: m.bootstrap_ci("accuracy", TRUTH, OTHER, speakers=s, n_resamples=50),
    "paired_speaker_test": lambda s: m.paired_speaker_test("accuracy", TRUTH, TRUTH, OTHER, s),
    "classification_summary": lambda s: m.classification_summary(TRUTH, PROBA, classes=["a", "b", "c"], speakers=s),
}
UNKNOWN: dict[str, Any] = {
    "NaN among texts": ["x"] * 30 + [float("nan")] + ["y"] * 29,
    "None": ["x"] * 30 + [None] + ["y"] * 29,
    "empty text": ["x"] * 30 + [""] * 30,
    "NA": pd.Series(["x"] * 59 + [pd.NA]),
    "NaN": np.where(SPEAKER == 2, np.nan, SPEAKER),
    "masked": np.ma.MaskedArray(SPEAKER, mask=SPEAKER == 2),
}


@pytest.mark.parametrize("name", list(OVER_SPEAKERS))
@pytest.mark.parametrize("what", list(UNKNOWN))
def test_unknown_speakers_are_no_speaker_of_their_own(name: str, what: str) -> None:
    with pytest.raises(InvalidInputError, match=r"speakers of \w+ must be known for every row"):
        OVER_SPEAKERS[name](UNKNOWN[what])


@pytest.mark.parametrize("name", list(OVER_SPEAKERS))
def test_speakers_of_two_kinds_are_refused_and_an_index_means_nothing(name: str) -> None:
    for speakers in (["x"] * 30 + [1] * 30, np.array(["x"] * 30 + [1] * 30, dtype=object)):
        with pytest.raises(InvalidInputError, match="one sortable kind"):
            OVER_SPEAKERS[name](speakers)
    shuffled = pd.Series(SPEAKER, index=np.random.default_rng(0).permutation(N))
    assert repr(OVER_SPEAKERS[name](shuffled)) == repr(OVER_SPEAKERS[name](SPEAKER))


def test_a_list_of_texts_and_nan_is_no_list_of_labels() -> None:
    mixed = ["a", float("nan")] * 30
    calls: list[Callable[[], Any]] = [
        lambda: m.accuracy_score(mixed, TRUTH),
        lambda: m.accuracy_score(TRUTH, mixed),
        lambda: m.mcnemar_test(TRUTH, mixed, TRUTH),
        lambda: m.paired_speaker_test("accuracy", TRUTH, mixed, TRUTH, SPEAKER),
        lambda: m.expected_calibration_error(mixed, PROBA),
    ]
    for call in calls:
        with pytest.raises(InvalidInputError, match="labels of one kind, all known"):
            call()


@pytest.mark.parametrize(
    "call",
    [
        lambda p: m.log_loss(TRUTH, p),
        lambda p: m.brier_score_loss(TRUTH, p),
        lambda p: m.expected_calibration_error(TRUTH, p),
        lambda p: m.reliability_curve(TRUTH, p),
        lambda p: m.speaker_interval("log_loss", TRUTH, p, SPEAKER),
        lambda p: m.paired_speaker_test("brier", TRUTH, PROBA, p, SPEAKER),
    ],
)
def test_probabilities_that_do_not_sum_to_one_are_told(call: Any) -> None:
    """A table of ones would have the best log loss there is. Rounding, also that of float32, is none of it."""
    with pytest.warns(UserWarning, match="should add up to 1"):
        call(np.ones((N, 3)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        call(PROBA)
        call(PROBA.astype(np.float32))
        call(np.eye(3, dtype=int)[np.arange(N) % 3])
        odd = np.random.default_rng(0).random((N, 3)).astype(np.float32)
        call(odd / odd.sum(axis=1, keepdims=True))
    with pytest.raises(InvalidInputError, match="must be numbers"):
        call(PROBA.astype(str))


@pytest.mark.parametrize("score", [m.log_loss, m.brier_score_loss, m.expected_calibration_error, m.reliability_curve, m.top_k_accuracy_score])
def test_weights_that_sum_to_nothing_are_refused(score: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"sample_weight of \w+ must have a sum other than zero"):
        score(TRUTH, PROBA, sample_weight=np.zeros(N))
    with pytest.raises(InvalidInputError, match=r"sample_weight of \w+ must be numbers"):
        score(TRUTH, PROBA, sample_weight=["1"] * N)


def test_ratings_must_be_comparable() -> None:
    with pytest.raises(InvalidInputError, match="one sortable kind"):
        m.krippendorff_alpha([[1, "1", 2], ["1", 1, "2"]])
    with pytest.raises(InvalidInputError, match="finite"):
        m.krippendorff_alpha([[1, np.inf, 2], [1, 1, 2]], level_of_measurement="interval")
    with pytest.raises(InvalidInputError, match="not be negative"):
        m.krippendorff_alpha([[-1, 1, 2], [1, 1, 2]], level_of_measurement="ratio")
    missing = [[1, None, 2, 1], [1, 1, 2, 2]]
    assert m.krippendorff_alpha([[1, pd.NA, 2, 1], [1, 1, 2, 2]]) == m.krippendorff_alpha(missing)
    with pytest.raises(InvalidInputError, match="table of fleiss_kappa must be numbers"):
        m.fleiss_kappa([["a", "b"]])


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval", "ratio"])
def test_continuous_ratings_take_no_table_of_all_pairs_of_values(level: str) -> None:
    """Two raters of 6,000 clips with a slider give 12,000 different values; tables of all pairs would take 1 GB each."""
    rng = np.random.default_rng(0)
    first = rng.random(6000)
    ratings = np.stack([first, first + 0.1 * rng.random(6000)])
    tracemalloc.start()
    alpha = m.krippendorff_alpha(ratings, level_of_measurement=level)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200e6
    if level == "interval":  # squares within clips and of all n ratings: 1 - (n - 1) / n * sum((a - b)^2) / sum((v - mean)^2)
        within, total = ((ratings[0] - ratings[1]) ** 2).sum(), ((ratings - ratings.mean()) ** 2).sum()
        assert alpha == pytest.approx(1 - 11_999 / 12_000 * within / total, rel=1e-9)


@pytest.mark.parametrize(
    "call",
    [
        lambda: m.detectable_difference("x", 10),
        lambda: m.detectable_difference(0.1, 10, power="0.8"),
        lambda: m.holm_correction(["a"]),
        lambda: m.risk_coverage_curve(TRUTH, OTHER, ["x"] * N),
        lambda: m.top_k_accuracy_score(TRUTH, [["x"] * 3] * N),
    ],
)
def test_what_is_no_number_is_told(call: Any) -> None:
    with pytest.raises(InvalidInputError, match="must be"):
        call()


@pytest.mark.parametrize(("n", "level", "power"), [(20, 0.95, 1 - 1e-12), (40, 1 - 1e-9, 0.8), (40, 1 - 1e-9, 0.05), (60, 1 - 1e-12, 0.9)])
def test_power_where_the_noncentral_t_gives_up(n: int, level: float, power: float) -> None:
    """The power at the shift that was found is the one asked for, by integration over the standard deviation."""
    shift = m.detectable_difference(1.0, n, level=level, power=power) * np.sqrt(n)
    limit = stats.t.ppf(1 - (1 - level) / 2, n - 1)

    def missed(v: float) -> float:
        scale = limit * np.sqrt(v / (n - 1))
        return float((stats.norm.cdf(scale - shift) - stats.norm.cdf(-scale - shift)) * stats.chi2.pdf(v, n - 1))

    found = integrate.quad(missed, 0, 20 * n, points=[n / 2, n, 2 * n, 4 * n], limit=500, epsabs=1e-14)[0]
    assert found == pytest.approx(1 - power, rel=0.02, abs=2e-5)
