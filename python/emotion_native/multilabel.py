"""Many labels at once: one classifier a label, and thresholds for each."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, MultiOutputMixin, clone, is_regressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import _safe_indexing, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted

from . import _core
from ._threads import effective_n_jobs
from ._validation import (
    check_class_labels,
    check_class_weight,
    check_dense_or_sparse,
    check_flag,
    check_matrix,
    check_sample_weight,
    count_rows,
    encode_labels,
    is_sparse,
    n_rows_of,
)
from .exceptions import EmotionNativeWarning, InvalidInputError
from .linear_model import LogisticRegression
from .model_selection import resolve_folds
from .model_selection._asking import HandsOn, ask
from .model_selection._fit import fit_params_of, fit_rows, for_rows, take_columns

__all__ = ["OneVsRestClassifier", "TunedThresholdsClassifier", "tune_thresholds"]

_CALLER = "OneVsRestClassifier.fit"


def _has(method: str) -> Any:
    """Return whether the estimator, or what was fitted, has a method; raise its AttributeError where not."""

    def check(self: Any) -> bool:
        getattr(self.estimator if "estimators_" not in self.__dict__ else self._template(), method)
        return True

    return check


class _Constant(BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """What stands for the classifier of a label that all rows have, or none."""

    def __init__(self, present: bool) -> None:
        self.present = present

    def decision_function(self, X: Any) -> npt.NDArray[np.float64]:
        return np.full(count_rows(X, parameter="X", caller="OneVsRestClassifier"), float(self.present))

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        present = self.decision_function(X)
        return np.column_stack([1 - present, present])

    def predict(self, X: Any) -> npt.NDArray[np.int64]:
        return self.decision_function(X).astype(np.int64)


class OneVsRestClassifier(HandsOn, MultiOutputMixin, ClassifierMixin, MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """One binary classifier a class (against all others), or a label (for rows with sets of labels).

    The labels of a `LogisticRegression` of this package are fitted in one native call, in parallel, each bit for bit as
    ``clone(estimator).fit(X, label)``; other classifiers are cloned and fitted one after another. The result does not depend on ``n_jobs``.

    Parameters
    ----------
    estimator : classifier
        With ``decision_function`` or ``predict_proba``; or a regressor, whose prediction from 0 to 1 is the score.
        Its ``class_weight`` is about 0 (the rest) and 1.
    n_jobs : int, optional
        Threads of the native call; None means the cores that this process may use.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels; the numbers of the columns where ``y`` was an indicator matrix.
    multilabel_ : bool
        Whether ``y`` was an indicator matrix.
    estimators_ : list
        One fitted binary classifier a label; one in all for two classes. A label that all rows have, or none, gets a constant one, with a warning.
    n_features_in_ : int

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.linear_model import LogisticRegression
    >>> from emotion_native.multilabel import OneVsRestClassifier
    >>> X = np.array([[0.0, 1.0], [1.0, 1.0], [0.0, 0.0], [1.0, 0.0]])
    >>> OneVsRestClassifier(LogisticRegression(C=100)).fit(X, X.astype(int)).predict(X).tolist()
    [[0, 1], [1, 1], [0, 0], [1, 0]]
    """

    classes_: npt.NDArray[Any]
    estimators_: list[Any]
    multilabel_: bool
    _takes_row_metadata = True  # groups, speaker and the like reach the classifiers that ask
    _only_hands_on = True  # splits no rows itself

    def __init__(self, estimator: Any, *, n_jobs: int | None = None) -> None:
        self.estimator = estimator
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, groups: Any = None, **params: Any) -> OneVsRestClassifier:
        """Fit one classifier a label.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,), or indicator matrix of shape (n_samples, n_labels)
            Classes, or for each label a column of 0 and 1 (dense or sparse).
        sample_weight : array-like of shape (n_samples,), optional
        groups : array-like of shape (n_samples,), optional
            For classifiers that split rows: calibrated ones, searches, early stopping.
        **params
            Handed to every classifier's ``fit``.

        Raises
        ------
        InvalidInputError
            If a parameter or an array breaks its rule.
        LeakageError
            If a classifier splits rows and gets no groups.
        KeyboardInterrupt
            On Ctrl-C; the estimator keeps what it was before.
        """
        n_jobs = effective_n_jobs(self.n_jobs, caller="OneVsRestClassifier")
        if not hasattr(self.estimator, "fit"):
            raise InvalidInputError(f"estimator of {_CALLER} must be a classifier with fit; got {self.estimator!r}")
        if y is None:
            rule = "an array of labels (this estimator requires y to be passed, but the target y is None)"
            raise InvalidInputError(f"y of {_CALLER} must be {rule}; got None")
        classes, indicators, multilabel = _indicators(y)
        native = type(self.estimator) is LogisticRegression
        rows = check_dense_or_sparse(X, caller=_CALLER, estimator=self, reset=True) if native else X
        if (n_rows_of(rows) if native else count_rows(X, parameter="X", caller=_CALLER)) != indicators.shape[1]:
            found = f"Found input variables with inconsistent numbers of samples: X {rows[0].shape if native else ''}, y {indicators.shape[1]}"
            raise InvalidInputError(f"y of {_CALLER} must be one label or set of labels a row of X; got: {found}")
        constant = np.flatnonzero((indicators == indicators[:, :1]).all(axis=1))
        if not multilabel and constant.size:
            raise InvalidInputError(f"y of {_CALLER} must be labels of at least two classes; got one class: {classes[0]!r}")
        for k in constant:
            share = "all" if indicators[k, 0] else "none"
            warnings.warn(f"Label {classes[k]} is present in {share} of the training examples", EmotionNativeWarning, stacklevel=2)
        learn = np.setdiff1d(np.arange(indicators.shape[0]), constant)
        if native:
            fit_params_of(self.estimator, params, None, indicators.shape[1], caller=_CALLER)  # refuses what nobody takes
            weights = check_sample_weight(sample_weight, n_rows_of(rows), caller=_CALLER)
            fitted = self._fit_native(rows, np.ascontiguousarray(indicators[learn]), weights, n_jobs)
        else:
            given = {**params, "sample_weight": sample_weight, "groups": groups}
            extra = fit_params_of(self.estimator, given, None, indicators.shape[1], caller=_CALLER)
            fitted = [clone(self.estimator).fit(X, indicators[k].astype(np.int64), **extra) for k in learn]
        found_of = dict(zip(learn.tolist(), fitted, strict=True))
        self._remember_metadata(params)
        self.estimators_ = [found_of.get(k) or _Constant(bool(indicators[k, 0])) for k in range(indicators.shape[0])]
        self.classes_, self.multilabel_, self._sparse_labels = classes, multilabel, multilabel and is_sparse(y)
        self._stack()
        if fitted and not native:
            take_columns(self, fitted[0])
        return self

    def _fit_native(self, X: Any, indicators: npt.NDArray[np.uint8], weights: Any, n_jobs: int) -> list[LogisticRegression]:
        """Fit all labels in one native call; return one `LogisticRegression` each, whose coefficients are rows of one matrix."""
        options = self._options()
        coef, intercept, n_iter, converged = _core.one_vs_rest_fit(X, indicators, options, weights, n_jobs)
        if not converged.all():
            warnings.warn(
                f"LogisticRegression stopped at max_iter before its tolerance was met for {int((~converged).sum())} of {len(converged)} labels: "
                "scale the columns or raise max_iter",
                ConvergenceWarning,
                stacklevel=3,
            )
        fitted = []
        for k in range(len(indicators)):
            model = clone(self.estimator)
            model.classes_, model.coef_, model.intercept_ = np.array([0, 1]), coef[k : k + 1], intercept[k : k + 1]
            model.n_iter_, model.n_features_in_ = n_iter[k : k + 1], self.n_features_in_
            fitted.append(model)
        return fitted

    def _stack(self) -> None:
        """Keep all coefficients as one matrix where every label has some, for prediction in one native call."""
        self._coef: npt.NDArray[np.float64] | None = None
        self._intercept: npt.NDArray[np.float64] | None = None
        if all(type(model) is LogisticRegression for model in self.estimators_):
            self._coef = np.ascontiguousarray(np.vstack([model.coef_ for model in self.estimators_]))
            self._intercept = np.ascontiguousarray(np.concatenate([model.intercept_ for model in self.estimators_]))

    def _template(self) -> Any:
        """Return a fitted classifier that is no constant, if there is one."""
        return next((model for model in self.estimators_ if not isinstance(model, _Constant)), self.estimators_[0])

    def _scores(self, X: Any, method: str, metadata: Mapping[str, Any], *, proba: bool) -> npt.NDArray[np.float64]:
        """Return one column a fitted classifier: the score of its label, or the probability."""
        if "estimators_" not in self.__dict__:
            check_is_fitted(self, "estimators_")
        given = self._handed_on(metadata, method)
        if self._coef is not None and self._intercept is not None:
            X = check_dense_or_sparse(X, caller=f"OneVsRestClassifier.{method}", estimator=self)
            native: npt.NDArray[np.float64] = _core.one_vs_rest_predict(X, self._coef, self._intercept, proba, not self.multilabel_)
            return native
        if type(self.estimator) is LogisticRegression:
            check_dense_or_sparse(X, caller=f"OneVsRestClassifier.{method}", estimator=self)
        if is_regressor(self._template()):
            return np.column_stack([np.ravel(ask(model, "predict", X, given)) for model in self.estimators_])
        if proba:
            return np.column_stack([ask(model, "predict_proba", X, given)[:, 1] for model in self.estimators_])
        return np.column_stack([np.ravel(ask(model, "decision_function", X, given)) for model in self.estimators_])

    @available_if(_has("decision_function"))  # type: ignore[untyped-decorator]  # scikit-learn is untyped
    def decision_function(self, X: Any, **metadata: Any) -> npt.NDArray[np.float64]:
        """Return scores (n_samples, n_labels); (n_samples,) where there is one classifier.

        ``metadata``: what the classifiers inside ask for when they predict (``speaker`` or ``enrol``, for a `SpeakerNormalizer`); it
        must be given where `fit` was given it. So in the other methods.
        """
        scores = self._scores(X, "decision_function", metadata, proba=False)
        return scores[:, 0] if scores.shape[1] == 1 else scores

    @available_if(_has("predict_proba"))  # type: ignore[untyped-decorator]  # scikit-learn is untyped
    def predict_proba(self, X: Any, **metadata: Any) -> npt.NDArray[np.float64]:
        """Return probabilities (n_samples, n_labels): of each label by itself, or of classes, rows summing to 1."""
        own = self._scores(X, "predict_proba", metadata, proba=True)
        if own.shape[1] == 1:
            own = np.column_stack([1 - own[:, 0], own[:, 0]])
        if not self.multilabel_ and self._coef is None:  # the native call has scaled them
            total = own.cumsum(axis=1)[:, -1:]  # added in order, as a loaded model does
            np.divide(own, total, out=own, where=total != 0)
        return own

    def predict(self, X: Any, **metadata: Any) -> Any:
        """Return the likeliest class (n_samples,), or an indicator matrix (n_samples, n_labels) of the labels with a positive score.

        The likeliest class is the first one with the largest probability; of other estimators than ours the one with the highest score. The matrix
        is sparse where ``y`` of `fit` was.
        """
        check_is_fitted(self, "estimators_")
        by_score = hasattr(self._template(), "decision_function") and (self.multilabel_ or self._coef is None or len(self._coef) == 1)
        scores = self._scores(X, "predict", metadata, proba=not by_score)
        threshold = 0.0 if by_score else 0.5
        if self.multilabel_:
            labels_of_rows = (scores > threshold).astype(np.int64)
            if not self._sparse_labels:
                return labels_of_rows
            from scipy.sparse import csr_matrix

            return csr_matrix(labels_of_rows)
        codes = (scores[:, 0] > threshold).astype(np.intp) if scores.shape[1] == 1 else scores.argmax(axis=1)
        labels: npt.NDArray[Any] = self.classes_[codes]
        return labels

    def _native_step(self) -> dict[str, Any] | None:
        """Return the unfitted step for the native fold loop, or None where the estimator is not our `LogisticRegression`."""
        if type(self.estimator) is not LogisticRegression or self.estimator.solver == "liblinear":
            return None
        effective_n_jobs(self.n_jobs, caller="OneVsRestClassifier")
        return {**self._options(), "one_vs_rest": True}

    def _options(self) -> dict[str, Any]:
        """Return the native options of each label's fit."""
        options: dict[str, Any] = self.estimator._options()
        if isinstance(options["class_weight"], dict):
            options["class_weight"] = check_class_weight(options["class_weight"], np.array([0, 1]), caller="LogisticRegression.fit")
        return options

    def _native_state(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Return the fitted linear models as a header and arrays."""
        check_is_fitted(self, "estimators_")
        return {"kind": "one_vs_rest_classifier"}, {"coef": np.asarray(self._coef), "intercept": np.asarray(self._intercept)}

    def _native_members(self) -> list[Any] | None:
        """Return the classifiers for the model file, of a constant whether the label is present; None where one matrix of coefficients holds all."""
        check_is_fitted(self, "estimators_")
        if self._coef is not None:
            return None
        if is_regressor(self._template()):
            rule = "a classifier to be saved as a model file (save_pickle takes others)"
            raise InvalidInputError(f"estimator of OneVsRestClassifier must be {rule}; got {self.estimator!r:.200}")
        return [bool(model.present) if isinstance(model, _Constant) else model for model in self.estimators_]

    def _native_rule(self) -> tuple[str, npt.NDArray[np.float64]]:
        """Return by what a row's class or labels are chosen, margin or probability, and what each label must exceed."""
        by_score = hasattr(self._template(), "decision_function")
        return ("margin", np.zeros(len(self.classes_))) if by_score else ("probability", np.full(len(self.classes_), 0.5))

    @property
    def n_classes_(self) -> int:
        """The number of labels."""
        return len(self.classes_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = get_tags(self.estimator).input_tags.sparse
        tags.input_tags.pairwise = get_tags(self.estimator).input_tags.pairwise
        return tags


def tune_thresholds(y: Any, scores: Any, *, n_jobs: int | None = None) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the threshold of each label above which its F1 is the largest of all cuts, and that F1.

    Rows are sorted once a label, and fractions compared as integers: the maximum is exact. Of equal ones the highest threshold wins; it lies midway
    between two scores. The scores must be of rows that their model was not fitted on: see `TunedThresholdsClassifier`.

    Parameters
    ----------
    y : array-like of shape (n_samples, n_labels) or (n_samples,)
        0 and 1.
    scores : array-like of the same shape
        Finite numbers, larger where the label is likelier: probabilities or decision values.
    n_jobs : int, optional
        Threads; None means the cores that this process may use. The result does not depend on it.

    Returns
    -------
    thresholds, f1 : ndarray of shape (n_labels,), float64
        A label that no row has gets its highest score, which none exceeds, and an F1 of 0.

    Raises
    ------
    InvalidInputError
        If the shapes differ, ``y`` holds other numbers than 0 and 1, or scores are not finite.

    References
    ----------
    Lipton, Elkan & Naryanaswamy, "Optimal thresholding of classifiers to maximize F1 measure" (2014).

    Examples
    --------
    >>> thresholds, f1 = tune_thresholds([1, 0, 1, 0], [0.9, 0.6, 0.4, 0.2])
    >>> round(float(thresholds[0]), 3), round(float(f1[0]), 3)
    (0.3, 0.8)
    """
    caller = "tune_thresholds"
    threads = effective_n_jobs(n_jobs, caller=caller)
    truth = y.toarray() if is_sparse(y) else np.asarray(y)
    values = np.asarray(scores)
    if truth.ndim == 1 and values.ndim == 1:
        truth, values = truth[:, None], values[:, None]
    if truth.ndim != 2 or truth.dtype.kind not in "biuf" or not np.isin(truth, (0, 1)).all():
        raise InvalidInputError(f"y of {caller} must be a vector or matrix of 0 and 1; got shape {np.shape(y)} of {truth.dtype}")
    values = check_matrix(values, caller=f"{caller} (scores)", dtypes=(np.float64,))
    if values.shape != truth.shape:
        raise InvalidInputError(f"scores of {caller} must be of the shape of y, {truth.shape}; got shape {values.shape}")
    return _core.best_f1_thresholds(np.ascontiguousarray(truth, np.uint8), values, threads)


class TunedThresholdsClassifier(HandsOn, MultiOutputMixin, ClassifierMixin, MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Labels are predicted where their probability exceeds a threshold of their own, tuned on predictions out of fold with whole groups left out.

    Parameters
    ----------
    estimator : classifier with ``predict_proba`` of shape (n_samples, n_labels), optional
        None means ``OneVsRestClassifier(LogisticRegression())``.
    cv : None, int, splitter or iterable of (train, test)
        As in `emotion_native.model_selection.cross_validate`, folds of whole groups, not stratified; each row is in one test part.
    allow_ungrouped : bool, default=False
        Accept `fit` without groups.
    n_jobs : int, optional
        Threads of the tuning; None means the cores that this process may use.

    Attributes
    ----------
    estimator_ : classifier
        Fitted on all rows.
    thresholds_ : ndarray of shape (n_labels,)
        See `tune_thresholds`.
    out_of_fold_f1_ : ndarray of shape (n_labels,)
        What the thresholds were chosen by: no estimate for new speakers.
    classes_ : ndarray of shape (n_labels,)
    ungrouped_ : bool

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 3))
    >>> Y = (X + rng.normal(size=X.shape) > 1).astype(int)
    >>> model = TunedThresholdsClassifier().fit(X, Y, groups=np.arange(200) % 10)
    >>> model.predict(X).shape, bool((model.thresholds_ < 0.5).all())
    ((200, 3), True)
    """

    _takes_row_metadata = True  # speaker and the like reach an estimator that asks

    def __init__(self, estimator: Any = None, *, cv: Any = None, allow_ungrouped: bool = False, n_jobs: int | None = None) -> None:
        self.estimator = estimator
        self.cv = cv
        self.allow_ungrouped = allow_ungrouped
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, groups: Any = None, **params: Any) -> TunedThresholdsClassifier:
        """Tune the thresholds out of fold, then fit the estimator on all rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : indicator matrix of shape (n_samples, n_labels)
        sample_weight : array-like of shape (n_samples,), optional
            For the estimator; thresholds count rows.
        groups : array-like of shape (n_samples,)
            What no fold takes apart; also handed to an estimator that asks for them.
        **params
            Handed to the estimator's ``fit``; values with one entry a row are cut down to the training rows.

        Raises
        ------
        LeakageError
            Without groups, unless allowed.
        InvalidInputError
            If ``y`` is no indicator matrix, or the folds do not test each row once.
        """
        caller = "TunedThresholdsClassifier.fit"
        check_flag(self.allow_ungrouped, "allow_ungrouped", "TunedThresholdsClassifier")
        labels, indicators, multilabel = _indicators(y)
        if not multilabel:
            raise InvalidInputError(f"y of {caller} must be an indicator matrix of at least two labels; got {len(labels)} classes")
        truth = indicators.T.astype(np.int64)
        folds = resolve_folds(self.cv, X, truth[:, 0], groups, caller=caller, classifier=False, allow_ungrouped=self.allow_ungrouped)
        tested = np.bincount(np.concatenate(folds.test), minlength=len(truth))
        if len(tested) != len(truth) or (tested != 1).any():
            raise InvalidInputError(f"cv of {caller} must test each row of y exactly once; got folds that do not")
        template = OneVsRestClassifier(LogisticRegression()) if self.estimator is None else self.estimator
        given = {**params, "sample_weight": sample_weight, "groups": groups}
        proba = np.empty(truth.shape)
        for train, test in zip(folds.train, folds.test, strict=True):
            model = clone(template)
            fit_rows(model, X, truth, train, given, caller=caller)
            found = for_rows(model, given, test, len(truth)).predict_proba(_safe_indexing(X, test))
            if np.shape(found) != (len(test), truth.shape[1]):
                got = f"a list of {len(found)}" if isinstance(found, list) else f"shape {np.shape(found)}"
                rule = "a classifier whose predict_proba has one column a label (wrap it in OneVsRestClassifier)"
                raise InvalidInputError(f"estimator of {caller} must be {rule}; got {got}")
            proba[test] = found
        thresholds, f1 = tune_thresholds(truth, proba, n_jobs=self.n_jobs)
        whole = clone(template)
        self._remember_metadata(params)
        self.estimator_ = whole.fit(X, truth, **fit_params_of(whole, given, None, len(truth), caller=caller))
        self.thresholds_, self.out_of_fold_f1_, self.classes_, self.ungrouped_ = thresholds, f1, labels, folds.ungrouped
        return self

    def predict_proba(self, X: Any, **metadata: Any) -> npt.NDArray[np.float64]:
        """Return the probability of each label (n_samples, n_labels); ``metadata`` as in `OneVsRestClassifier.predict_proba`."""
        check_is_fitted(self, "estimator_")
        proba: npt.NDArray[np.float64] = ask(self.estimator_, "predict_proba", X, self._handed_on(metadata, "predict_proba"))
        return proba

    def predict(self, X: Any, **metadata: Any) -> npt.NDArray[np.int64]:
        """Return an indicator matrix (n_samples, n_labels) of probabilities above their thresholds."""
        return (self.predict_proba(X, **metadata) > self.thresholds_).astype(np.int64)

    def _native_thresholds(self) -> npt.NDArray[np.float64]:
        """Return what each label's probability must exceed, for the model file."""
        check_is_fitted(self, "estimator_")
        return self.thresholds_


def _indicators(y: Any) -> tuple[npt.NDArray[Any], npt.NDArray[np.uint8], bool]:
    """Return the labels, a row of 0 and 1 a label (one for two classes), and whether ``y`` is an indicator matrix."""
    matrix = y.toarray() if is_sparse(y) else np.asarray(y) if not isinstance(y, Sequence) else None
    if matrix is None or matrix.ndim != 2:
        try:
            kind = type_of_target(y, input_name="y")
        except (TypeError, ValueError):
            kind = "unknown"
        matrix = np.asarray(y) if kind == "multilabel-indicator" else None
    if matrix is not None and matrix.ndim == 2 and matrix.shape[1] > 1:
        if matrix.dtype.kind not in "biuf" or not np.isin(matrix, (0, 1)).all():
            raise InvalidInputError(f"y of {_CALLER} must be a vector of labels or a matrix of 0 and 1; got a matrix with other values")
        if matrix.shape[0] == 0:
            raise InvalidInputError(f"y of {_CALLER} must be of at least one row; got shape {matrix.shape}")
        return np.arange(matrix.shape[1]), np.ascontiguousarray(matrix.T.astype(np.uint8)), True
    _refuse_sets(y)
    labels = check_class_labels(y, caller=_CALLER)
    classes, codes = encode_labels(labels, caller=_CALLER)
    if len(classes) <= 2:
        return classes, np.ascontiguousarray((codes == len(classes) - 1)[None, :].astype(np.uint8)), False
    return classes, np.ascontiguousarray((codes[None, :] == np.arange(len(classes))[:, None]).astype(np.uint8)), False


def _refuse_sets(y: Any) -> None:
    """Raise InvalidInputError for rows that hold sets or lists of labels, with the remedy."""
    rows = list(y) if isinstance(y, Sequence) or getattr(getattr(y, "dtype", None), "kind", "") == "O" else []
    holders = [row for row in rows if isinstance(row, (set, frozenset, list, tuple))]
    lengths = {len(row) for row in holders}
    named = any(isinstance(value, str) for row in holders for value in row)
    if any(isinstance(row, (set, frozenset)) for row in holders) or len(lengths) > 1 or (named and lengths != {1}):
        rule = "a label a row, or for sets of labels a matrix of 0 and 1, which sklearn.preprocessing.MultiLabelBinarizer().fit_transform(y) makes"
        raise InvalidInputError(f"y of {_CALLER} must be {rule}; got {type(holders[0]).__name__}s of labels, such as {holders[0]!r:.60}")
