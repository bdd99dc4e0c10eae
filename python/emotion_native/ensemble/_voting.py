"""Classifiers that vote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin, TransformerMixin, clone
from sklearn.utils import Bunch, get_tags
from sklearn.utils.metaestimators import _BaseComposition, available_if
from sklearn.utils.validation import _num_samples, check_is_fitted

from .._validation import check_flag
from ..exceptions import InvalidInputError
from ..model_selection._fit import aligned, check_labels, check_lengths, each_fold, fit_params_of


def _is_soft(self: Any) -> bool:
    if self.voting != "soft":
        raise AttributeError(f"predict_proba is not available when voting={self.voting!r}")
    return True


class VotingClassifier(ClassifierMixin, TransformerMixin, _BaseComposition):  # type: ignore[misc]  # scikit-learn has no type information
    """Several classifiers fitted on the same rows, and the mean of their probabilities or the majority of their labels.

    Parameters
    ----------
    estimators : list of (name, classifier)
        Never fitted themselves; ``"drop"`` leaves one out.
    voting : {"hard", "soft"}
        ``"soft"``: the mean of the probabilities, best with calibrated classifiers. ``"hard"``: the label that most predict, the first of
        ``classes_`` where several are equal.
    weights : sequence of float, optional
        One a classifier, also of those that are dropped; not negative, not all 0.
    n_jobs : int or None
        Threads over the classifiers, which have threads of their own.
    flatten_transform : bool
        Whether `transform` with soft voting gives (n_samples, n_classifiers * n_classes) instead of (n_classifiers, n_samples, n_classes).
    verbose : bool
        Accepted for compatibility; no effect.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    estimators_ : list of fitted classifiers
    named_estimators_ : Bunch
    n_features_in_, feature_names_in_
        Of the classifiers.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from emotion_native.ensemble import RandomForestClassifier, VotingClassifier
    >>> from emotion_native.linear_model import LogisticRegression
    >>> X, y = load_iris(return_X_y=True)
    >>> models = [("forest", RandomForestClassifier(20, random_state=0)), ("logistic", LogisticRegression(max_iter=1000))]
    >>> VotingClassifier(models, voting="soft").fit(X, y).predict_proba(X[:2]).shape
    (2, 3)
    """

    _takes_row_metadata = True  # groups, speaker and the like reach the classifiers that ask

    def __init__(
        self,
        estimators: Any,
        *,
        voting: str = "hard",
        weights: Sequence[float] | None = None,
        n_jobs: int | None = None,
        flatten_transform: bool = True,
        verbose: bool = False,
    ) -> None:
        self.estimators = estimators
        self.voting = voting
        self.weights = weights
        self.n_jobs = n_jobs
        self.flatten_transform = flatten_transform
        self.verbose = verbose

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return parameters; with ``deep`` also ``name`` and ``name__parameter`` of the classifiers."""
        params: dict[str, Any] = self._get_params("estimators", deep=deep)
        return params

    def set_params(self, **params: Any) -> VotingClassifier:
        """Set parameters, ``name__parameter`` those of a classifier, ``name`` a classifier itself."""
        self._set_params("estimators", **params)
        return self

    @property
    def named_estimators(self) -> Any:
        """The unfitted classifiers by name."""
        return Bunch(**dict(self.estimators))

    def _kept(self, caller: str) -> list[tuple[str, Any]]:
        """Return the classifiers that are not dropped, after checking all arguments."""
        if self.voting not in ("hard", "soft"):
            raise InvalidInputError(f"voting of {caller} must be 'hard' or 'soft'; got {self.voting!r}")
        check_flag(self.flatten_transform, "flatten_transform", caller)
        if not isinstance(self.estimators, (list, tuple)) or not self.estimators:
            raise InvalidInputError(f"estimators of {caller} must be a non-empty list of (name, estimator); got {self.estimators!r:.80}")
        try:
            names, models = zip(*self.estimators, strict=True)
            self._validate_names(names)
        except (TypeError, ValueError) as error:
            raise InvalidInputError(f"estimators of {caller} must be a list of (name, estimator) with names of their own; got: {error}") from error
        for model in models:
            if not (isinstance(model, str) and model == "drop") and not (hasattr(model, "fit") and hasattr(model, "predict")):
                raise InvalidInputError(f"estimators of {caller} must be classifiers or 'drop'; got {model!r:.80}")
            if self.voting == "soft" and not isinstance(model, str) and not hasattr(model, "predict_proba"):
                raise InvalidInputError(f"estimators of {caller} must have predict_proba for voting='soft'; got {type(model).__name__}")
        if self.weights is not None:
            values = np.asarray(self.weights, dtype=np.float64)
            if values.shape != (len(models),) or not np.isfinite(values).all() or (values < 0).any() or not self._kept_weights().sum() > 0:
                rule = f"one number a classifier ({len(models)}), not negative and not all 0"
                raise InvalidInputError(f"weights of {caller} must be {rule}; got {self.weights!r:.80}")
        kept = [(name, model) for name, model in self.estimators if not isinstance(model, str)]
        if not kept:
            raise InvalidInputError(f"estimators of {caller} must be at least one that is not dropped; all are 'drop'")
        return kept

    def _kept_weights(self) -> npt.NDArray[np.float64]:
        kept = [not isinstance(model, str) for _, model in self.estimators]
        weights = np.ones(len(kept)) if self.weights is None else np.asarray(self.weights, dtype=np.float64)
        return weights[kept]

    def fit(self, X: Any, y: Any, *, sample_weight: Any = None, groups: Any = None, **params: Any) -> VotingClassifier:
        """Fit a copy of each classifier on all rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional
        groups : array-like of shape (n_samples,), optional
            For classifiers that split rows: calibrated ones, searches, early stopping.
        **params
            Handed to every classifier's ``fit``.

        Raises
        ------
        InvalidInputError
            If an argument breaks its rule.
        LeakageError
            If a classifier splits rows and gets no groups.
        """
        caller = "VotingClassifier.fit"
        kept = self._kept(caller)
        X, y, groups = check_lengths(X, y, groups, caller=caller)
        labels = check_labels(y, _num_samples(X), caller=caller)
        given = {**params, "sample_weight": sample_weight, "groups": groups}

        def one(k: int) -> Any:
            model = clone(kept[k][1])
            return model.fit(X, labels.values, **fit_params_of(model, given, None, len(labels.codes), caller=caller))

        models = each_fold(len(kept), one, caller=caller, n_jobs=self.n_jobs, progress=False)
        self.classes_ = labels.classes
        self.estimators_ = models
        fitted = dict(zip([name for name, _ in kept], models, strict=True))
        self.named_estimators_ = Bunch(**{name: fitted.get(name, "drop") for name, _ in self.estimators})
        for name in ("n_features_in_", "feature_names_in_"):
            self.__dict__.pop(name, None)
            if hasattr(models[0], name):
                setattr(self, name, getattr(models[0], name))
        return self

    def _probabilities(self, X: Any) -> list[npt.NDArray[np.float64]]:
        return [aligned(model.predict_proba(X), model.classes_, self.classes_) for model in self.estimators_]

    def _native_vote(self) -> tuple[str, npt.NDArray[np.float64], list[Any]]:
        """Return the kind of vote, the weights and the fitted classifiers, for the model file."""
        return self.voting, self._kept_weights(), self.estimators_

    def _votes(self, X: Any) -> npt.NDArray[np.int64]:
        """Return class numbers of shape (n_samples, n_classifiers)."""
        return np.stack([np.searchsorted(self.classes_, model.predict(X)) for model in self.estimators_], axis=1)

    @available_if(_is_soft)  # type: ignore[untyped-decorator]  # scikit-learn is untyped
    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the weighted mean of the probabilities (n_samples, n_classes)."""
        check_is_fitted(self)
        weights = self._kept_weights()
        total = 0.0
        mean = np.zeros(())
        # One after another, as the runtime adds them up: a loaded model gives the same bits.
        for proba, weight in zip(self._probabilities(X), weights.tolist(), strict=True):
            mean = mean + proba * weight
            total += weight
        return np.asarray(mean / total)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return labels (n_samples,)."""
        check_is_fitted(self)
        if self.voting == "soft":
            return np.asarray(self.classes_[np.argmax(self.predict_proba(X), axis=1)])
        votes = self._votes(X)
        counts = np.zeros((len(votes), len(self.classes_)))
        for column, weight in zip(votes.T, self._kept_weights(), strict=True):
            counts[np.arange(len(votes)), column] += weight
        return np.asarray(self.classes_[np.argmax(counts, axis=1)])

    def transform(self, X: Any) -> npt.NDArray[Any]:
        """Return what each classifier says: probabilities with soft voting (see ``flatten_transform``), class numbers with hard voting."""
        check_is_fitted(self)
        if self.voting == "hard":
            return self._votes(X)
        probabilities = self._probabilities(X)
        return np.hstack(probabilities) if self.flatten_transform else np.stack(probabilities)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Return the names of the columns of `transform`: the classifier's, with soft voting followed by the class number."""
        check_is_fitted(self)
        names = [f"votingclassifier_{name}" for name, model in self.estimators if not isinstance(model, str)]
        if self.voting == "soft":
            if not self.flatten_transform:
                raise InvalidInputError("flatten_transform of VotingClassifier must be True for names of columns; got False")
            names = [f"{name}{k}" for name in names for k in range(len(self.classes_))]
        return np.asarray(names, dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        models = [model for _, model in self.estimators if not isinstance(model, str)] if isinstance(self.estimators, (list, tuple)) else []
        tags.input_tags.allow_nan = bool(models) and all(get_tags(model).input_tags.allow_nan for model in models)
        tags.input_tags.sparse = bool(models) and all(get_tags(model).input_tags.sparse for model in models)
        tags.transformer_tags.preserves_dtype = []
        return tags
