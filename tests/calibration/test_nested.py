"""Nested evaluation against a plain double loop, and the groups that its inner splits see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

import emotion_native as en
from emotion_native.exceptions import InvalidInputError, LeakageError

c = en.calibration
ms = en.model_selection


def data(seed: int = 0, n: int = 180, speakers: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = np.array(["angry", "happy", "sad"])[rng.integers(0, 3, n)]
    X = rng.normal(size=(n, 5))
    X[:, 0] += 1.5 * (y == "sad")
    X[:, 1] += 1.5 * (y == "angry")
    return X, y, np.arange(n) % speakers


class SpySplitter:
    """A grouped splitter that remembers what it was asked to split."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.calls: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def __deepcopy__(self, memo: Any) -> SpySplitter:
        return self  # clones of an estimator share the spy

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        return int(self.inner.get_n_splits(X, y, groups))

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[Any]:
        self.calls.append((np.asarray(X), np.asarray(y), np.asarray(groups)))
        yield from self.inner.split(X, y, groups)


CANDIDATES = {"bayes": GaussianNB(), "tree": DecisionTreeClassifier(max_depth=2, random_state=0), "logistic": LogisticRegression()}


@pytest.mark.parametrize("method", ["temperature", "sigmoid", None])
@pytest.mark.parametrize("target", [{}, {"target_coverage": 0.7}, {"target_accuracy": 0.8}])
def test_it_equals_a_plain_double_loop(method: str | None, target: dict[str, float]) -> None:
    X, y, groups = data()
    result = c.nested_evaluation(CANDIDATES, X, y, groups=groups, cv=3, inner_cv=2, method=method, **target)
    classes = np.unique(y)
    codes = np.searchsorted(classes, y)
    for k, (train, test) in enumerate(ms.StratifiedGroupKFold(3).split(X, y, groups)):
        inner = {}
        for name, model in CANDIDATES.items():
            inner[name] = ms.cross_val_predict(model, X[train], y[train], groups=groups[train], cv=2, method="predict_proba")
        scores = {name: en.metrics.balanced_accuracy_score(codes[train], p.argmax(axis=1)) for name, p in inner.items()}
        best = max(scores, key=lambda name: scores[name])
        assert result.chosen[k] == best
        assert result.inner_scores[k] == pytest.approx(scores)
        raw = CANDIDATES[best].__class__(**CANDIDATES[best].get_params()).fit(X[train], y[train]).predict_proba(X[test])
        assert np.array_equal(result.proba_raw[test], raw)
        calibrated, inner_calibrated = raw, inner[best]
        if method is not None:
            calibrator = c.fit_calibrator(method, inner[best], codes[train])
            calibrated, inner_calibrated = calibrator.predict_proba(raw), calibrator.predict_proba(inner[best])
        assert np.array_equal(result.proba[test], calibrated)
        if target:
            right = inner_calibrated.argmax(axis=1) == codes[train]
            threshold = c.choose_threshold(inner_calibrated.max(axis=1), right, **target)
            assert result.thresholds[k] == threshold.value
            assert np.array_equal(result.abstained[test], threshold.abstains(calibrated.max(axis=1)))
        else:
            assert result.thresholds[k] is None
        assert (result.fold[test] == k).all()
    assert np.array_equal(result.predicted, classes[result.proba.argmax(axis=1)])
    assert np.array_equal(result.confidence, result.proba.max(axis=1))
    assert not result.ungrouped


def test_the_final_choice_rests_on_the_outer_out_of_fold_predictions() -> None:
    X, y, groups = data()
    result = c.nested_evaluation(CANDIDATES, X, y, groups=groups, cv=3, target_coverage=0.8)
    codes = np.searchsorted(result.classes, y)
    for name, model in CANDIDATES.items():
        expected = ms.cross_val_predict(model, X, y, groups=groups, cv=3, method="predict_proba")
        assert np.array_equal(result.candidate_proba[name], expected)
    best = max(CANDIDATES, key=lambda name: en.metrics.balanced_accuracy_score(codes, result.candidate_proba[name].argmax(axis=1)))
    assert result.final.candidate == best
    calibrator = c.fit_calibrator("temperature", result.candidate_proba[best], codes)
    assert result.final.calibrator._native_state()[1]["temperature"] == calibrator.temperature_
    proba = calibrator.predict_proba(result.candidate_proba[best])
    assert result.final.threshold == c.choose_threshold(proba.max(axis=1), proba.argmax(axis=1) == codes, target_coverage=0.8).value


