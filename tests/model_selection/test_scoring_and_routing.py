"""What users of scikit-learn's cross-validation expect: warnings, scorers, metadata routing, margins and folds without a class."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sklearn
from sklearn import exceptions as sk_exceptions
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import GroupKFold
from sklearn.svm import SVC

import emotion_native as en
from emotion_native.exceptions import EmotionNativeWarning, InvalidInputError

ms = en.model_selection


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    y = np.array(["angry", "happy", "sad"])[rng.integers(0, 3, 90)]
    X = rng.normal(size=(90, 4)) + (y == "sad")[:, None]
    return X, y, np.arange(90) % 9


class Fragile(ClassifierMixin, BaseEstimator):
    """Fails where a training part holds too few rows."""

    def fit(self, X: Any, y: Any) -> Fragile:
        if len(X) < 55:
            raise RuntimeError("too few")
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> Any:
        return np.full(len(X), self.classes_[0])


class Weighty(ClassifierMixin, BaseEstimator):
    """Notes the weights that reach fit."""

    seen: list[Any] = []  # noqa: RUF012 (shared by the clones on purpose)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Weighty:
        self.classes_ = np.unique(y)
        Weighty.seen.append(sample_weight)
        return self

    def predict(self, X: Any) -> Any:
        return np.full(len(X), self.classes_[0])


def test_failed_fits_warn_once_in_both_languages(rows: Any) -> None:
    X, y, _ = rows
    sizes = np.repeat([0, 1, 2], [20, 30, 40])  # the fold that leaves 40 out trains on 50
    with pytest.warns(ms.FitFailedWarning, match="1 of 3 fits failed.*1 x RuntimeError: too few") as found:
        scores = ms.cross_validate(Fragile(), X, y, groups=sizes, cv=ms.LeaveOneGroupOut())
    assert np.isnan(scores["test_score"]).tolist() == [False, False, True]
    assert [issubclass(w.category, sk_exceptions.FitFailedWarning) and issubclass(w.category, EmotionNativeWarning) for w in found] == [True]


@pytest.mark.parametrize("own", [True, False])
def test_failed_scorers_warn(rows: Any, own: bool) -> None:
    X, y, groups = rows

    def broken(model: Any, X: Any, y: Any) -> float:
        raise ValueError("no score")

    model = en.linear_model.LogisticRegression() if own else LogisticRegression()
    with pytest.warns(ms.FitFailedWarning, match="Scoring failed.*3 x bad: ValueError: no score"):
        scores = ms.cross_validate(model, X, y, groups=groups, cv=3, scoring={"bad": broken, "good": "accuracy"})
    assert np.isnan(scores["test_bad"]).all()
    assert np.isfinite(scores["test_good"]).all()
    with pytest.raises(ValueError, match="no score"):
        ms.cross_validate(model, X, y, groups=groups, cv=3, scoring=broken, error_score="raise")


@pytest.mark.parametrize(
    "scoring", [(), {}, ("accuracy", "accuracy"), [make_scorer(accuracy_score)], [["accuracy"]], {1: "accuracy"}, 3, lambda model, X, y: [1, 2]]
)
def test_bad_scorers_are_refused(rows: Any, scoring: Any) -> None:
    X, y, groups = rows
    with pytest.raises(InvalidInputError, match="scoring of cross_validate must"):
        ms.cross_validate(LogisticRegression(), X, y, groups=groups, cv=3, scoring=scoring)


def test_a_class_that_a_training_part_lacks_is_told(rows: Any) -> None:
    X, y, groups = rows
    y = y.copy()
    y[groups == 0] = "bored"
    y[(groups != 0) & (y == "bored")] = "sad"
    with pytest.warns(RuntimeWarning, match=r"1 of 9 training parts lack a class.*\['bored'\]") as found:
        shares = ms.cross_val_predict(LogisticRegression(), X, y, groups=groups, cv=ms.LeaveOneGroupOut(), method="predict_proba")
    assert issubclass(found[0].category, ms.MissingClassWarning)
    assert (shares[groups == 0, 1] == 0).all()
    ms.cross_val_predict(LogisticRegression(), X, y, groups=groups, cv=ms.LeaveOneGroupOut())  # labels alone: nothing to tell


def test_margins_of_pairs_of_classes(rows: Any) -> None:
    X, _, groups = rows
    y = np.arange(90) % 4
    margins = ms.cross_val_predict(SVC(decision_function_shape="ovo"), X, y, groups=groups, cv=3, method="decision_function")
    assert margins.shape == (90, 6)
    folds = ms.resolve_folds(3, X, y, groups)
    model = SVC(decision_function_shape="ovo").fit(X[folds.train[0]], y[folds.train[0]])
    np.testing.assert_array_equal(margins[folds.test[0]], model.decision_function(X[folds.test[0]]))


def test_without_labels(rows: Any) -> None:
    class Constant(ClassifierMixin, BaseEstimator):
        def fit(self, X: Any, y: Any = None) -> Constant:
            self.classes_ = np.array([0, 1])
            return self

        def predict(self, X: Any) -> Any:
            return np.zeros(len(X))

        def predict_proba(self, X: Any) -> Any:
            return np.repeat([[1.0, 0.0]], len(X), axis=0)

    X, _, groups = rows
    assert ms.cross_val_predict(Constant(), X, groups=groups).tolist() == [0] * 90
    assert ms.cross_val_predict(Constant(), X, groups=groups, method="predict_proba").shape == (90, 2)


def test_groups_once(rows: Any) -> None:
    X, y, groups = rows
    expected = ms.cross_validate(LogisticRegression(), X, y, groups=groups, cv=3)["test_score"]
    in_params = ms.cross_validate(LogisticRegression(), X, y, params={"groups": groups}, cv=3)
    np.testing.assert_array_equal(in_params["test_score"], expected)
    assert in_params["ungrouped"] is False
    with pytest.raises(InvalidInputError, match="groups of cross_validate must be given once"):
        ms.cross_validate(LogisticRegression(), X, y, groups=groups, params={"groups": groups})


def test_routing_hands_each_its_own(rows: Any) -> None:
    X, y, groups = rows
    fit_weights, score_weights = np.arange(90.0), np.arange(90.0) % 7
    scorer_saw = []

    def noted(y_true: Any, y_pred: Any, sample_weight: Any = None) -> float:
        scorer_saw.append(sample_weight)
        return 0.5

    Weighty.seen.clear()
    with sklearn.config_context(enable_metadata_routing=True):
        model = Weighty().set_fit_request(sample_weight="fit_weights")
        scorer = make_scorer(noted).set_score_request(sample_weight="score_weights")
        splitter = GroupKFold(3).set_split_request(groups="speaker_of_row")
        params = {"fit_weights": fit_weights, "score_weights": score_weights, "speaker_of_row": groups}
        found = ms.cross_validate(model, X, y, cv=splitter, scoring={"own": scorer}, params=params, return_indices=True)
        predicted = ms.cross_val_predict(model, X, y, cv=splitter, params={"fit_weights": fit_weights, "speaker_of_row": groups})
    assert found["ungrouped"] is False
    assert predicted.shape == (90,)
    for k in range(3):
        np.testing.assert_array_equal(Weighty.seen[k], fit_weights[found["indices"]["train"][k]])
        np.testing.assert_array_equal(scorer_saw[k], score_weights[found["indices"]["test"][k]])


def test_routing_refuses_what_nobody_asked_for(rows: Any) -> None:
    X, y, groups = rows
    with sklearn.config_context(enable_metadata_routing=True):
        for call in (ms.cross_validate, ms.cross_val_predict):
            with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
                call(Weighty(), X, y, groups=groups, params={"sample_weight": np.ones(90)})
            with pytest.raises(InvalidInputError, match=f"params of {call.__name__} must be requested.*colour"):
                call(Weighty(), X, y, groups=groups, params={"colour": np.ones(90)})
        with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):  # the scorer could take it too
            asking = Weighty().set_fit_request(sample_weight=True)
            ms.cross_validate(asking, X, y, groups=groups, scoring="accuracy", params={"sample_weight": np.ones(90)})


def test_routing_leaves_our_pipelines_their_channel(rows: Any) -> None:
    X, y, groups = rows
    pipeline = en.pipeline.make_pipeline(en.preprocessing.StandardScaler(), en.linear_model.LogisticRegression())
    weights = np.arange(90.0) % 5
    expected = ms.cross_val_predict(pipeline, X, y, groups=groups, params={"sample_weight": weights}, method="predict_proba")
    with sklearn.config_context(enable_metadata_routing=True):
        routed = ms.cross_val_predict(pipeline, X, y, groups=groups, params={"sample_weight": weights}, method="predict_proba")
        scorer = make_scorer(accuracy_score).set_score_request(sample_weight=True)
        ms.cross_validate(pipeline, X, y, groups=groups, params={"sample_weight": weights}, scoring=scorer, error_score="raise")
    np.testing.assert_array_equal(routed, expected)
