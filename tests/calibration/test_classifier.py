"""The calibrated classifier: hand-made out-of-fold calibration as the oracle, degenerate data, and scikit-learn's estimator checks."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV as Peer
from sklearn.dummy import DummyClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import parametrize_with_checks

import emotion_native as en
from emotion_native.exceptions import EmotionNativeWarning, InvalidInputError, LeakageError

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


@pytest.mark.parametrize(
    "model",
    [
        c.CalibratedClassifierCV(GaussianNB()),
        c.CalibratedClassifierCV(GaussianNB(), ensemble=True),
        c.AbstainingClassifier(c.CalibratedClassifierCV(GaussianNB()), target_coverage=0.8),
        c.PriorCorrectedClassifier(GaussianNB()),
        c.ConformalClassifier(GaussianNB(), confidence_level=0.7, random_state=0),
        en.multilabel.OneVsRestClassifier(GaussianNB()),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_fit_on_an_array_forgets_the_names_of_a_table(model: Any) -> None:
    X, y, groups = data()
    model.fit(pd.DataFrame(X, columns=list("abcd")), y, groups=groups)
    assert model.feature_names_in_.tolist() == list("abcd")
    model.fit(X[:, :3], y, groups=groups)
    assert not hasattr(model, "feature_names_in_")
    assert model.n_features_in_ == 3


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
        (c.CalibratedClassifierCV(Ridge()), "predict_proba"),
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


def scores_only() -> LinearSVC:
    return LinearSVC(random_state=0)


@pytest.mark.parametrize("method", ["temperature", "sigmoid", "isotonic"])
@pytest.mark.parametrize("make", [GaussianNB, scores_only], ids=["probabilities", "scores"])
def test_an_ensemble_is_the_mean_of_the_folds(method: str, make: Any) -> None:
    X, y, groups = data()
    cv = en.model_selection.GroupKFold(3)
    model = c.CalibratedClassifierCV(make(), method=method, cv=cv, ensemble=True).fit(X, y, groups=groups)
    assert len(model.calibrated_classifiers_) == 3
    total = np.zeros((len(y), 3))
    for one, (train, test) in zip(model.calibrated_classifiers_, cv.split(X, y, groups), strict=True):
        alone = c.CalibratedClassifierCV(FrozenEstimator(make().fit(X[train], y[train])), method=method).fit(X[test], y[test])
        assert np.array_equal(one.predict_proba(X), alone.predict_proba(X))
        assert len(one.calibrators) == 1
        total += alone.predict_proba(X)
    np.testing.assert_allclose(model.predict_proba(X), total / 3, rtol=1e-14)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1, rtol=1e-12)
    assert not hasattr(model, "estimator_")
    automatic = c.CalibratedClassifierCV(make(), method=method, cv=cv, ensemble="auto", n_jobs=2).fit(X, y, groups=groups)
    assert np.array_equal(automatic.predict_proba(X), model.predict_proba(X))
    single = c.CalibratedClassifierCV(make(), method=method, cv=cv).fit(X, y, groups=groups)
    assert not hasattr(single.set_params(ensemble=True).fit(X, y, groups=groups), "estimator_")
    with pytest.raises(InvalidInputError, match=r"must be made of steps of emotion_native; got sklearn\."):
        en.save_model(model, "never.en")


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("method", ["temperature", "sigmoid", "isotonic"])
def test_scores_as_scikit_learn_maps_them(method: str, classes: int) -> None:
    X, y, groups = data(n=400)
    X, y, groups = X[y < classes], y[y < classes], groups[y < classes]
    cv = list(en.model_selection.GroupKFold(4).split(X, y, groups))
    for ensemble in (True, False):
        ours = c.CalibratedClassifierCV(scores_only(), method=method, cv=cv, ensemble=ensemble).fit(X, y, groups=groups).predict_proba(X)
        theirs = Peer(scores_only(), method=method, cv=cv, ensemble=ensemble).fit(X, y).predict_proba(X)
        if method == "isotonic":  # ours never says 0
            theirs = np.maximum(theirs, 1e-4)
            theirs /= theirs.sum(axis=1, keepdims=True)
        # Their minimisers stop at a gradient of 1e-6; with an ensemble the floor acts before the mean.
        np.testing.assert_allclose(ours, theirs, atol=2e-4 if method == "isotonic" else 1e-5)


def test_a_class_that_a_fold_never_met_has_no_probability_there() -> None:
    X, y, groups = data()
    y = np.where(groups == 0, 2, np.minimum(y, 1))  # the last class has one speaker
    cv = en.model_selection.LeaveOneGroupOut()
    for make in (GaussianNB, scores_only):
        for method in ("temperature", "sigmoid", "isotonic"):
            model = c.CalibratedClassifierCV(make(), method=method, cv=cv, ensemble=True).fit(X, y, groups=groups)
            assert (model.calibrated_classifiers_[0].predict_proba(X)[:, 2] == 0).all()
            pooled = c.CalibratedClassifierCV(make(), method=method, cv=cv).fit(X, y, groups=groups)
            for proba in (model.predict_proba(X), pooled.predict_proba(X)):
                assert np.isfinite(proba).all()
                np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-9)


def test_frozen_classifiers_need_no_groups_but_all_their_classes() -> None:
    X, y, groups = data()
    frozen = FrozenEstimator(GaussianNB().fit(X[:100], y[:100]))
    model = c.CalibratedClassifierCV(frozen).fit(X[100:], y[100:])
    expected = c.fit_calibrator("temperature", frozen.predict_proba(X[100:]), y[100:])
    assert np.array_equal(model.predict_proba(X), expected.predict_proba(frozen.predict_proba(X)))
    assert not model.ungrouped_
    few = c.CalibratedClassifierCV(frozen).fit(X[100:][y[100:] < 2], y[100:][y[100:] < 2])
    assert few.classes_.tolist() == [0, 1, 2]
    with pytest.raises(InvalidInputError, match="frozen classifier knows"):
        c.CalibratedClassifierCV(frozen).fit(X, y + 1)
    with pytest.raises(LeakageError):
        c.CalibratedClassifierCV(frozen, ensemble=True).fit(X, y)
    abstaining = c.AbstainingClassifier(c.CalibratedClassifierCV(GaussianNB(), ensemble=True), target_coverage=0.7).fit(X, y, groups=groups)
    assert 0.6 < 1 - abstaining.predict_abstain(X)[1].mean() < 0.8


class Records(GaussianNB):  # type: ignore[misc]  # scikit-learn is untyped
    """Remembers which speakers it was trained on."""

    trained_on: ClassVar[list[set[int]]] = []

    def fit(self, X: Any, y: Any, groups: Any = None) -> Any:
        Records.trained_on.append(set(groups))
        return super().fit(X, y)


def test_groups_reach_every_fold_of_an_ensemble_and_weights_warn_where_nobody_takes_them() -> None:
    X, y, groups = data()
    Records.trained_on.clear()
    model = c.CalibratedClassifierCV(Records(), ensemble=True, cv=5).fit(X, y, groups=groups)
    assert len(Records.trained_on) == 5
    held_out = [set(range(10)) - seen for seen in Records.trained_on]
    assert sorted(group for part in held_out for group in part) == list(range(10))
    with pytest.warns(EmotionNativeWarning, match="calibration alone"):
        weighted = c.CalibratedClassifierCV(Records(), ensemble=True, cv=5).fit(X, y, np.random.default_rng(0).random(len(y)), groups=groups)
    assert not np.array_equal(weighted.predict_proba(X), model.predict_proba(X))
    with pytest.raises(InvalidInputError, match="smallest class"):
        c.CalibratedClassifierCV(GaussianNB(), ensemble=True, cv=5).fit(X, np.where(np.arange(200) < 3, 5, y), groups=groups)
    with pytest.raises(InvalidInputError, match="ensemble"):
        c.CalibratedClassifierCV(GaussianNB(), ensemble="mean").fit(X, y, groups=groups)


@pytest.mark.parametrize("method", ["temperature", "sigmoid", "isotonic"])
def test_hostile_rows(method: str) -> None:
    """Constant answers, one class alone in folds, zero weights, float32, read-only arrays, one group, NaN."""
    X, y, groups = data()
    flat = c.CalibratedClassifierCV(DummyClassifier(strategy="uniform"), method=method).fit(X, y, groups=groups).predict_proba(X)
    np.testing.assert_allclose(flat.sum(axis=1), 1, rtol=1e-12)
    assert (flat == flat[0]).all()
    by_group = groups % 3  # every speaker says one class: test parts hold one class each
    for ensemble in (True, False):
        model = c.CalibratedClassifierCV(GaussianNB(), method=method, cv=en.model_selection.LeaveOneGroupOut(), ensemble=ensemble)
        assert np.isfinite(model.fit(X, by_group, groups=groups).predict_proba(X)).all()
    weight = (groups < 7).astype(float)
    kept = c.CalibratedClassifierCV(LogisticRegression(), method=method, cv=[(groups < 4, groups >= 4), (groups >= 4, groups < 4)])
    zeros = kept.fit(X, y, weight, groups=groups)
    few = groups < 7
    part = groups[few]
    removed = clone(kept).set_params(cv=[(part < 4, part >= 4), (part >= 4, part < 4)]).fit(X[few], y[few], groups=part)
    np.testing.assert_allclose(zeros.predict_proba(X), removed.predict_proba(X), atol=1e-3)  # the peer's regression stops at its tolerance
    frozen = X.astype(np.float32)
    frozen.flags.writeable = False
    labels = y.copy()
    labels.flags.writeable = False
    assert np.isfinite(c.CalibratedClassifierCV(GaussianNB(), method=method).fit(frozen, labels, groups=groups).predict_proba(frozen)).all()
    with pytest.raises(LeakageError):
        c.CalibratedClassifierCV(GaussianNB(), method=method).fit(X, y, groups=np.zeros(len(y)))
    with pytest.raises(ValueError, match="NaN"):
        c.CalibratedClassifierCV(GaussianNB(), method=method).fit(np.where(X > 3, np.nan, X), y, groups=groups)
    perfect = c.fit_calibrator(method, np.eye(3)[y], y).predict_proba(np.eye(3))
    assert (perfect > 0).all()
    assert np.array_equal(perfect.argmax(axis=1), [0, 1, 2])
    nothing = c.fit_calibrator(method, np.eye(3)[y], y, sample_weight=np.zeros(len(y))).predict_proba(np.eye(3))
    assert np.isfinite(nothing).all()


@pytest.mark.parametrize("method", ["temperature", "sigmoid", "isotonic"])
def test_a_million_rows_and_single_precision(method: str) -> None:
    rng = np.random.default_rng(0)
    p = rng.random(1_000_000, dtype=np.float32)
    y = (rng.random(1_000_000) < p**2).astype(int)
    proba = np.column_stack([1 - p, p])
    out = c.fit_calibrator(method, proba, y).predict_proba(proba[:1000])
    assert np.isfinite(out).all()
    if method == "isotonic":
        np.testing.assert_allclose(out[:, 1], p[:1000] ** 2, atol=0.03)  # the cube root of the rows' noise
