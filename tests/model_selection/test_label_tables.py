"""Rows with several labels go through cross-validation and the searches: folds of whole groups, not stratified."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier as SkForest
from sklearn.linear_model import LinearRegression

import emotion_native as en
from emotion_native.exceptions import InvalidInputError

ms = en.model_selection
OneVsRest, Tuned = en.multilabel.OneVsRestClassifier, en.multilabel.TunedThresholdsClassifier
Logistic = en.linear_model.LogisticRegression


@pytest.fixture
def table() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    X = rng.normal(size=(120, 4))
    return X, (X[:, :3] + 0.5 * rng.normal(size=(120, 3)) > 0.3).astype(int), np.arange(120) % 8


@pytest.mark.parametrize("error_score", ["raise", np.nan])
def test_cross_validation_takes_tables_of_labels(table: Any, error_score: Any) -> None:
    X, Y, groups = table
    found = ms.cross_validate(OneVsRest(Logistic()), X, Y, groups=groups, cv=4, scoring="f1_macro", error_score=error_score, return_indices=True)
    for k, (train, test) in enumerate(ms.GroupKFold(4).split(X, Y, groups)):
        np.testing.assert_array_equal(found["indices"]["test"][k], test)
        predicted = OneVsRest(Logistic()).fit(X[train], Y[train]).predict(X[test])
        assert found["test_score"][k] == pytest.approx(en.metrics.f1_score(Y[test], predicted, average="macro"))
    for method in ("predict", "predict_proba", "decision_function"):
        out = ms.cross_val_predict(OneVsRest(Logistic()), X, Y, groups=groups, cv=4, method=method)
        for train, test in ms.GroupKFold(4).split(X, Y, groups):
            np.testing.assert_array_equal(out[test], getattr(OneVsRest(Logistic()).fit(X[train], Y[train]), method)(X[test]))


def test_searches_and_nested_thresholds_take_tables_of_labels(table: Any) -> None:
    X, Y, groups = table
    search = ms.GridSearchCV(OneVsRest(Logistic()), {"estimator__C": [1e-6, 1.0]}, cv=3, scoring="f1_macro").fit(X, Y, groups=groups)
    assert search.best_params_ == {"estimator__C": 1.0}
    scores = ms.cross_validate(Tuned(cv=2), X, Y, groups=groups, cv=3, scoring="f1_macro", error_score="raise")["test_score"]
    assert (scores > 0.5).all()
    compared = ms.compare_estimators({"a": OneVsRest(Logistic()), "b": Tuned(cv=2)}, X, Y, groups=groups, cv=3, scoring="f1_macro")
    np.testing.assert_array_equal(compared["b"]["test_score"], scores)


def test_probabilities_of_another_shape_are_told(table: Any) -> None:
    X, Y, groups = table
    with pytest.raises(InvalidInputError, match=r"one column a label.*got a list of 3"):
        Tuned(SkForest(5)).fit(X, Y, groups=groups)


def test_only_classifiers_vote(table: Any) -> None:
    X, Y, _ = table
    with pytest.raises(InvalidInputError, match="should be a classifier"):
        en.ensemble.VotingClassifier([("a", LinearRegression())]).fit(X, Y[:, 0])
    with pytest.raises(InvalidInputError, match="weights of"):
        en.ensemble.VotingClassifier([("a", Logistic())], weights=["x"]).fit(X, Y[:, 0])


def test_isotonic_regression_needs_numbers_and_a_known_direction() -> None:
    with pytest.raises(InvalidInputError, match="increasing of isotonic_regression"):
        en.isotonic.isotonic_regression([1, 2], increasing="auto")
    for values in ([], ["a"], [np.nan]):
        with pytest.raises(InvalidInputError, match="y of isotonic_regression must be"):
            en.isotonic.isotonic_regression(values)
