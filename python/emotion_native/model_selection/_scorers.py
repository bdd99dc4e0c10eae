"""What scorers see of a fold: its predictions, or the model where they ask for more."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import cohen_kappa_score, get_scorer, get_scorer_names, log_loss, make_scorer
from sklearn.metrics._scorer import _BaseScorer, _PassthroughScorer

from ..exceptions import InvalidInputError, InvalidTypeError
from ..metrics._names import near_measures, same_measure
from ._fit import Probabilities, aligned

_OWN_SCORERS = {"cohen_kappa": cohen_kappa_score}  # measures that scikit-learn gives no name as scorers
_NAMES_OF_METRICS = {"unweighted_average_recall": "uar", "balanced_accuracy_score": "balanced_accuracy", "accuracy_score": "accuracy"}


class NeedsModel(Exception):
    """A scorer asks for more than the predictions of the fold's rows."""


class FoldPredictions(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no type information
    """The predictions of one native fold, in the shape that scorers expect."""

    def __init__(self, proba: Probabilities, classes: Any) -> None:
        self.proba = proba
        self.classes = classes
        self.classes_ = classes

    def predict_proba(self, X: Any) -> Probabilities:
        return self.proba

    def predict(self, X: Any) -> Any:
        return self.classes_[np.argmax(self.proba, axis=1)]


class _Strict:
    """Fold predictions for a callable of unknown habits: anything but predictions of the very rows that it was given raises `NeedsModel`."""

    def __init__(self, predictions: FoldPredictions, rows: Any) -> None:
        self._predictions = predictions
        self._rows = rows
        self.classes_ = predictions.classes_

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and not name.startswith("__sklearn"):
            raise AttributeError(name)
        raise NeedsModel(name)

    def predict_proba(self, X: Any) -> Probabilities:
        if X is not self._rows:
            raise NeedsModel("other rows")
        return self._predictions.proba.copy()

    def predict(self, X: Any) -> Any:
        return self.classes_[np.argmax(self.predict_proba(X), axis=1)]


class _Aligned(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no type information
    """A fitted model that lacks a class, with a probability of 0 for it."""

    def __init__(self, model: Any, classes: Any) -> None:
        self.model = model
        self.classes = classes
        self.classes_ = classes

    def predict_proba(self, X: Any) -> Probabilities:
        return aligned(self.model.predict_proba(X), self.model.classes_, self.classes)

    def predict(self, X: Any) -> Any:
        return self.model.predict(X)


def refuse_metric(scorer: Any, name: str, *, caller: str) -> None:
    """Raise InvalidTypeError for a metric, a function of true and predicted labels, where a scorer of a model is wanted."""
    if isinstance(scorer, (_BaseScorer, _PassthroughScorer)):
        return
    try:
        arguments = list(inspect.signature(scorer).parameters)
    except (TypeError, ValueError):
        return
    if arguments[:1] == ["y_true"]:
        metric = getattr(scorer, "__name__", name)
        known = f"the name {_NAMES_OF_METRICS[metric]!r} or " if metric in _NAMES_OF_METRICS else ""
        rule = "a name, or a callable of (estimator, X, y)"
        raise InvalidTypeError(f"scoring of {caller} must be {rule}; got the metric {metric}: pass {known}sklearn.metrics.make_scorer({metric})")


def named_scorer(name: Any, classes: Any, *, caller: str) -> Callable[..., Any]:
    """Return scikit-learn's scorer of this name, or of another name of the same measure; that of the log loss knows all classes, of which a test part
    may lack some.

    Raises
    ------
    InvalidInputError
        If no measure has the name; the message lists those that are close.
    """
    known = (*_OWN_SCORERS, *get_scorer_names())
    name = same_measure(name, known)
    if name not in known:
        rule = "a scorer, or the name of one (sklearn.metrics.get_scorer_names() lists them)"
        near = near_measures(name, known)
        raise InvalidInputError(f"scoring of {caller} must be {rule}; got {name!r:.80}, which is not a valid scoring value{near}")
    if name == "neg_log_loss" and classes is not None and len(classes) > 1:
        scorer: Callable[..., Any] = make_scorer(log_loss, greater_is_better=False, response_method="predict_proba", labels=classes)
        return scorer
    found: Callable[..., Any] = make_scorer(_OWN_SCORERS[name]) if name in _OWN_SCORERS else get_scorer(name)
    return found


def seen_by(scorer: Any, model: Any, classes: Any, rows: Any) -> Any:
    """Return what a scorer is given in the place of a model.

    Scikit-learn's scorers ask for predictions of the rows and nothing else. Those of the log loss get all classes; other callables get fold
    predictions that refuse whatever they do not hold, or the fitted model itself.
    """
    if isinstance(model, FoldPredictions):
        return model if isinstance(scorer, (_BaseScorer, _PassthroughScorer)) else _Strict(model, rows)
    own = getattr(model, "classes_", None)
    if classes is None or own is None or not isinstance(scorer, _BaseScorer) or np.array_equal(own, classes):
        return model
    return _Aligned(model, classes) if hasattr(model, "predict_proba") else model
