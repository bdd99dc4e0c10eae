"""Classifiers that vote."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin, TransformerMixin, clone, is_regressor
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _num_samples, check_is_fitted

from .._validation import check_flag
from ..exceptions import InvalidInputError
from ..model_selection._asking import HandsOn, ask
from ..model_selection._fit import aligned, check_labels, check_lengths, each_fold, fit_params_of
from ._best import best_of_comparison, best_of_search
from ._members import Members, is_dropped


def _weights(weights: Any, scores: list[float], caller: str) -> Any:
    if not isinstance(weights, str):
        return weights
    if weights != "score" or min(scores) <= 0:
        rule = "None, a sequence, or 'score' where all scores are above 0"
        raise InvalidInputError(f"weights of {caller} must be {rule}; got {weights!r} and scores {scores!r:.80}")
    return scores


def _is_soft(self: Any) -> bool:
    if self.voting != "soft":
        raise AttributeError(f"predict_proba is not available when voting={self.voting!r}")
    return True


class VotingClassifier(HandsOn, ClassifierMixin, TransformerMixin, Members):  # type: ignore[misc]  # scikit-learn has no type information
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
        Print a line a fitted classifier.

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
    _only_hands_on = True  # splits no rows itself

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

    @classmethod
    def from_search(cls, search: Any, n_best: int = 3, *, weights: Any = None, voting: str = "soft", n_jobs: int | None = None) -> VotingClassifier:
        """Return an unfitted vote of the best settings of a fitted search.

        Parameters
        ----------
        search : GridSearchCV or RandomizedSearchCV
            Fitted, also with ``refit=False``; with several scores ``refit`` names the one that decides.
        n_best : int
            Settings that vote; fewer where fewer have a score.
        weights : None, "score" or sequence of float
            ``"score"``: the mean scores, which must be above 0. A sequence: one a setting, the best first.
        voting, n_jobs
            As in the class.

        Raises
        ------
        InvalidInputError
            If an argument breaks its rule.

        Notes
        -----
        The members were chosen by the folds of the search: a score of the vote on these folds is too good. `SearchVotingClassifier` makes the
        choice inside ``fit``, so that cross-validating it is honest.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import load_iris
        >>> from emotion_native.ensemble import VotingClassifier
        >>> from emotion_native.linear_model import LogisticRegression
        >>> from emotion_native.model_selection import GridSearchCV
        >>> X, y = load_iris(return_X_y=True)
        >>> speaker = np.arange(150) % 10
        >>> search = GridSearchCV(LogisticRegression(max_iter=1000), {"C": [0.01, 0.1, 1.0]}, refit=False).fit(X, y, groups=speaker)
        >>> vote = VotingClassifier.from_search(search, 2).fit(X, y)
        >>> [name for name, _ in vote.estimators]
        ['setting_2', 'setting_1']
        """
        members, scores = best_of_search(search, n_best, caller=f"{cls.__name__}.from_search")
        return cls(members, voting=voting, weights=_weights(weights, scores, f"{cls.__name__}.from_search"), n_jobs=n_jobs)

    @classmethod
    def from_comparison(
        cls,
        estimators: Any,
        scores: Any,
        n_best: int = 3,
        *,
        score: str = "score",
        weights: Any = None,
        voting: str = "soft",
        n_jobs: int | None = None,
    ) -> VotingClassifier:
        """Return an unfitted vote of the best estimators of a comparison.

        Parameters
        ----------
        estimators : dict of str to classifier
            What was handed to `emotion_native.model_selection.compare_estimators`.
        scores : dict of str to dict
            What it returned.
        n_best, weights, voting, n_jobs
            As in `from_search`.
        score : str
            Name of the score that decides, where there are several.

        Raises
        ------
        InvalidInputError
            If an argument breaks its rule.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import load_iris
        >>> from emotion_native.ensemble import RandomForestClassifier, VotingClassifier
        >>> from emotion_native.linear_model import LogisticRegression
        >>> from emotion_native.model_selection import compare_estimators
        >>> X, y = load_iris(return_X_y=True)
        >>> models = {"forest": RandomForestClassifier(20, random_state=0), "logistic": LogisticRegression(max_iter=1000)}
        >>> scores = compare_estimators(models, X, y, groups=np.arange(150) % 10)
        >>> len(VotingClassifier.from_comparison(models, scores, 2, weights="score").weights)
        2
        """
        members, means = best_of_comparison(estimators, scores, n_best, score, caller=f"{cls.__name__}.from_comparison")
        return cls(members, voting=voting, weights=_weights(weights, means, f"{cls.__name__}.from_comparison"), n_jobs=n_jobs)

    def _kept(self, caller: str) -> list[tuple[str, Any]]:
        """Return the classifiers that are not dropped, after checking all arguments."""
        if self.voting not in ("hard", "soft"):
            raise InvalidInputError(f"voting of {caller} must be 'hard' or 'soft'; got {self.voting!r}")
        check_flag(self.flatten_transform, "flatten_transform", caller)
        kept = self._members(caller)
        for _, model in kept:
            if is_regressor(model):
                raise InvalidInputError(f"estimators of {caller} must be classifiers (each should be a classifier); got {type(model).__name__}")
        for _, model in kept if self.voting == "soft" else ():
            if not hasattr(model, "predict_proba"):
                raise InvalidInputError(f"estimators of {caller} must have predict_proba for voting='soft'; got {type(model).__name__}")
        if self.weights is not None:
            try:
                values = np.asarray(self.weights, dtype=np.float64)
            except (TypeError, ValueError):
                values = np.empty(0)
            if values.shape != (len(self.estimators),) or not np.isfinite(values).all() or (values < 0).any() or not self._kept_weights().sum() > 0:
                rule = f"one number a classifier ({len(self.estimators)}), not negative and not all 0"
                raise InvalidInputError(f"weights of {caller} must be {rule}; got {self.weights!r:.80}")
        return kept

    def _kept_weights(self) -> npt.NDArray[np.float64]:
        kept = [not is_dropped(model) for _, model in self.estimators]
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
            model, start = clone(kept[k][1]), time.perf_counter()
            model.fit(X, labels.values, **fit_params_of(model, given, None, len(labels.codes), caller=caller))
            if self.verbose:
                what = f" ({k + 1} of {len(kept)}) Processing {kept[k][0]}, total= {time.perf_counter() - start:5.1f}s"
                print(f"[Voting] {what:.>60}")
            return model

        models = each_fold(len(kept), one, caller=caller, n_jobs=self.n_jobs, progress=False)
        self._remember_metadata(params)
        self.classes_ = labels.classes
        self._keep_fitted(kept, models)
        return self

    def _probabilities(self, X: Any, given: Mapping[str, Any]) -> list[npt.NDArray[np.float64]]:
        return [aligned(ask(model, "predict_proba", X, given), model.classes_, self.classes_) for model in self.estimators_]

    def _native_vote(self) -> tuple[str, npt.NDArray[np.float64], list[Any]]:
        """Return the kind of vote, the weights and the fitted classifiers, for the model file."""
        return self.voting, self._kept_weights(), self.estimators_

    def _votes(self, X: Any, given: Mapping[str, Any]) -> npt.NDArray[np.int64]:
        """Return class numbers of shape (n_samples, n_classifiers)."""
        return np.stack([np.searchsorted(self.classes_, ask(model, "predict", X, given)) for model in self.estimators_], axis=1)

    @available_if(_is_soft)  # type: ignore[untyped-decorator]  # scikit-learn is untyped
    def predict_proba(self, X: Any, **metadata: Any) -> npt.NDArray[np.float64]:
        """Return the weighted mean of the probabilities (n_samples, n_classes).

        ``metadata``: what classifiers inside ask for when they predict (``speaker`` or ``enrol``, for a `SpeakerNormalizer`); it
        must be given where `fit` was given it. So in the other methods.
        """
        check_is_fitted(self)
        given = self._handed_on(metadata, "predict_proba")
        weights = self._kept_weights()
        total = 0.0
        mean = np.zeros(())
        # One after another, as the runtime adds them up: a loaded model gives the same bits.
        for proba, weight in zip(self._probabilities(X, given), weights.tolist(), strict=True):
            mean = mean + proba * weight
            total += weight
        return np.asarray(mean / total)

    def predict(self, X: Any, **metadata: Any) -> npt.NDArray[Any]:
        """Return labels (n_samples,)."""
        check_is_fitted(self)
        if self.voting == "soft":
            return np.asarray(self.classes_[np.argmax(self.predict_proba(X, **metadata), axis=1)])
        votes = self._votes(X, self._handed_on(metadata, "predict"))
        counts = np.zeros((len(votes), len(self.classes_)))
        for column, weight in zip(votes.T, self._kept_weights(), strict=True):
            counts[np.arange(len(votes)), column] += weight
        return np.asarray(self.classes_[np.argmax(counts, axis=1)])

    def transform(self, X: Any, **metadata: Any) -> npt.NDArray[Any]:
        """Return what each classifier says: probabilities with soft voting (see ``flatten_transform``), class numbers with hard voting."""
        check_is_fitted(self)
        given = self._handed_on(metadata, "transform")
        if self.voting == "hard":
            return self._votes(X, given)
        probabilities = self._probabilities(X, given)
        return np.hstack(probabilities) if self.flatten_transform else np.stack(probabilities)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Return the names of the columns of `transform`: the classifier's, with soft voting followed by the class number."""
        check_is_fitted(self)
        names = [f"votingclassifier_{name}" for name, model in self.estimators if not is_dropped(model)]
        if self.voting == "soft":
            if not self.flatten_transform:
                raise InvalidInputError("flatten_transform of VotingClassifier must be True for names of columns; got False")
            names = [f"{name}{k}" for name in names for k in range(len(self.classes_))]
        return np.asarray(names, dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags
