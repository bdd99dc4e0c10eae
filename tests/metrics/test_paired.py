"""Two models on the same clips: published examples, closed forms, and promises measured on simulated speakers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

import emotion_native as en
from emotion_native import _core
from emotion_native.exceptions import InvalidInputError
from emotion_native.metrics import _rates
from emotion_native.metrics._intervals import jackknife_interval
from emotion_native.metrics._paired import difference_of
from emotion_native.metrics._statistics import of_counts

m = en.metrics


def two_models(rng: np.random.Generator, n_speakers: int, *, gain: float = 0.0, clips: int = 12, spread: float = 0.8) -> tuple[np.ndarray, ...]:
    """Return truth, both models' answers and speakers. Speakers differ in difficulty, and in which model suits them."""
    n = rng.poisson(clips, n_speakers) + 3
    speaker = np.repeat(np.arange(n_speakers), n)
    truth = rng.integers(0, 4, len(speaker))
    ease = rng.normal(1.0, 0.5, n_speakers)
    answers = []
    for extra in (gain, 0.0):
        own = ease + extra + rng.normal(0, spread, n_speakers)
        right = rng.random(len(truth)) < 1 / (1 + np.exp(-own[speaker]))
        answers.append(np.where(right, truth, (truth + rng.integers(1, 4, len(truth))) % 4))
    return truth, answers[0], answers[1], speaker


def test_mcnemar_published() -> None:
    """Fagerland, Lydersen & Laake 2013, airway hyper-responsiveness: 1 against 7 discordant pairs; exact .0703, mid-p .0391."""
    truth, a, b = np.ones(21), np.r_[np.ones(1), np.zeros(7), np.ones(13)], np.r_[np.zeros(1), np.ones(7), np.ones(13)]
    exact, mid = (m.mcnemar_test(truth, a, b, method=method) for method in ("exact", "mid-p"))
    assert (exact.only_a, exact.only_b) == (1, 7)
    assert exact.p_value == pytest.approx(0.0703125, abs=1e-12)
    assert mid.p_value == pytest.approx(0.0390625, abs=1e-12)
    assert exact.p_value == pytest.approx(stats.binomtest(1, 8).pvalue, abs=1e-12)
    assert m.mcnemar_test(truth, a, a).p_value == 1.0
    assert m.mcnemar_test(truth, b, a).p_value == mid.p_value
    assert mid.to_dict()["method"] == "mid-p"


def test_holm_by_hand() -> None:
    assert m.holm_correction([0.01, 0.04, 0.03, np.nan]).tolist()[:3] == pytest.approx([0.03, 0.06, 0.06])
    assert m.holm_correction([0.9, 0.8]).tolist() == [1.0, 1.0]
    assert m.holm_correction([]).shape == (0,)
    assert math.isnan(m.holm_correction([0.5, math.nan])[1])


@pytest.mark.parametrize("metric", ["accuracy", "uar", "balanced_accuracy", "macro_f1", "weighted_f1", "cohen_kappa", "matthews_corrcoef"])
def test_native_rates_are_the_scores(rng: np.random.Generator, metric: str) -> None:
    """The permutation test's own statistic, in C++, equals the difference of the Python scores up to the order of sums."""
    truth, a, b, speaker = two_models(rng, 9)
    tables = [_core.confusion_counts(truth, p, 5, np.empty(0), speaker, 9).reshape(9, -1) for p in (a, b)]
    statistic, p, n, exact = _core.swap_test(*tables, 5, 4, metric, 20, 100, 0, 1)
    scores = [float(_rates.BY_NAME[metric](table.sum(axis=0).reshape(5, 5), 4)) for table in tables]
    assert statistic == pytest.approx(scores[0] - scores[1], abs=1e-13)
    assert exact
    assert n == 256
    assert (p * 256) % 1 == 0
    for n_jobs in (2, 7):
        assert _core.swap_test(*tables, 5, 4, metric, 4, 20_000, 3, n_jobs) == _core.swap_test(*tables, 5, 4, metric, 4, 20_000, 3, 1)


