"""A classifier whose probabilities are calibrated on grouped out-of-fold predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.utils.validation import _num_samples, check_is_fitted

from .._remedies import check_estimator
from .._validation import check_sample_weight
from ..exceptions import InvalidInputError
from ..model_selection._fit import Labels, aligned, check_labels, check_lengths, class_seen, fit_params_of, fold_probabilities
from ..model_selection._folds import Folds, resolve_folds
from ._maps import Floats, check_method, fit_calibrator


@dataclass(frozen=True)
class OutOfFold:
    """Out-of-fold predictions of all rows of a training set."""

    labels: Labels
    folds: Folds
    proba: Floats  # (n_samples, n_classes)
    seen: npt.NDArray[np.bool_]  # (n_samples,): the row's class was in the training rows of its fold
    sample_weight: Floats | None


def default_estimator() -> Any:
    """Return the classifier used where none is given."""
    from ..ensemble import RandomForestClassifier

    return RandomForestClassifier()


def out_of_fold(
    estimator: Any, X: Any, y: Any, groups: Any, params: dict[str, Any], *, cv: Any, n_jobs: int | None, allow_ungrouped: bool, caller: str
) -> OutOfFold:
    """Return each row's probabilities from a model that never saw its group.

    Raises
    ------
    LeakageError
        Without groups, or with too few.
    InvalidInputError
        If ``cv`` does not test each row exactly once.
    """
    if y is None:
        raise InvalidInputError(f"y of {caller} must be given: it requires y to be passed, but the target y is None; got None")
    check_estimator(estimator, caller)
    X, y, groups = check_lengths(X, y, groups, caller=caller)
    labels = check_labels(y, _num_samples(X), caller=caller)
    weight = check_sample_weight(params.get("sample_weight"), len(labels.codes), caller=caller)
    folds = resolve_folds(cv, X, labels.values, groups, caller=caller, allow_ungrouped=allow_ungrouped)
    fold = folds.fold_of_rows()
    if (fold < 0).any():
        raise InvalidInputError(f"cv of {caller} must test each row exactly once; got {int((fold < 0).sum())} rows that no fold tests")
    pieces = fold_probabilities(estimator, X, labels, folds.train, folds.test, {**params, "groups": groups}, caller=caller, n_jobs=n_jobs)
    proba = np.empty((len(fold), len(labels.classes)))
    proba[np.concatenate(folds.test)] = np.concatenate(pieces)
    seen = class_seen(labels, folds.train)[fold, labels.codes]
    return OutOfFold(labels, folds, proba, seen, weight)


class _GroupedMetaClassifier(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no type information
    """What classifiers around one refitted classifier share."""

    estimator: Any
    estimator_: Any
    classes_: npt.NDArray[Any]

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import get_tags

        tags = super().__sklearn_tags__()
        if self.estimator is not None:
            inner = get_tags(self.estimator)
            tags.input_tags.allow_nan = inner.input_tags.allow_nan
            tags.input_tags.sparse = inner.input_tags.sparse
        return tags

    def _refit(self, estimator: Any, X: Any, labels: Labels, groups: Any, params: dict[str, Any], caller: str) -> None:
        """Fit one clone on all rows."""
        model = clone(estimator)
        arguments = fit_params_of(model, {**params, "groups": groups}, None, len(labels.codes), caller=caller)
        self.estimator_ = model.fit(X, labels.values, **arguments)
        self.classes_ = labels.classes
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(model, name):
                setattr(self, name, getattr(model, name))

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the class of the highest probability, always one of ``classes_``."""
        proba = self.predict_proba(X)
        return np.asarray(self.classes_[np.argmax(proba, axis=1)])

    def predict_proba(self, X: Any) -> Floats:
        """Return probabilities of shape (n_samples, n_classes), columns as in ``classes_``."""
        raise NotImplementedError


class CalibratedClassifierCV(_GroupedMetaClassifier):
    """A classifier with calibrated probabilities; the calibration is learned from rows that the classifier has not seen.

    `fit` predicts every row out of fold, with whole groups left out, fits the calibration map on those predictions, and then refits one
    classifier on all rows. (scikit-learn's class keeps one classifier a fold unless ``ensemble=False``; this is that mode.)

    Parameters
    ----------
    estimator : classifier with predict_proba, optional
        Default: `RandomForestClassifier`. Pipelines of our own steps run all folds in one native call.
    method : {"temperature", "sigmoid", "isotonic"}
        `TemperatureCalibrator`, which never changes the predicted class, `SigmoidCalibrator`, or `IsotonicCalibrator`, which wants many rows.
    cv : None, int, splitter or iterable
        As in `cross_validate`.
    n_jobs : int or None
    allow_ungrouped : bool
        Accept `fit` without groups.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    estimator_ : classifier
        Fitted on all rows.
    calibrator_ : TemperatureCalibrator, SigmoidCalibrator or IsotonicCalibrator
    ungrouped_ : bool
        Whether the calibration rests on an ungrouped split.
    n_features_in_ : int

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from emotion_native.calibration import CalibratedClassifierCV
    >>> X, y = load_iris(return_X_y=True)
    >>> model = CalibratedClassifierCV(GaussianNB()).fit(X, y, groups=np.arange(150) % 10)
    >>> model.predict_proba(X[:1]).shape, model.ungrouped_
    ((1, 3), False)
    """

    def __init__(
        self, estimator: Any = None, *, method: str = "temperature", cv: Any = None, n_jobs: int | None = None, allow_ungrouped: bool = False
    ) -> None:
        self.estimator = estimator
        self.method = method
        self.cv = cv
        self.n_jobs = n_jobs
        self.allow_ungrouped = allow_ungrouped

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, groups: Any = None, **params: Any) -> CalibratedClassifierCV:
        """Fit the calibration out of fold and the classifier on all rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional
            For the classifier and the calibration.
        groups : array-like of shape (n_samples,)
        **params
            Handed to the classifier's ``fit``; values with one entry a row are cut down to the training rows.

        Raises
        ------
        LeakageError
            Without groups (unless allowed), or with fewer than two.
        InvalidInputError
            If an argument breaks its rule.
        """
        self._fit_out_of_fold(X, y, groups, {**params, "sample_weight": sample_weight}, cv=self.cv, allow_ungrouped=self.allow_ungrouped)
        return self

    def _fit_out_of_fold(self, X: Any, y: Any, groups: Any, params: dict[str, Any], *, cv: Any, allow_ungrouped: bool) -> OutOfFold:
        """Fit, and return the out-of-fold predictions after calibration, which a threshold may be chosen on."""
        caller = "CalibratedClassifierCV.fit"
        check_method(self.method, caller)
        estimator = default_estimator() if self.estimator is None else self.estimator
        rows = out_of_fold(estimator, X, y, groups, params, cv=cv, n_jobs=self.n_jobs, allow_ungrouped=allow_ungrouped, caller=caller)
        calibrator = fit_calibrator(self.method, rows.proba, rows.labels.codes, sample_weight=rows.sample_weight, seen=rows.seen)
        self._refit(estimator, X, rows.labels, groups, params, caller)
        self.calibrator_ = calibrator
        self.ungrouped_ = rows.folds.ungrouped
        return OutOfFold(rows.labels, rows.folds, calibrator.predict_proba(rows.proba), rows.seen, rows.sample_weight)

    def predict_proba(self, X: Any) -> Floats:
        """Return calibrated probabilities of shape (n_samples, n_classes), columns as in ``classes_``."""
        check_is_fitted(self)
        proba = aligned(self.estimator_.predict_proba(X), self.estimator_.classes_, self.classes_)
        return self.calibrator_.predict_proba(proba)
