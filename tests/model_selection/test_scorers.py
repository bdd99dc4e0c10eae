"""Scorers get what they ask for: predictions of the fold's rows, or the fitted model; and all classes where a part lacks some."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier as Reference
from sklearn.metrics import balanced_accuracy_score, get_scorer, log_loss

from emotion_native.ensemble import RandomForestClassifier
from emotion_native.model_selection import LeaveOneGroupOut, cross_validate, resolve_folds


def table() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three classes, of which "sad" is said by one speaker alone."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(5), 20)
    y = rng.choice(["angry", "calm"], size=100)
    y[:6] = "sad"
    X = rng.normal(size=(100, 4))
    X[:, 0] += y == "calm"
    return X, y, groups


CALLABLES: dict[str, Any] = {
    "predictions": lambda model, X, y: balanced_accuracy_score(y, model.predict(X)),
    "other rows": lambda model, X, y: float((model.predict(X + 0.7) == model.predict(X)).mean()),
    "some rows": lambda model, X, y: float(model.predict_proba(X[:3]).sum()),
    "an attribute": lambda model, X, y: float(model.feature_importances_[0]),
    "a question": lambda model, X, y: float(hasattr(model, "n_classes_") and len(X)),
    "a scorer inside": lambda model, X, y: get_scorer("accuracy")(model, X, y),
    "several": lambda model, X, y: {"rows": len(y), "noise": float(model.predict(X * 2).size)},
}


@pytest.mark.filterwarnings("ignore:y_pred contains classes")
@pytest.mark.parametrize("scoring", CALLABLES.values(), ids=CALLABLES)
def test_callables_see_what_a_fitted_model_would_show(scoring: Any) -> None:
    X, y, groups = table()
    model = RandomForestClassifier(7, random_state=0)
    found = cross_validate(model, X, y, groups=groups, cv=4, scoring=scoring, error_score="raise")
    expected: list[Any] = []
    for train, test in resolve_folds(4, X, y, groups):
        expected.append(scoring(clone(model).fit(X[train], y[train]), X[test], y[test]))
    names = expected[0].keys() if isinstance(expected[0], dict) else ["score"]
    for name in names:
        np.testing.assert_array_equal(found[f"test_{name}"], [one[name] if isinstance(one, dict) else one for one in expected])


@pytest.mark.parametrize("model", [RandomForestClassifier(7, random_state=0), Reference(7, random_state=0)], ids=["native", "foreign"])
@pytest.mark.parametrize("scoring", ["neg_log_loss", ["neg_log_loss"], {"loss": "neg_log_loss"}], ids=str)
def test_the_log_loss_of_every_fold_knows_all_classes(model: Any, scoring: Any) -> None:
    """A class that the training part lacked has probability 0, clipped; one that the test part lacks is no reason to fail."""
    X, y, groups = table()
    classes = np.unique(y)
    name = "test_score" if isinstance(scoring, str) else f"test_{next(iter(scoring))}"
    loops = [
        cross_validate(model, X, y, groups=groups, cv=LeaveOneGroupOut(), scoring=scoring, return_estimator=keep, error_score="raise")[name]
        for keep in (False, True)
    ]
    for k, (train, test) in enumerate(LeaveOneGroupOut().split(X, y, groups)):
        fitted = clone(model).fit(X[train], y[train])
        proba = np.zeros((len(test), len(classes)))
        proba[:, np.searchsorted(classes, fitted.classes_)] = fitted.predict_proba(X[test])
        for scores in loops:
            assert scores[k] == -log_loss(y[test], proba, labels=classes)


def test_own_names_and_predictions_of_every_class_stay() -> None:
    X, y, groups = table()
    found = cross_validate(RandomForestClassifier(7, random_state=0), X, y, groups=groups, cv=LeaveOneGroupOut(), scoring=["uar", "accuracy"])
    again = cross_validate(
        RandomForestClassifier(7, random_state=0), X, y, groups=groups, cv=LeaveOneGroupOut(), scoring=["uar", "accuracy"], return_estimator=True
    )
    for name in ("test_uar", "test_accuracy"):
        np.testing.assert_array_equal(found[name], again[name])