def test_accuracy_over_equal_speakers_is_scipys_permutation_test(rng: np.random.Generator) -> None:
    truth, speaker = np.zeros(80, dtype=int), np.repeat(np.arange(8), 10)
    a, b = ((rng.random(80) < share).astype(int) for share in (0.2, 0.45))
    ours = m.paired_speaker_test("accuracy", truth, a, b, speaker, labels=[0, 1])
    rights = [(p == truth).reshape(8, 10).mean(axis=1) for p in (a, b)]
    theirs = stats.permutation_test(
        rights, lambda x, y, axis: np.mean(x - y, axis=axis), permutation_type="samples", vectorized=True, n_resamples=np.inf
    )
    assert ours.p_value == pytest.approx(theirs.pvalue, abs=1e-12)
    gap = rights[0] - rights[1]
    assert ours.difference.estimate == pytest.approx(gap.mean(), abs=1e-12)
    assert (ours.a_better, ours.b_better) == ((gap > 0).sum(), (gap < 0).sum())
    assert ours.detectable == pytest.approx(m.detectable_difference(gap.std(ddof=1), 8), rel=1e-9)
    assert "8 speakers" in ours.hint()


@pytest.mark.parametrize("metric", ["log_loss", "brier", "top_2_accuracy", "top_3_accuracy"])
def test_probability_scores(rng: np.random.Generator, metric: str) -> None:
    from sklearn import metrics as sk

    truth, a, b, speaker = two_models(rng, 12, gain=1.0)
    proba = [0.5 * np.eye(4)[p] + 0.5 * rng.dirichlet(np.ones(4), len(p)) for p in (a, b)]
    result = m.paired_speaker_test(metric, truth, *proba, speaker)
    oracle: Any = {
        "log_loss": sk.log_loss,
        "brier": lambda t, p: sk.brier_score_loss(t, p, scale_by_half=False),
        "top_2_accuracy": sk.top_k_accuracy_score,
        "top_3_accuracy": lambda t, p: sk.top_k_accuracy_score(t, p, k=3),
    }[metric]
    assert (result.a, result.b) == pytest.approx([oracle(truth, p) for p in proba], abs=1e-12)
    assert result.difference.estimate == pytest.approx(result.a - result.b, abs=1e-12)
    assert result.difference.low <= result.difference.estimate <= result.difference.high
    assert 0 < result.p_value <= 1
    back = m.paired_speaker_test(metric, truth, *proba[::-1], speaker)
    assert back.p_value == result.p_value
    assert (back.a_better, back.b_better) == (result.b_better, result.a_better)


def two_confidences(rng: np.random.Generator, n_speakers: int, over: tuple[float, float] = (0.0, 1.0)) -> tuple[Any, ...]:
    """Return truth, both models' probabilities and speakers; a model is too sure by its log-odds."""
    speaker = np.repeat(np.arange(n_speakers), np.resize([12, 20, 28], n_speakers))
    truth = rng.integers(0, 3, len(speaker))
    sides = []
    for extra in over:
        own = rng.normal(0.5, 1.0, len(truth)) + rng.normal(0, 0.3, n_speakers)[speaker]
        answer = np.where(rng.random(len(truth)) < 1 / (1 + np.exp(-own)), truth, (truth + 1) % 3)
        sure = 0.4 + 0.6 / (1 + np.exp(-own - extra))
        sides.append(np.eye(3)[answer] * (1.5 * sure - 0.5)[:, None] + (1 - sure)[:, None] / 2)
    return truth, *sides, speaker


