"""The calibrated classifier: hand-made out-of-fold calibration as the oracle, degenerate data, and scikit-learn's estimator checks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import parametrize_with_checks

import emotion_native as en
from emotion_native.exceptions import InvalidInputError

c = en.calibration


def data(seed: int = 0, n: int = 200, speakers: int = 10) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    return rng.normal(size=(n, 4)) + np.eye(4)[y] * 1.2, y, np.arange(n) % speakers


@pytest.mark.parametrize("method", ["temperature", "sigmoid"])
def test_it_is_calibration_on_out_of_fold_predictions_and_one_refit(method: str) -> None:
    X, y, groups = data()
    model = c.CalibratedClassifierCV(LogisticRegression(), method=method, cv=en.model_selection.GroupKFold(4)).fit(X, y, groups=groups)
    oof = np.empty((len(y), 3))
    for train, test in en.model_selection.GroupKFold(4).split(X, y, groups):
        oof[test] = LogisticRegression().fit(X[train], y[train]).predict_proba(X[test])
    calibrator = c.fit_calibrator(method, oof, y)
    expected = calibrator.predict_proba(LogisticRegression().fit(X, y).predict_proba(X))
    assert np.array_equal(model.predict_proba(X), expected)
    assert np.array_equal(model.predict(X), np.argmax(expected, axis=1))
    assert model.n_features_in_ == 4


def test_temperature_never_changes_the_class() -> None:
    X, y, groups = data()
    model = c.CalibratedClassifierCV(GaussianNB()).fit(X, y, groups=groups)
    assert np.array_equal(model.predict(X), model.estimator_.predict(X))


def test_frames_and_weights() -> None:
    X, y, groups = data()
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = c.CalibratedClassifierCV(LogisticRegression()).fit(frame, y, groups=pd.Series(groups))
    assert model.feature_names_in_.tolist() == list("abcd")
    weight = np.random.default_rng(1).random(len(y))
    weighted = c.CalibratedClassifierCV(LogisticRegression()).fit(X, y, weight, groups=groups)
    assert not np.array_equal(weighted.predict_proba(X), model.predict_proba(frame))


def test_a_class_of_one_speaker_is_calibrated_without_that_speakers_fold() -> None:
    X, y, groups = data()
    X, y, groups = np.vstack([X, np.full((6, 4), 4.0)]), np.append(y, [3] * 6), np.append(groups, [99] * 6)
    model = c.CalibratedClassifierCV(GaussianNB(), cv=en.model_selection.LeaveOneGroupOut()).fit(X, y, groups=groups)
    assert np.isfinite(model.predict_proba(X)).all()
    assert model.predict_proba(X).shape == (206, 4)
    assert model.calibrator_.temperature_ < 3


def test_tiny_data_works() -> None:
    X = np.array([[0.0], [1.0], [0.1], [0.9]])
    model = c.CalibratedClassifierCV(GaussianNB()).fit(X, ["a", "b", "a", "b"], groups=[0, 0, 1, 1])
    assert model.predict(X).tolist() == ["a", "b", "a", "b"]
    assert model.calibrator_.temperature_ == pytest.approx(0.05)  # perfect separation runs to the bound


def test_bad_arguments() -> None:
    X, y, groups = data()
    for model, text in (
        (c.CalibratedClassifierCV(GaussianNB(), method="spline"), "method"),
        (c.CalibratedClassifierCV(LinearSVC()), "predict_proba"),
        (c.CalibratedClassifierCV(GaussianNB(), cv="five"), "cv of"),
        (c.CalibratedClassifierCV(GaussianNB(), cv=en.model_selection.GroupShuffleSplit(2, random_state=0)), "once"),
    ):
        with pytest.raises(InvalidInputError, match=text):
            model.fit(X, y, groups=groups)
    with pytest.raises(InvalidInputError, match="y of"):
        c.CalibratedClassifierCV(GaussianNB()).fit(X, np.linspace(0, 1, len(y)), groups=groups)
    with pytest.raises(InvalidInputError, match="groups of"):
        c.CalibratedClassifierCV(GaussianNB()).fit(X, y, groups=groups[:-1])


# Without groups single rows are held out, and which ones depends on how many there are: repeated rows are not held out as weighted ones are.
HELD_OUT = dict.fromkeys(
    ("check_sample_weight_equivalence_on_dense_data", "check_sample_weight_equivalence_on_sparse_data"), "rows are held out by their number"
)


@parametrize_with_checks(
    [
        c.CalibratedClassifierCV(LogisticRegression(), cv=2),
        c.AbstainingClassifier(c.CalibratedClassifierCV(GaussianNB(), method="sigmoid"), target_coverage=0.8, cv=2),
        c.AbstainingClassifier(LogisticRegression(), target_accuracy=0.5, out_of_distribution=c.OutOfDistributionDetector(), cv=2),
        c.ConformalClassifier(LogisticRegression(), confidence_level=0.5, calibration_size=0.5, random_state=0),
    ],
    expected_failed_checks=lambda estimator: HELD_OUT if isinstance(estimator, c.ConformalClassifier) else {},
)
def test_scikit_learn_estimator_checks(estimator: Any, check: Any) -> None:
    """The checks know no groups, so they run where ungrouped splits are allowed."""
    with en.config_context(ungrouped="allow"):
        check(estimator)


def test_clones_are_unfitted() -> None:
    X, y, groups = data()
    model = c.CalibratedClassifierCV(GaussianNB())
    fitted = clone(model).fit(X, y, groups=groups)
    assert not hasattr(clone(fitted), "estimator_")
    assert not hasattr(model.estimator, "classes_")  # what was passed in stays as it was