@pytest.mark.parametrize("metric", ["balanced_accuracy", "uar", "accuracy", "macro_f1", "log_loss", "matthews_corrcoef"])
def test_selection_metrics_prefer_the_better_candidate(metric: str) -> None:
    X, y, groups = data()
    candidates = {"blind": DecisionTreeClassifier(max_depth=1, max_features=1, random_state=1), "good": LogisticRegression()}
    result = c.nested_evaluation(candidates, X, y, groups=groups, cv=3, selection_metric=metric)
    assert result.chosen == ["good"] * 3
    assert result.final.candidate == "good"


def test_every_inner_split_is_given_the_groups_of_its_training_rows() -> None:
    X, y, groups = data()
    outer, inner = SpySplitter(ms.GroupKFold(3)), SpySplitter(ms.GroupKFold(2))
    c.nested_evaluation({"bayes": GaussianNB()}, X, y, groups=groups, cv=outer, inner_cv=inner)
    assert len(outer.calls) == 1
    assert len(inner.calls) == 3
    for (rows, labels, seen), (train, _) in zip(inner.calls, ms.GroupKFold(3).split(X, y, groups), strict=True):
        assert np.array_equal(rows, X[train])
        assert np.array_equal(labels, y[train])
        assert np.array_equal(seen, groups[train])
    for model in (c.CalibratedClassifierCV(GaussianNB()), c.AbstainingClassifier(GaussianNB(), target_coverage=0.5)):
        spy = SpySplitter(ms.GroupKFold(2))
        model.set_params(cv=spy).fit(X, y, groups=groups)
        assert all(np.array_equal(call[2], groups) for call in spy.calls)
    spy = SpySplitter(ms.GroupKFold(2))
    nested = c.CalibratedClassifierCV(GaussianNB(), cv=spy)
    ms.cross_validate(nested, X, y, groups=groups, cv=ms.GroupKFold(3), error_score="raise")
    for (_, _, seen), (train, _) in zip(spy.calls, ms.GroupKFold(3).split(X, y, groups), strict=True):
        assert np.array_equal(seen, groups[train])


def test_threads_and_progress() -> None:
    X, y, groups = data()
    calls: list[tuple[int, int]] = []
    one = c.nested_evaluation(CANDIDATES, X, y, groups=groups, cv=3, inner_cv=2, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(i, 27) for i in range(1, 28)]  # three candidates, three outer folds, each with one outer and two inner fits
    for n_jobs in (2, 7):
        other = c.nested_evaluation(CANDIDATES, X, y, groups=groups, cv=3, inner_cv=2, n_jobs=n_jobs)
        assert np.array_equal(one.proba, other.proba)


def test_progress_counts_fits_also_where_the_core_counts_trees() -> None:
    X, y, groups = data()
    calls: list[tuple[int, int]] = []
    candidates = {"forest": en.ensemble.RandomForestClassifier(n_estimators=5, random_state=0), "bayes": GaussianNB()}
    c.nested_evaluation(candidates, X, y, groups=groups, cv=3, inner_cv=2, progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (18, 18) and calls == sorted(calls) and (9, 18) in calls


def test_ungrouped_is_remembered() -> None:
    X, y, groups = data()
    with pytest.raises(LeakageError, match="allow_ungrouped"):
        c.nested_evaluation(CANDIDATES, X, y)
    assert c.nested_evaluation({"bayes": GaussianNB()}, X, y, allow_ungrouped=True).ungrouped
    with en.config_context(ungrouped="allow"):
        assert c.nested_evaluation({"bayes": GaussianNB()}, X, y).ungrouped
    with pytest.raises(LeakageError):
        c.nested_evaluation({"bayes": GaussianNB()}, X, y, groups=groups, inner_cv=ms.KFold(2))


def test_too_few_groups_to_nest() -> None:
    X, y, _ = data()
    with pytest.raises(LeakageError, match="at least three groups"):
        c.nested_evaluation({"bayes": GaussianNB()}, X, y, groups=np.arange(len(y)) % 2)
    three = c.nested_evaluation({"bayes": GaussianNB()}, X, y, groups=np.arange(len(y)) % 3)
    assert len(three.folds) == 3


def test_an_inner_fold_that_lacks_a_class() -> None:
    X, y, groups = data()
    X, y, groups = np.vstack([X, np.full((6, 5), 4.0)]), np.append(y, ["zealous"] * 6), np.append(groups, [0, 0, 0, 1, 1, 1])
    result = c.nested_evaluation({"bayes": GaussianNB()}, X, y, groups=groups, cv=ms.LeaveOneGroupOut(), inner_cv=ms.LeaveOneGroupOut())
    assert np.isfinite(result.proba).all()
    assert np.allclose(result.proba.sum(axis=1), 1)
    assert all(0.3 < calibrator.temperature_ < 4 for calibrator in result.calibrators)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"candidates": {}}, "candidates"),
        ({"candidates": [GaussianNB()]}, "candidates"),
        ({"method": "spline"}, "method"),
        ({"selection_metric": "auc"}, "selection_metric"),
        ({"target_accuracy": 0.5, "target_coverage": 0.5}, "target_"),
        ({"cv": ms.GroupShuffleSplit(1, random_state=0)}, "exactly once"),
        ({"inner_cv": [([0], [1])]}, "inner_cv"),
        ({"inner_cv": ms.GroupShuffleSplit(1, random_state=0)}, "exactly once"),
    ],
)
def test_bad_arguments(options: dict[str, Any], text: str) -> None:
    X, y, groups = data()
    arguments: dict[str, Any] = {"candidates": {"bayes": GaussianNB()}, "groups": groups, **options}
    with pytest.raises(InvalidInputError, match=text):
        c.nested_evaluation(arguments.pop("candidates"), X, y, **arguments)


