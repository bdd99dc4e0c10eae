"""The soft vote of a search's best settings, chosen inside the fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils import get_tags
from sklearn.utils.validation import _num_samples, check_is_fitted

from ..exceptions import InvalidInputError
from ..model_selection._asking import HandsOn
from ..model_selection._fit import check_labels, check_lengths, take_columns
from ._voting import VotingClassifier


class SearchVotingClassifier(HandsOn, ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no type information
    """A search whose best settings vote, instead of the best one alone.

    ``fit`` scores all settings on the search's grouped folds, takes the ``n_best``, and fits a `VotingClassifier` of them on all rows. The choice is
    part of the fit, so that ``cross_validate`` of this object, which hands the training speakers of each outer fold to the search, is honest.

    Parameters
    ----------
    search : GridSearchCV or RandomizedSearchCV
        Never fitted itself; with several scores its ``refit`` names the one that decides.
    n_best : int
        Settings that vote; fewer where fewer have a score.
    weights : None, "score" or sequence of float
        As in `VotingClassifier.from_search`.
    n_jobs : int or None
        Threads over the members of the last fit.

    Attributes
    ----------
    vote_ : VotingClassifier
        Fitted.
    classes_ : ndarray of shape (n_classes,)
    search_ : the search, fitted without its last fit on all rows
        With ``cv_results_`` and ``run_log()``.
    selection_split_ : dict
        As in `emotion_native.model_selection.GridSearchCV`.
    ungrouped_ : bool

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from emotion_native.ensemble import SearchVotingClassifier
    >>> from emotion_native.linear_model import LogisticRegression
    >>> from emotion_native.model_selection import GridSearchCV, cross_validate
    >>> X, y = load_iris(return_X_y=True)
    >>> speaker = np.arange(150) % 10
    >>> best = SearchVotingClassifier(GridSearchCV(LogisticRegression(max_iter=1000), {"C": [0.01, 0.1, 1.0]}), n_best=2)
    >>> cross_validate(best, X, y, groups=speaker, cv=3)["test_score"].shape
    (3,)
    """

    _takes_row_metadata = True  # groups, speaker and the like reach the search and the classifiers that ask

    def __init__(self, search: Any, *, n_best: int = 3, weights: Any = None, n_jobs: int | None = None) -> None:
        self.search = search
        self.n_best = n_best
        self.weights = weights
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, *, sample_weight: Any = None, groups: Any = None, **params: Any) -> SearchVotingClassifier:
        """Search, and fit the vote of the best settings on all rows.

        Parameters
        ----------
        X, y, sample_weight, groups, **params
            As in `emotion_native.model_selection.GridSearchCV.fit`.

        Raises
        ------
        LeakageError
            Without groups, or if a group is on both sides of a fold.
        InvalidInputError
            If an argument breaks its rule.
        """
        if not hasattr(self.search, "_run_search") or not hasattr(self.search, "run_log"):
            raise InvalidInputError(f"search of SearchVotingClassifier.fit must be a search of emotion_native; got {self.search!r:.80}")
        X, y, groups = check_lengths(X, y, groups, caller="SearchVotingClassifier.fit")
        check_labels(y, _num_samples(X), caller="SearchVotingClassifier.fit")
        search = clone(self.search)
        deciding = search.refit
        if callable(deciding):
            raise InvalidInputError("search of SearchVotingClassifier.fit must rank its settings by a score; got a callable refit")
        several = isinstance(deciding, str)
        search.set_params(refit=False).fit(X, y, sample_weight=sample_weight, groups=groups, **params)
        if several:
            search.set_params(refit=deciding)  # says which of several scores ranks
        vote = VotingClassifier.from_search(search, self.n_best, weights=self.weights, n_jobs=self.n_jobs)
        self.vote_ = vote.fit(X, y, sample_weight=sample_weight, groups=groups, **params)
        self._remember_metadata(params)
        self.search_ = search
        self.classes_ = vote.classes_
        self.selection_split_ = search.selection_split_
        self.ungrouped_ = search.ungrouped_
        take_columns(self, vote)
        return self

    def _asked(self) -> list[Any]:
        return [self.search]

    def predict_proba(self, X: Any, **metadata: Any) -> npt.NDArray[np.float64]:
        """Return the weighted mean of the members' probabilities (n_samples, n_classes); ``metadata`` as in `VotingClassifier.predict_proba`."""
        check_is_fitted(self)
        return np.asarray(self.vote_.predict_proba(X, **self._handed_on(metadata, "predict_proba")))

    def predict(self, X: Any, **metadata: Any) -> npt.NDArray[Any]:
        """Return labels (n_samples,)."""
        check_is_fitted(self)
        return np.asarray(self.vote_.predict(X, **self._handed_on(metadata, "predict")))

    def _native_vote(self) -> tuple[str, npt.NDArray[np.float64], list[Any]]:
        """Return the kind of vote, the weights and the fitted classifiers, for the model file."""
        return self.vote_._native_vote()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        own = get_tags(self.search)
        tags.input_tags.allow_nan = own.input_tags.allow_nan
        tags.input_tags.sparse = own.input_tags.sparse
        return tags
