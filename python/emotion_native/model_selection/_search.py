"""Searches for the best parameters on grouped folds: scikit-learn's names, arguments and results."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from .._progress import Progress
from ..exceptions import InvalidInputError, InvalidTypeError
from ._base_search import BaseSearchCV, Evaluate
from ._settings import ParameterGrid, ParameterSampler, Setting


class GridSearchCV(BaseSearchCV):
    """Try every combination of given values on grouped folds and fit the best one.

    All settings see the same folds. Those of our own pipelines are fitted in one native call that shares what they have in common: the rank codes
    of the matrix, the steps that several pipelines begin with, and trees: a forest of 100 trees is the beginning of one of 300 with the same seed.
    The scores are, bit for bit, those of `cross_validate` for each setting by itself.

    Parameters
    ----------
    estimator : estimator
        Never fitted itself.
    param_grid : dict or list of dicts
        Parameter names (``step__parameter`` for pipelines) with the lists of values to try.
    scoring : None, str, callable, list or dict
        As in `cross_validate`.
    n_jobs : int or None
        Threads over settings and folds. None: all cores in the native loop, one fit at a time otherwise.
    refit : bool, str or callable
        Whether to fit the best setting on all rows; with several scores the name of the one that decides; or a callable that gets
        ``cv_results_`` and returns the index of the best.
    cv : None, int, splitter or iterable
        None and integers: stratified folds of whole groups.
    error_score : "raise" or number
        The score of a fit that fails.
    return_train_score : bool
        Also score the training rows.
    allow_ungrouped : bool
        Split without groups on purpose; ``ungrouped_`` and ``selection_split_`` say so.
    progress : callable, bool or None
        As in `cross_validate`, in units of fits.
    verbose : int
        Above 0: print how many fits there are; above 1: print a line a fit, when all settings have been scored.
    pre_dispatch
        Accepted for compatibility; no effect.

    Attributes
    ----------
    cv_results_ : dict
        Every setting with its scores per fold, means, deviations and ranks, and times, as in scikit-learn. In the native loop fits overlap in
        time; each is given an equal share of the whole.
    best_estimator_, best_score_, best_params_, best_index_, refit_time_
        As in scikit-learn. ``best_score_`` is the maximum over the settings: too good as an estimate.
    scorer_, n_splits_, multimetric_, classes_, n_features_in_, feature_names_in_
        As in scikit-learn.
    selection_split_ : dict
        The split that the choice was made on: ``cv``, ``n_splits``, ``n_rows``, ``n_groups``, ``n_settings``, ``ungrouped``, ``hash`` (see
        `split_hash`), and a ``statement`` in words for reports.
    ungrouped_ : bool
    fits_ : list of dict
        Every fit: ``setting``, ``fold``, ``params``, ``fit_time``, ``score_time``, its scores, and ``error`` (None, or why the fit or a scorer
        failed). `run_log` gives them as a table. They and ``cv_results_`` are there also where the last fit, on all rows, fails.

    Notes
    -----
    For an honest score of the whole procedure, cross-validate the search: ``cross_validate(GridSearchCV(…), X, y, groups=speakers)`` hands the
    training speakers of each outer fold to the search's inner folds.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from emotion_native.linear_model import LogisticRegression
    >>> from emotion_native.model_selection import GridSearchCV, cross_validate
    >>> X, y = load_iris(return_X_y=True)
    >>> speakers = np.arange(150) % 10
    >>> search = GridSearchCV(LogisticRegression(max_iter=1000), {"C": [0.001, 1.0]}).fit(X, y, groups=speakers)
    >>> search.best_params_, search.n_splits_, search.selection_split_["n_groups"]
    ({'C': 1.0}, 5, 10)
    >>> nested = cross_validate(search, X, y, groups=speakers, cv=3)
    >>> nested["test_score"].shape
    (3,)
    """

    def __init__(
        self,
        estimator: Any,
        param_grid: Any,
        *,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: Any = "2*n_jobs",
        error_score: Any = np.nan,
        return_train_score: bool = False,
        allow_ungrouped: bool = False,
        progress: Progress = False,
    ) -> None:
        super().__init__(
            estimator,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
            allow_ungrouped=allow_ungrouped,
            progress=progress,
        )
        self.param_grid = param_grid

    def _run_search(self, evaluate_candidates: Evaluate) -> None:
        evaluate_candidates(_checked(partial(ParameterGrid, self.param_grid), f"param_grid of {type(self).__name__}.fit"))


class RandomizedSearchCV(BaseSearchCV):
    """Try settings drawn at random on grouped folds and fit the best one.

    Parameters
    ----------
    estimator : estimator
    param_distributions : dict or list of dicts
        Parameter names with lists of values or distributions that have ``rvs``.
    n_iter : int
        Settings to draw.
    random_state : int, RandomState or None
        Of the draws.
    scoring, n_jobs, refit, cv, verbose, pre_dispatch, error_score, return_train_score, allow_ungrouped, progress
        As in `GridSearchCV`, which also describes the attributes.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from emotion_native.linear_model import LogisticRegression
    >>> from emotion_native.model_selection import RandomizedSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> search = RandomizedSearchCV(LogisticRegression(max_iter=1000), {"C": loguniform(0.01, 100)}, n_iter=4, random_state=0)
    >>> len(search.fit(X, y, groups=np.arange(150) % 10).cv_results_["params"])
    4
    """

    def __init__(
        self,
        estimator: Any,
        param_distributions: Any,
        *,
        n_iter: int = 10,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: Any = "2*n_jobs",
        random_state: Any = None,
        error_score: Any = np.nan,
        return_train_score: bool = False,
        allow_ungrouped: bool = False,
        progress: Progress = False,
    ) -> None:
        super().__init__(
            estimator,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
            allow_ungrouped=allow_ungrouped,
            progress=progress,
        )
        self.param_distributions = param_distributions
        self.n_iter = n_iter
        self.random_state = random_state

    def _run_search(self, evaluate_candidates: Evaluate) -> None:
        caller = f"{type(self).__name__}.fit"
        if not isinstance(self.n_iter, numbers.Integral) or isinstance(self.n_iter, bool) or self.n_iter < 1:
            raise InvalidInputError(f"n_iter of {caller} must be an integer of at least 1; got {self.n_iter!r}")
        sampler = partial(ParameterSampler, self.param_distributions, int(self.n_iter), random_state=self.random_state)
        evaluate_candidates(_checked(sampler, f"param_distributions of {caller}"))


def _checked(make: Callable[[], Iterable[Setting]], parameter: str) -> Sequence[Setting]:
    """Return the settings, with errors in the package's form."""
    try:
        return list(make())
    except (TypeError, ValueError) as error:
        kind = InvalidTypeError if isinstance(error, TypeError) else InvalidInputError
        raise kind(f"{parameter} must be names of parameters with lists of values, or several such dicts; got: {error}") from error