def flipped_by_hand(truth: Any, a: Any, b: Any, speaker: Any) -> float:
    """Return the p-value over all signs of what each speaker brought, rows put into bins one by one, terms as Kumar, Liang & Ma define them."""
    bins = max(1, min(15, len(truth) // 20))
    assert len(truth) % bins == 0  # bins of equal mass are equal in rows

    def error(proba: Any, rows: Any) -> float:
        confidence, right, total = proba.max(axis=1), proba.argmax(axis=1) == truth, 0.0
        place = np.empty(len(truth), dtype=int)
        for number, part in enumerate(np.array_split(np.argsort(confidence), bins)):
            place[part] = number
        for number in range(bins):
            own = rows[place[rows] == number]
            if len(own):
                accuracy, gap = right[own].mean(), abs(right[own].mean() - confidence[own].mean())
                noise = math.sqrt(accuracy * (1 - accuracy) / len(own))
                total += len(own) * (2 * gap - (stats.foldnorm(gap / noise, scale=noise).mean() if noise else gap))
        return total / len(rows)

    n = len(np.unique(speaker))
    whole = error(a, np.arange(len(truth))) - error(b, np.arange(len(truth)))
    deleted = np.array([error(a, rows) - error(b, rows) for rows in (np.flatnonzero(speaker != s) for s in range(n))])
    share = np.bincount(speaker) / len(speaker)
    z = share * whole + (1 - share) * (whole - deleted)
    z += share * (whole - z.sum())
    sums = [np.sum(np.where((signs >> np.arange(n)) & 1, -z, z)) for signs in range(2**n)]
    return float(np.mean(np.abs(sums) >= abs(sums[0]) - 1e-12))


def test_calibration_error(rng: np.random.Generator) -> None:
    """Against a count of all signs by hand; scores are those of the metric, the interval is the jackknife's of the uncut difference."""
    truth, a, b, speaker = two_confidences(rng, 7)
    result = m.paired_speaker_test("expected_calibration_error", truth, a, b, speaker)
    assert (result.a, result.b) == pytest.approx([m.expected_calibration_error(truth, p) for p in (a, b)], abs=1e-12)
    assert result.p_value == pytest.approx(flipped_by_hand(truth, a, b, speaker), abs=1e-12)
    assert result.method == "sign-flip test of the jackknife's values, all 128 signs by speaker"
    own = [[m.expected_calibration_error(truth[speaker == s], p[speaker == s], labels=[0, 1, 2]) for s in range(7)] for p in (a, b)]
    assert (result.a_better, result.b_better) == (np.sum(np.less(*own)), np.sum(np.greater(*own)))  # lower is better
    single = [m.speaker_interval("expected_calibration_error", truth, p, speaker) for p in (a, b)]
    assert result.difference.estimate == pytest.approx(single[0].estimate - single[1].estimate, abs=1e-12)
    assert result.difference.low < result.difference.estimate < result.difference.high
    back = m.paired_speaker_test("expected_calibration_error", truth, b, a, speaker)
    assert back.p_value == result.p_value and back.difference.estimate == pytest.approx(-result.difference.estimate, abs=1e-15)


def test_what_speakers_brought_is_the_exchange_of_answers_for_a_mean(rng: np.random.Generator) -> None:
    """For a mean over rows z_i is the speaker's sum over all rows, whatever the numbers of clips."""
    from emotion_native.metrics._paired_calibration import influence
    from emotion_native.metrics._statistics import of_row_means

    speaker = np.repeat(np.arange(6), [200, 5, 5, 1, 40, 9])
    rows = rng.exponential(size=len(speaker))
    found = influence(of_row_means(rows, speaker, 6))
    np.testing.assert_allclose(found, np.bincount(speaker, weights=rows) / len(rows), atol=1e-12)


@pytest.mark.unsanitized  # statistics over many samples
def test_one_speaker_with_most_of_the_clips_gives_no_false_alarms() -> None:
    """Two models that are exchangeable speaker by speaker: of 300 data sets at most 8 % fall below 5 % (standard error 1.3)."""
    size = np.array([200, *[5] * 7])
    speaker, found = np.repeat(np.arange(8), size), 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        ease = rng.normal(1, 1, len(speaker))
        truth = rng.integers(0, 2, len(speaker))
        right = rng.random(len(speaker)) < 1 / (1 + np.exp(-ease))
        answer = np.where(right, truth, 1 - truth)
        sides = []
        for _ in range(2):
            sure = 1 / (1 + np.exp(-np.abs(ease + rng.normal(0, 0.3, len(speaker)) + rng.normal(0.5, 0.8, 8)[speaker])))
            sides.append(np.where(np.arange(2) == answer[:, None], sure[:, None], 1 - sure[:, None]))
        found += m.paired_speaker_test("expected_calibration_error", truth, *sides, speaker, n_jobs=1).p_value <= 0.05
    assert found <= 24


def test_intervals_of_differences_of_calibration_errors_stay_within_the_possible() -> None:
    truth = np.tile([0, 1, 2], 40)
    speaker = np.repeat(np.arange(12), 10)
    right, wrong = np.eye(3)[truth], np.eye(3)[(truth + 1) % 3]
    found = m.paired_speaker_test("expected_calibration_error", truth, right, wrong, speaker).difference
    assert found.estimate == pytest.approx(-1) and -1 - 1e-12 <= found.low <= found.high <= 1


def test_calibration_error_of_many_speakers(rng: np.random.Generator) -> None:
    truth, a, b, speaker = two_confidences(rng, 30)
    results = [m.paired_speaker_test("expected_calibration_error", truth, a, b, speaker, random_state=4, n_jobs=n) for n in (1, 2, 7)]
    assert results[0] == results[1] == results[2]
    assert "10,000 random signs" in results[0].method and 1e-4 <= results[0].p_value < 0.05
    same = m.paired_speaker_test("expected_calibration_error", truth, a, a, speaker)
    assert same.p_value == 1.0 and same.difference.low < 0 < same.difference.high <= 1


def test_failed_clips_are_wrong_answers_and_no_class(rng: np.random.Generator) -> None:
    truth, a, b, speaker = two_models(rng, 8)
    names = np.array(["angry", "calm", "happy", "sad"])
    failed = np.where(np.arange(len(truth)) % 9 == 0, "", names[a])
    result = m.paired_speaker_test("macro_f1", names[truth], failed, names[b], speaker)
    from sklearn.metrics import f1_score

    assert result.a == pytest.approx(f1_score(names[truth], failed, average="macro", labels=names), abs=1e-12)


@pytest.mark.parametrize("n_speakers", [1, 2, 5, 8, 40])
def test_equal_models(rng: np.random.Generator, n_speakers: int) -> None:
    truth, a, _, speaker = two_models(rng, n_speakers)
    result = m.paired_speaker_test("uar", truth, a, a, speaker)
    assert result.p_value == 1.0
    assert result.difference.estimate == 0.0
    if n_speakers > 1:
        assert result.difference.low < 0 < result.difference.high  # speakers yet unheard may differ
    assert ("cannot be below" in result.hint()) == (n_speakers <= 5)


def test_many_speakers_and_threads(rng: np.random.Generator) -> None:
    truth, a, b, speaker = two_models(rng, 40, gain=0.8)
    results = [m.paired_speaker_test("macro_f1", truth, a, b, speaker, random_state=4, n_jobs=n) for n in (1, 2, 7)]
    assert results[0] == results[1] == results[2]
    assert "jackknife" in results[0].difference.method
    assert "random exchanges" in results[0].method
    assert results[0].p_value >= 1 / 10_000
    assert str(results[0]).startswith("macro_f1")


def test_detectable_difference_has_its_power(rng: np.random.Generator) -> None:
    """Cohen 1988: 34 pairs find half a standard deviation with 81 %; and the paired t test's power, drawn 20,000 times."""
    assert m.detectable_difference(1.0, 34) == pytest.approx(0.5, abs=0.01)
    for n in (6, 24):
        shift = m.detectable_difference(2.0, n)
        p = stats.ttest_1samp(rng.normal(shift, 2.0, (20_000, n)), 0.0, axis=1).pvalue
        assert np.mean(p < 0.05) == pytest.approx(0.8, abs=5 * math.sqrt(0.16 / 20_000))  # five standard errors
    assert math.isinf(m.detectable_difference(1.0, 5))
    assert math.isinf(m.detectable_difference(1.0, 1))
    assert math.isfinite(m.detectable_difference(1.0, 5, level=0.9))
    assert m.detectable_difference(0.0, 10) == 0.0


def test_the_permutation_test_keeps_its_level_and_mcnemar_does_not() -> None:
    """2,000 data sets without a difference: of exact tests at 5 % at most 5 % + 4 standard errors (0.5) may be false alarms."""
    rng = np.random.default_rng(11)
    repetitions = 2000
    found = {"uar, 8 speakers": 0, "accuracy, 24 speakers": 0, "mcnemar, 24 speakers": 0}
    for r in range(repetitions):
        truth, a, b, speaker = two_models(rng, 8)
        tables = [_core.confusion_counts(truth, p, 5, np.empty(0), speaker, 8).reshape(8, -1) for p in (a, b)]
        found["uar, 8 speakers"] += _core.swap_test(*tables, 5, 4, "uar", 20, 999, r, 1)[1] <= 0.05
        truth, a, b, speaker = two_models(rng, 24)
        tables = [_core.confusion_counts(truth, p, 5, np.empty(0), speaker, 24).reshape(24, -1) for p in (a, b)]
        found["accuracy, 24 speakers"] += _core.swap_test(*tables, 5, 4, "accuracy", 20, 999, r, 1)[1] <= 0.05
        found["mcnemar, 24 speakers"] += m.mcnemar_test(truth, a, b).p_value <= 0.05
    share = {name: count / repetitions for name, count in found.items()}
    assert 0.03 < share["uar, 8 speakers"] < 0.07, share
    assert 0.03 < share["accuracy, 24 speakers"] < 0.07, share
    assert share["mcnemar, 24 speakers"] > 0.10, share  # rows of one speaker are no independent evidence


@pytest.mark.parametrize("n_speakers", [6, 24])
def test_intervals_of_differences_cover_what_they_say(n_speakers: int) -> None:
    """2,000 data sets: the standard error of the coverage is 0.5 %, so 93 to 97 % is four of them on either side."""
    rng = np.random.default_rng(12)

    def statistic(n: int) -> Any:
        truth, a, b, speaker = two_models(rng, n, gain=0.6)
        counts = [_core.confusion_counts(truth, p, 4, np.empty(0), speaker, n) for p in (a, b)]
        return difference_of(*(of_counts(table, "uar", 4) for table in counts))

    value = float(statistic(200_000).values(np.ones((1, 200_000)))[0])
    found = 0
    for _ in range(2000):
        interval = jackknife_interval(statistic(n_speakers), 0.95)
        found += interval.low <= value <= interval.high
    assert 0.93 <= found / 2000 <= 0.97


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: m.paired_speaker_test("f2", [0, 1], [0, 1], [0, 1], [1, 2]), "metric of paired_speaker_test"),
        (lambda: m.paired_speaker_test("uar", [0, 1], [0], [0, 1], [1, 2]), "y_pred_a of paired_speaker_test"),
        (lambda: m.paired_speaker_test("uar", [0, 1], [0, 1], ["a", "b"], [1, 2]), "labels of paired_speaker_test"),
        (lambda: m.paired_speaker_test("uar", [0, 1], [0, 1], [0, 1], [1]), "speakers of paired_speaker_test"),
        (lambda: m.paired_speaker_test("uar", [0, 1], [0, 1], [0, 1], [1, 2], labels=[0]), "labels of paired_speaker_test"),
        (lambda: m.paired_speaker_test("log_loss", [0, 1], [0, 1], [[0.5, 0.5], [2, -1]], [1, 2]), "y_pred_b of paired_speaker_test"),
        (lambda: m.mcnemar_test([0, 1], [0, 1], [0, 1], method="chi2"), "method of mcnemar_test"),
        (lambda: m.holm_correction([2.0]), "p_values of holm_correction"),
        (lambda: m.detectable_difference(-1.0, 5), "standard_deviation of detectable_difference"),
        (lambda: m.detectable_difference(1.0, 0), "n_speakers of detectable_difference"),
        (lambda: m.detectable_difference(1.0, 5, power=1.0), "power of detectable_difference"),
    ],
)
def test_messages(call: Any, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        call()
