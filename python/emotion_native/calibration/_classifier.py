"""A classifier whose probabilities are calibrated on grouped out-of-fold predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.utils.validation import _num_samples, check_is_fitted

from .._remedies import check_estimator
from .._validation import check_flag, check_sample_weight, is_true
from ..exceptions import InvalidInputError
from ..model_selection._asking import HandsOn
from ..model_selection._fit import Labels, aligned, check_labels, check_lengths, class_seen, fit_params_of, fold_probabilities, take_columns
from ..model_selection._folds import Folds, resolve_folds
from ._fold_models import (
    CalibratedModel,
    answers,
    corrected_folds,
    fitting_params,
    fold_models,
    is_frozen,
    model_correction,
    response_of,
    weights_of,
)
from ._maps import Floats, check_method, fit_calibrator
from ._priors import PriorCorrection, chained
from ._score_maps import ScoreCalibrator


@dataclass(frozen=True)
class OutOfFold:
    """Out-of-fold predictions of all rows of a training set."""

    labels: Labels
    folds: Folds
    proba: Floats  # (n_samples, n_classes); decision scores of a classifier that has no probabilities
    seen: npt.NDArray[np.bool_]  # (n_samples,): the row's class was in the training rows of its fold
    sample_weight: Floats | None


def checked_rows(estimator: Any, X: Any, y: Any, groups: Any, caller: str) -> tuple[Any, Labels, Any]:
    """Return rows, labels and groups of one length."""
    if y is None:
        raise InvalidInputError(f"y of {caller} must be given: it requires y to be passed, but the target y is None; got None")
    check_estimator(estimator, caller)
    X, y, groups = check_lengths(X, y, groups, caller=caller)
    return X, check_labels(y, _num_samples(X), caller=caller), groups


def default_estimator() -> Any:
    """Return the classifier used where none is given."""
    from ..ensemble import RandomForestClassifier

    return RandomForestClassifier()


def out_of_fold(
    estimator: Any,
    X: Any,
    y: Any,
    groups: Any,
    params: dict[str, Any],
    *,
    cv: Any,
    n_jobs: int | None,
    allow_ungrouped: bool,
    caller: str,
    prior_correction: bool = False,
    response: str = "predict_proba",
) -> OutOfFold:
    """Return each row's probabilities (or scores) from a model that never saw its group, with each fold's priors corrected where asked.

    Raises
    ------
    LeakageError
        Without groups, or with too few.
    InvalidInputError
        If ``cv`` does not test each row exactly once.
    """
    X, labels, groups = checked_rows(estimator, X, y, groups, caller)
    check_sample_weight(params.get("sample_weight"), len(labels.codes), caller=caller)
    folds = resolve_folds(cv, X, labels.values, groups, caller=caller, allow_ungrouped=allow_ungrouped)
    fold = folds.fold_of_rows()
    if (fold < 0).any():
        raise InvalidInputError(f"cv of {caller} must test each row exactly once; got {int((fold < 0).sum())} rows that no fold tests")
    arguments = {**params, "groups": groups}
    if response == "decision_function":
        fitted = fold_models(estimator, X, labels, folds.train, folds.test, arguments, response, own_classes=False, caller=caller, n_jobs=n_jobs)
        pieces = [scores for _, scores in fitted]
    elif prior_correction:
        pieces, corrections = corrected_folds(estimator, X, labels, folds.train, folds.test, arguments, caller=caller, n_jobs=n_jobs)
        pieces = [own.predict_proba(piece) for own, piece in zip(corrections, pieces, strict=True)]
    else:
        pieces = fold_probabilities(estimator, X, labels, folds.train, folds.test, arguments, caller=caller, n_jobs=n_jobs)
    proba = np.empty((len(fold), len(labels.classes)))
    proba[np.concatenate(folds.test)] = np.concatenate(pieces)
    seen = class_seen(labels, folds.train)[fold, labels.codes]
    return OutOfFold(labels, folds, proba, seen, weights_of(params))


class _GroupedMetaClassifier(HandsOn, MetaEstimatorMixin, ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no type information
    """What classifiers around one refitted classifier share."""

    estimator: Any
    estimator_: Any
    classes_: npt.NDArray[Any]
    _takes_row_metadata = True  # speaker, recording and the like reach the classifier inside
    _needs_rows_as_they_occur = True  # a pipeline warns where a sampler stands before it

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
        self._remember_metadata(params)
        model = clone(estimator)
        arguments = fit_params_of(model, {**params, "groups": groups}, None, len(labels.codes), caller=caller)
        self.estimator_ = model.fit(X, labels.values, **arguments)
        self.classes_ = labels.classes
        take_columns(self, model)

    def predict(self, X: Any, **metadata: Any) -> npt.NDArray[Any]:
        """Return the class of the highest probability, always one of ``classes_``.

        ``metadata``: what the classifier inside asks for when it predicts (``speaker`` or ``enrol``, for a `SpeakerNormalizer`); it
        must be given where `fit` was given it. So in the other methods.
        """
        proba = self.predict_proba(X, **metadata)
        return np.asarray(self.classes_[np.argmax(proba, axis=1)])

    def predict_proba(self, X: Any, **metadata: Any) -> Floats:
        """Return probabilities of shape (n_samples, n_classes), columns as in ``classes_``."""
        raise NotImplementedError


class CalibratedClassifierCV(_GroupedMetaClassifier):
    """A classifier with calibrated probabilities; the calibration is learned from rows that the classifier has not seen.

    With ``ensemble=False``, the default, `fit` predicts every row out of fold, with whole groups left out, fits one calibration map on all those
    predictions, and then refits one classifier on all rows: the smaller model. With ``ensemble=True`` each fold keeps its
    classifier and a map fitted on its held-out rows, and probabilities are the mean over the folds.

    Parameters
    ----------
    estimator : classifier with predict_proba, or else decision_function, optional
        Default: `RandomForestClassifier`. Pipelines of our own steps run all folds in one native call. A classifier fitted before, inside
        scikit-learn's ``FrozenEstimator``, stays as it is: all rows given are for the calibration, and must be new to it.
    method : {"temperature", "sigmoid", "isotonic"}
        `TemperatureCalibrator`, which never changes the predicted class, `SigmoidCalibrator`, or `IsotonicCalibrator`, which wants many rows.
    cv : None, int, splitter or iterable
        As in `cross_validate`.
    n_jobs : int or None
    ensemble : bool or "auto"
        "auto": as scikit-learn, True unless the classifier is frozen.
    prior_correction : bool
        Take back what over- or under-sampling and class weights did to the priors, fold by fold, before the map is fitted: see
        `PriorCorrectedClassifier`. A temperature alone cannot; the other maps do so roughly by themselves.
    allow_ungrouped : bool
        Accept `fit` without groups.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    calibrated_classifiers_ : list
        One classifier with its map (``estimator``, ``calibrators``, ``predict_proba``), or one a fold.
    estimator_ : classifier
        Fitted on all rows; only without ensemble.
    calibrator_ : object with predict_proba
        The map; a prior correction comes first. Only without ensemble.
    ungrouped_ : bool
        Whether the calibration rests on an ungrouped split. A frozen classifier with one map needs no split.
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
        self,
        estimator: Any = None,
        *,
        method: str = "temperature",
        cv: Any = None,
        n_jobs: int | None = None,
        ensemble: bool | str = False,
        prior_correction: bool = False,
        allow_ungrouped: bool = False,
    ) -> None:
        self.estimator = estimator
        self.method = method
        self.cv = cv
        self.n_jobs = n_jobs
        self.ensemble = ensemble
        self.prior_correction = prior_correction
        self.allow_ungrouped = allow_ungrouped

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, groups: Any = None, **params: Any) -> CalibratedClassifierCV:
        """Fit the calibration out of fold and the classifier on all rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional
            For the classifier and the calibration; for the calibration alone, with a warning, where the classifier's ``fit`` takes none.
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
        check_flag(self.prior_correction, "prior_correction", caller)
        if not (isinstance(self.ensemble, (bool, np.bool_)) or (isinstance(self.ensemble, str) and self.ensemble == "auto")):
            raise InvalidInputError(f"ensemble of {caller} must be True, False or 'auto'; got {self.ensemble!r:.80}")
        estimator = default_estimator() if self.estimator is None else self.estimator
        check_estimator(estimator, caller)
        frozen = is_frozen(estimator)
        response = response_of(estimator, caller)
        if self.prior_correction and response != "predict_proba":
            raise InvalidInputError(f"prior_correction of {caller} must be False for a classifier without predict_proba; got True")
        for name in ("estimator_", "calibrator_"):
            self.__dict__.pop(name, None)
        fit_params = fitting_params(estimator, params)
        if is_true(self.ensemble) or (isinstance(self.ensemble, str) and not frozen):
            return self._fit_ensemble(estimator, X, y, groups, fit_params, weights_of(params), cv, allow_ungrouped, response)
        if frozen:
            rows = self._frozen_rows(estimator, X, y, groups, params, response, caller)
        else:
            options: dict[str, Any] = {"cv": cv, "n_jobs": self.n_jobs, "allow_ungrouped": allow_ungrouped, "caller": caller, "response": response}
            rows = out_of_fold(estimator, X, y, groups, fit_params, prior_correction=self.prior_correction, **options)
        calibrator = self._fit_map(rows.proba, rows.labels.codes, weights_of(params), rows.seen, response)
        self._refit(estimator, X, rows.labels, groups, fit_params, caller)
        correction = None
        if self.prior_correction:
            correction = model_correction(self.estimator_, rows.labels, None, weights_of(fit_params), caller)
        self.calibrator_ = chained(correction, calibrator)
        self.calibrated_classifiers_ = [CalibratedModel(self.estimator_, self.calibrator_, self.classes_, response)]
        self.ungrouped_ = rows.folds.ungrouped
        return OutOfFold(rows.labels, rows.folds, calibrator.predict_proba(rows.proba), rows.seen, rows.sample_weight)

    def _fit_map(self, values: Floats, codes: npt.NDArray[Any], weight: Floats | None, seen: npt.NDArray[np.bool_], response: str) -> Any:
        """Return the map fitted on probabilities or scores, without rows whose class their model never met."""
        if response == "predict_proba":
            return fit_calibrator(self.method, values, codes, sample_weight=weight, seen=seen)
        return ScoreCalibrator(self.method).fit(values[seen], codes[seen].astype(np.int64), None if weight is None else weight[seen])

    def _frozen_rows(self, estimator: Any, X: Any, y: Any, groups: Any, params: dict[str, Any], response: str, caller: str) -> OutOfFold:
        """Return what a classifier fitted before says about all rows."""
        X, labels, _ = checked_rows(estimator, X, y, groups, caller)
        if self.prior_correction:
            raise InvalidInputError(f"prior_correction of {caller} must be False for a frozen classifier, whose training rows are unknown; got True")
        unknown = [label for label in labels.classes.tolist() if label not in np.asarray(estimator.classes_).tolist()]
        if unknown:
            raise InvalidInputError(f"y of {caller} must be labels that the frozen classifier knows; got {unknown!r:.80}")
        own = np.asarray(estimator.classes_)
        codes = np.searchsorted(own, labels.values).astype(np.int32)
        values = answers(estimator, X, own, response, params)
        folds = Folds([], [], len(values), ungrouped=False)
        return OutOfFold(Labels(labels.values, own, codes), folds, values, np.ones(len(values), dtype=bool), weights_of(params))

    def _fit_ensemble(
        self,
        estimator: Any,
        X: Any,
        y: Any,
        groups: Any,
        params: dict[str, Any],
        weight: Floats | None,
        cv: Any,
        allow_ungrouped: bool,
        response: str,
    ) -> OutOfFold:
        """Keep a classifier and a map of each fold; the map sees the fold's held-out rows."""
        caller = "CalibratedClassifierCV.fit"
        X, labels, groups = checked_rows(estimator, X, y, groups, caller)
        check_sample_weight(weight, len(labels.codes), caller=caller)
        _check_rows_a_fold(cv, labels, caller)
        folds = resolve_folds(cv, X, labels.values, groups, caller=caller, allow_ungrouped=allow_ungrouped)
        options: dict[str, Any] = {"own_classes": True, "caller": caller, "n_jobs": self.n_jobs}
        fitted = fold_models(estimator, X, labels, folds.train, folds.test, {**params, "groups": groups}, response, **options)
        proba = np.zeros((len(labels.codes), len(labels.classes)))
        models = []
        for (model, values), rows, test in zip(fitted, folds.train, folds.test, strict=True):
            place = np.searchsorted(labels.classes, model.classes_)
            code = np.full(len(labels.classes), -1, dtype=np.int64)
            code[place] = np.arange(len(place))
            own, codes = weights_of(params), code[labels.codes[test]]
            correction = model_correction(model, labels, rows, own, caller) if self.prior_correction else None
            if correction is not None:
                correction = PriorCorrection(correction.trained_priors_[place], correction.target_priors_[place])
                values = correction.predict_proba(values)
            calibrator = self._fit_map(values, np.maximum(codes, 0), None if weight is None else weight[test], codes >= 0, response)
            proba[test] = aligned(calibrator.predict_proba(values), model.classes_, labels.classes)
            models.append(CalibratedModel(model, chained(correction, calibrator), labels.classes, response))
        self.calibrated_classifiers_ = models
        self._remember_metadata(params)
        self.classes_ = labels.classes
        take_columns(self, models[0].estimator)
        self.ungrouped_ = folds.ungrouped
        tested = np.zeros(len(proba), dtype=bool)
        tested[np.concatenate(folds.test)] = True
        if not tested.all():
            raise InvalidInputError(f"cv of {caller} must test each row; got {int((~tested).sum())} rows that no fold tests")
        return OutOfFold(labels, folds, proba, tested, weight)

    def predict_proba(self, X: Any, **metadata: Any) -> Floats:
        """Return calibrated probabilities of shape (n_samples, n_classes), columns as in ``classes_``."""
        check_is_fitted(self)
        given = self._handed_on(metadata, "predict_proba")
        models = self.calibrated_classifiers_
        total = models[0].predict_proba(X, given)
        for model in models[1:]:
            total = total + model.predict_proba(X, given)
        return np.asarray(total / len(models) if len(models) > 1 else total)

    def _native_vote(self) -> tuple[str, Floats, list[Any]]:
        """Return what an ensemble is, for the model file: a soft vote of the folds' calibrated classifiers."""
        return "soft", np.ones(len(self.calibrated_classifiers_)), self.calibrated_classifiers_


def _check_rows_a_fold(cv: Any, labels: Labels, caller: str) -> None:
    """Raise InvalidInputError where a map of each fold could not see each class."""
    from sklearn.model_selection import LeaveOneOut

    if isinstance(cv, LeaveOneOut):
        raise InvalidInputError(f"cv of {caller} must leave rows of each class in each test part for a map of its own; got LeaveOneOut")
    n_folds = cv if isinstance(cv, (int, np.integer)) and not isinstance(cv, bool) else getattr(cv, "n_splits", None)
    if isinstance(n_folds, (int, np.integer)):
        fewest = int(np.bincount(labels.codes).min())
        if fewest < n_folds:
            raise InvalidInputError(f"cv of {caller} must be at most the rows of the smallest class ({fewest}) with a map a fold; got {n_folds}")
