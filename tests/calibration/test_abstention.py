"""Thresholds against a search over all of them, and the abstaining classifier."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

import emotion_native as en
from emotion_native.exceptions import EmotionNativeWarning, InvalidInputError, LeakageError

c = en.calibration


def data(seed: int = 0, n: int = 240, speakers: int = 8, gap: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = np.array(["angry", "happy", "sad"])[rng.integers(0, 3, n)]
    X = rng.normal(size=(n, 5))
    X[:, 0] += gap * (y == "sad")
    X[:, 1] += gap * (y == "angry")
    return X, y, np.arange(n) % speakers


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 40), st.integers(0, 2**32 - 1), st.floats(0.05, 1.0))
def test_threshold_for_coverage_is_the_largest_that_answers_enough(n: int, seed: int, target: float) -> None:
    rng = np.random.default_rng(seed)
    confidence, right = rng.integers(1, 11, n) / 10, rng.integers(0, 2, n).astype(bool)
    found = c.choose_threshold(confidence, right, target_coverage=target)
    passing = [t for t in np.unique(confidence) if np.mean(confidence >= t) >= target - 1e-9]
    assert found.value == (0.0 if target == 1 else max(passing))  # all rows means new ones below all of these too
    assert found.coverage == pytest.approx(np.mean(confidence >= found.value))
    assert np.array_equal(found.abstains(confidence), confidence < found.value)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 40), st.integers(0, 2**32 - 1), st.floats(0.05, 1.0))
def test_threshold_for_accuracy_is_the_smallest_that_is_right_enough(n: int, seed: int, target: float) -> None:
    rng = np.random.default_rng(seed)
    confidence, right = rng.integers(1, 11, n) / 10, rng.integers(0, 2, n).astype(bool)
    found = c.choose_threshold(confidence, right, target_accuracy=target)
    passing = [t for t in np.unique(confidence) if right[confidence >= t].mean() >= target - 1e-12]
    if passing:
        assert found.reached
        assert found.value == min(passing)
        assert found.accuracy == pytest.approx(right[confidence >= found.value].mean())
    else:
        assert not found.reached
        assert found.abstains(np.array([0.1, 0.9, 1.0])).all()
        assert found.value == 1.0


def test_nan_confidence_is_never_answered() -> None:
    assert c.choose_threshold([0.5, 0.6], [True, True]).abstains(np.array([np.nan, 0.0])).tolist() == [True, False]


@pytest.mark.parametrize(
    "options",
    [
        {"target_coverage": 0.0},
        {"target_coverage": 1.5},
        {"target_accuracy": "high"},
        {"target_accuracy": True},
        {"target_coverage": 0.5, "target_accuracy": 0.5},
    ],
)
def test_bad_targets(options: Any) -> None:
    with pytest.raises(InvalidInputError, match="target_"):
        c.choose_threshold([0.5], [True], **options)
    X, y, groups = data()
    with pytest.raises(InvalidInputError, match="target_"):
        c.AbstainingClassifier(GaussianNB(), **options).fit(X, y, groups=groups)


def test_bad_rows() -> None:
    for confidence, right in (([], []), ([0.5], [True, False]), ([np.nan], [True])):
        with pytest.raises(InvalidInputError):
            c.choose_threshold(confidence, right)


@pytest.mark.parametrize("inner", [GaussianNB(), c.CalibratedClassifierCV(GaussianNB())], ids=["plain", "calibrated"])
def test_the_threshold_is_that_of_the_out_of_fold_predictions(inner: Any) -> None:
    X, y, groups = data()
    model = c.AbstainingClassifier(inner, target_coverage=0.7, cv=4).fit(X, y, groups=groups)
    raw = en.model_selection.cross_val_predict(GaussianNB(), X, y, groups=groups, cv=4, method="predict_proba")
    if isinstance(inner, c.CalibratedClassifierCV):
        codes = np.searchsorted(model.classes_, y)
        calibrator = c.fit_calibrator("temperature", raw, codes)
        assert model.estimator_.calibrator_.temperature_ == calibrator.temperature_
        raw = calibrator.predict_proba(raw)
    expected = c.choose_threshold(raw.max(axis=1), model.classes_[raw.argmax(axis=1)] == y, target_coverage=0.7)
    assert model.threshold_ == expected.value
    labels, abstained, reasons = model.predict_abstain(X)
    proba = model.predict_proba(X)
    assert np.array_equal(labels, model.predict(X))
    assert np.array_equal(abstained, proba.max(axis=1) < model.threshold_)
    assert set(reasons[abstained]) == {"low_confidence"}
    assert set(reasons[~abstained]) == {""}
    assert model.inner_coverage_ >= 0.7


def test_without_a_target_everything_is_answered() -> None:
    X, y, groups = data()
    model = c.AbstainingClassifier(GaussianNB()).fit(X, y, groups=groups)
    assert model.threshold_ == 0.0
    assert not model.predict_abstain(X)[1].any()


def test_an_unreachable_target_abstains_on_all_and_says_so() -> None:
    X, y, groups = data(gap=0.0)
    with pytest.warns(EmotionNativeWarning, match="cannot be reached"):
        model = c.AbstainingClassifier(GaussianNB(), target_accuracy=1.0).fit(X, y, groups=groups)
    assert not model.reached_
    assert model.threshold_ == 1.0
    labels, abstained, _ = model.predict_abstain(X)
    assert abstained.all()
    assert set(labels) <= set(model.classes_)  # predict always gives a class


def test_groups_are_a_must_and_ungrouped_is_remembered() -> None:
    X, y, groups = data()
    for model in (c.AbstainingClassifier(GaussianNB()), c.CalibratedClassifierCV(GaussianNB())):
        with pytest.raises(LeakageError, match=r"allow_ungrouped=True.*config_context"):
            clone(model).fit(X, y)
        assert clone(model).fit(X, y, groups=groups).ungrouped_ is False
        assert clone(model).set_params(allow_ungrouped=True).fit(X, y).ungrouped_ is True
        with en.config_context(ungrouped="allow"):
            assert clone(model).fit(X, y).ungrouped_ is True
        with pytest.raises(LeakageError, match="at least two"):
            clone(model).fit(X, y, groups=np.zeros(len(y)))
        with pytest.raises(InvalidInputError, match="at most the number of groups"):
            clone(model).set_params(cv=9).fit(X, y, groups=groups)
        with pytest.raises(NotFittedError):
            clone(model).predict(X)


def test_pickle_and_clone_keep_everything() -> None:
    X, y, groups = data()
    model = c.AbstainingClassifier(c.CalibratedClassifierCV(LogisticRegression(), method="sigmoid"), target_accuracy=0.6).fit(X, y, groups=groups)
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X))
    assert np.array_equal(again.predict_abstain(X)[1], model.predict_abstain(X)[1])
    assert clone(model).get_params()["target_accuracy"] == 0.6


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 40), st.integers(0, 2**32 - 1), st.floats(0.05, 1.0))
def test_threshold_for_cost_is_the_smallest_of_least_cost(n: int, seed: int, cost: float) -> None:
    rng = np.random.default_rng(seed)
    confidence, right = rng.integers(1, 11, n) / 10, rng.integers(0, 2, n).astype(bool)
    found = c.choose_threshold(confidence, right, abstention_cost=cost)
    costs = {t: np.sum(~right & (confidence >= t)) + cost * np.sum(confidence < t) for t in np.unique(confidence)}
    least = min(costs.values())
    if least <= cost * n + 1e-9:
        assert found.reached
        smallest = min(t for t, value in costs.items() if value <= least + 1e-9)
        assert found.value == (0.0 if cost == 1 else smallest)  # at a cost of 1 new rows below all of these are answered too
    else:
        assert not found.reached
        assert found.abstains(confidence).all()


def test_with_calibrated_confidences_the_threshold_of_least_cost_is_chows() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.3, 1.0, 200_000)
    right = rng.random(200_000) < confidence
    for cost in (0.1, 0.3, 0.5):
        # The mean cost is flat around its least value: a curvature of 1 / 0.7, a noise of about 1e-3 in its slope.
        assert c.choose_threshold(confidence, right, abstention_cost=cost).value == pytest.approx(1 - cost, abs=0.03)


def test_abstaining_by_cost() -> None:
    X, y, groups = data()
    model = c.AbstainingClassifier(GaussianNB(), abstention_cost=0.4, cv=4).fit(X, y, groups=groups)
    raw = en.model_selection.cross_val_predict(GaussianNB(), X, y, groups=groups, cv=4, method="predict_proba")
    expected = c.choose_threshold(raw.max(axis=1), model.classes_[raw.argmax(axis=1)] == y, abstention_cost=0.4)
    assert model.threshold_ == expected.value and model.inner_coverage_ == expected.coverage
    nested = c.nested_evaluation({"bayes": GaussianNB()}, X, y, groups=groups, abstention_cost=0.4, method=None, cv=4)
    assert nested.final.threshold == expected.value
    X, y, groups = data(gap=0.0)
    with pytest.warns(EmotionNativeWarning, match="abstention_cost of AbstainingClassifier.fit leaves no answer that pays"):
        model = c.AbstainingClassifier(GaussianNB(), abstention_cost=0.01).fit(X, y, groups=groups)
    assert model.predict_abstain(X)[1].all()
    for options in ({"abstention_cost": 0}, {"abstention_cost": 1.2}, {"abstention_cost": 0.2, "target_coverage": 0.5}):
        with pytest.raises(InvalidInputError, match="abstention_cost"):
            c.AbstainingClassifier(GaussianNB(), **options).fit(X, y, groups=groups)


@settings(max_examples=100, deadline=None)
@given(
    st.integers(2, 30), st.integers(0, 2**32 - 1), st.sampled_from(["target_coverage", "target_accuracy", "abstention_cost"]), st.floats(0.05, 1.0)
)
def test_a_row_of_weight_two_counts_as_two_rows_and_one_of_weight_zero_as_none(n: int, seed: int, kind: str, value: float) -> None:
    rng = np.random.default_rng(seed)
    confidence, right, weight = rng.integers(1, 11, n) / 10, rng.integers(0, 2, n).astype(bool), rng.integers(0, 4, n)
    weight[0] = 1
    found = c.choose_threshold(confidence, right, sample_weight=weight, **{kind: value})
    copied = c.choose_threshold(np.repeat(confidence, weight), np.repeat(right, weight), **{kind: value})
    assert (found.value, found.reached, found.coverage) == (copied.value, copied.reached, pytest.approx(copied.coverage))
    assert found.accuracy == pytest.approx(copied.accuracy, nan_ok=True)


@pytest.mark.parametrize("weight", [[1.0], [1.0, -1.0], [0.0, 0.0], [1.0, np.nan], "ab"])
def test_bad_weights_of_thresholds(weight: Any) -> None:
    with pytest.raises(InvalidInputError, match="sample_weight of choose_threshold"):
        c.choose_threshold([0.5, 0.6], [True, False], sample_weight=weight)


@pytest.mark.parametrize("inner", [GaussianNB(), c.CalibratedClassifierCV(GaussianNB())], ids=["plain", "calibrated"])
def test_weights_of_rows_reach_the_threshold(inner: Any) -> None:
    X, y, groups = data()
    weight = np.random.default_rng(3).integers(1, 5, len(y)).astype(float)
    weight[y == "sad"] *= 4
    model = c.AbstainingClassifier(inner, target_coverage=0.6, cv=4).fit(X, y, weight, groups=groups)
    folds = list(en.model_selection.resolve_folds(4, X, y, groups))
    raw = np.empty((len(y), 3))
    for train, test in folds:
        raw[test] = GaussianNB().fit(X[train], y[train], weight[train]).predict_proba(X[test])
    codes = np.searchsorted(model.classes_, y)
    if isinstance(inner, c.CalibratedClassifierCV):
        raw = c.fit_calibrator("temperature", raw, codes, sample_weight=weight).predict_proba(raw)
    expected = c.choose_threshold(raw.max(axis=1), raw.argmax(axis=1) == codes, target_coverage=0.6, sample_weight=weight)
    assert model.threshold_ == expected.value and model.inner_coverage_ == pytest.approx(expected.coverage)
    for bad in ([1.0, 2.0], -weight):
        with pytest.raises(InvalidInputError, match=r"^sample_weight of \w+\.fit must be"):
            clone(model).fit(X, y, bad, groups=groups)
    assert model.threshold_ != c.AbstainingClassifier(inner, target_coverage=0.6, cv=4).fit(X, y, groups=groups).threshold_


@pytest.mark.parametrize("target", ["target_coverage", "abstention_cost"])
def test_a_target_of_one_answers_new_rows_of_any_confidence(target: str) -> None:
    found = c.choose_threshold([0.9, 0.8, 0.7, 0.6], [True, True, False, False], **{target: 1.0})
    assert (found.value, found.reached, found.coverage, found.accuracy) == (0.0, True, 1.0, 0.5)
    assert not found.abstains(np.array([0.01, 0.5, 1.0])).any()


@pytest.mark.parametrize("target", ["target_coverage", "abstention_cost"])
@pytest.mark.parametrize("detector", [None, c.OutOfDistributionDetector(cv=4)])
def test_a_model_with_a_target_of_one_answers_new_rows_that_no_detector_stops(target: str, detector: Any) -> None:
    X, y, groups = data()
    model = c.AbstainingClassifier(GaussianNB(), out_of_distribution=detector, cv=4, **{target: 1.0}).fit(X, y, groups=groups)
    assert (model.threshold_, model.reached_) == (0.0, True)
    new = np.random.default_rng(5).normal(size=(500, X.shape[1])) * 0.1 + X.mean(axis=0)  # between the classes: less sure than any row of the fit
    _, abstained, reasons = model.predict_abstain(new)
    assert "low_confidence" not in reasons
    assert not abstained.any() if detector is None else np.array_equal(abstained, model.detector_.is_strange(new))


def test_a_coverage_beyond_what_the_detector_leaves_answers_all_that_is_left() -> None:
    X, y, groups = data()
    detector = c.OutOfDistributionDetector(cv=4, false_alarm_rate=0.4)
    model = c.AbstainingClassifier(GaussianNB(), target_coverage=0.99, out_of_distribution=detector, cv=4).fit(X, y, groups=groups)
    assert model.threshold_ == 0.0
    assert 0 < model.inner_coverage_ < 0.99


def test_an_accuracy_of_one_takes_the_smallest_threshold_above_every_wrong_row() -> None:
    assert c.choose_threshold([0.9, 0.8, 0.8, 0.7], [True, True, False, True], target_accuracy=1.0).value == 0.9
    tied = c.choose_threshold([1.0, 1.0, 0.7], [True, False, True], target_accuracy=1.0)
    assert (tied.value, tied.reached) == (1.0, False)
    assert tied.abstains(np.array([1.0])).all()
    best = c.choose_threshold([1.0, 0.7], [True, False], target_accuracy=1.0)
    assert (best.value, best.reached) == (1.0, True)
    assert best.abstains(np.array([1.0, 0.999])).tolist() == [False, True]
    # Where nothing was wrong, rows less sure than all that were seen are still unknown ground: they are not answered.
    right = c.choose_threshold([0.9, 0.6], [True, True], target_accuracy=1.0)
    assert right.value == 0.6
    assert right.abstains(np.array([0.5])).all()