def strangers(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(30), 12)
    y = rng.integers(0, 2, len(groups))
    X = rng.normal(size=(len(y), 6)) + rng.normal(size=(30, 6))[groups] * 0.5
    X[:, 0] += 2 * y
    X[groups == 29] += 4.0
    return X, y, groups


def test_each_fold_has_its_own_detector_and_threshold() -> None:
    """Every number of each fold is that of AbstainingClassifier's rule on the copied training rows."""
    X, y, groups = strangers()
    detector = c.OutOfDistributionDetector(false_alarm_rate=0.1)
    options = {"target_coverage": 0.7, "out_of_distribution": detector, "cv": 4, "inner_cv": 3, "method": None}
    found = c.nested_evaluation({"bayes": GaussianNB()}, X, y, groups=groups, **options)
    assert found.strange[groups == 29].all()
    assert found.abstained[found.strange].all()
    for k, (train, test) in enumerate(found.folds):
        alone = c.AbstainingClassifier(GaussianNB(), target_coverage=0.7, out_of_distribution=detector, cv=3)
        alone.fit(X[train], y[train], groups=groups[train])
        assert found.thresholds[k] == alone.threshold_
        _, abstained, reasons = alone.predict_abstain(X[test])
        assert np.array_equal(found.abstained[test], abstained)
        assert np.array_equal(found.strange[test], reasons == "out_of_distribution")
    assert found.final.detector is not None
    assert found.final.detector.threshold_ == detector.fit(X, groups=groups).threshold_


def test_test_rows_move_no_detector() -> None:
    X, y, groups = strangers(1)
    options = {"target_coverage": 0.7, "out_of_distribution": c.OutOfDistributionDetector(), "cv": 3, "inner_cv": 3}
    found = c.nested_evaluation({"bayes": GaussianNB()}, X, y, groups=groups, **options)
    test = found.folds.test[0]
    changed = X.copy()
    changed[test] = changed[test] * 3 - 5
    again = c.nested_evaluation({"bayes": GaussianNB()}, changed, y, groups=groups, **{**options, "cv": list(found.folds)})
    assert again.thresholds[0] == found.thresholds[0]
    assert again.calibrators[0].temperature_ == found.calibrators[0].temperature_


def test_strange_rows_alone_and_bad_detectors() -> None:
    X, y, groups = strangers(2)
    found = c.nested_evaluation({"bayes": GaussianNB()}, X, y, groups=groups, out_of_distribution=c.OutOfDistributionDetector())
    assert found.thresholds == [None] * 5 and np.array_equal(found.abstained, found.strange) and found.strange.any()
    assert not c.nested_evaluation({"bayes": GaussianNB()}, X, y, groups=groups).strange.any()
    with pytest.raises(InvalidInputError, match="out_of_distribution of nested_evaluation must be"):
        c.nested_evaluation({"bayes": GaussianNB()}, X, y, groups=groups, out_of_distribution="yes")
