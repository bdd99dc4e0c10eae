"""Selection of feature columns by univariate scores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils.validation import check_is_fitted

from . import _core
from ._threads import effective_n_jobs
from ._validation import as_invalid, check_number, check_rows, encode_labels
from .exceptions import InvalidInputError

__all__ = ["SelectKBest", "f_classif"]

_PARALLEL_VALUES = 1_000_000  # below this one thread is faster


def _f_values(X: Any, y: npt.NDArray[Any], caller: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    classes, codes = encode_labels(y, caller=caller)
    if len(classes) < 2:
        raise InvalidInputError(f"y of {caller} must be labels of at least two classes; got one class")
    n_jobs = effective_n_jobs(None) if X.size >= _PARALLEL_VALUES else 1
    scores = _core.f_classif_scores(X, codes, len(classes), n_jobs)
    from scipy.special import fdtrc

    return scores, fdtrc(len(classes) - 1, X.shape[0] - len(classes), scores)


def f_classif(X: Any, y: Any) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the F statistic of a one-way analysis of variance, and its p-value, for every column.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Finite numbers.
    y : array-like of shape (n_samples,)
        Labels of at least two classes.

    Returns
    -------
    f_statistic, p_values : ndarray of shape (n_features,), float64
        NaN for a constant column; infinity and 0 where classes differ without any variance inside them.

    Raises
    ------
    InvalidInputError
        If ``X`` holds NaN or infinity, the lengths differ or there is one class.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.feature_selection import f_classif
    >>> f, p = f_classif(np.array([[0.0], [1.0], [2.0], [3.0]]), [0, 0, 1, 1])
    >>> float(f[0])
    8.0
    """
    X, y = check_rows(X, y, caller="f_classif", estimator=None)
    return _f_values(X, y, "f_classif")


class SelectKBest(SelectorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Keep the ``k`` columns of the highest scores.

    Among equal scores the later column wins and NaN loses to everything, as in scikit-learn. Columns keep their order and float type.

    Parameters
    ----------
    score_func : callable, default=f_classif
        Takes ``(X, y)`` and returns scores, or scores and p-values. Only `f_classif` runs inside the native fold loop.
    k : int or "all", default=10
        How many columns to keep; all where ``X`` has fewer.

    Attributes
    ----------
    scores_, pvalues_ : ndarray of shape (n_features,), float64
        ``pvalues_`` is None where the function gives scores alone.
    n_features_in_ : int
        Columns seen in `fit`.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.feature_selection import SelectKBest
    >>> X = np.array([[0.0, 5.0], [1.0, 6.0], [2.0, 5.0], [3.0, 6.0]])
    >>> SelectKBest(k=1).fit(X, [0, 0, 1, 1]).get_support()
    array([ True, False])
    """

    def __init__(self, score_func: Callable[..., Any] = f_classif, *, k: int | str = 10) -> None:
        self.score_func = score_func
        self.k = k

    def _check_k(self) -> int | None:
        """Return the wanted number of columns; None for all."""
        if isinstance(self.k, str) and self.k == "all":
            return None
        check_number(self.k, "k", "SelectKBest", low=0, integer=True)
        return int(self.k)

    def fit(self, X: Any, y: Any = None) -> SelectKBest:
        """Score the columns of ``X`` (n_samples, n_features) against labels ``y``.

        Raises
        ------
        InvalidInputError
            If ``X`` holds NaN or infinity, or ``y`` is missing or has one class.
        """
        k = self._check_k()
        if not callable(self.score_func):
            raise InvalidInputError(f"score_func of SelectKBest must be callable; got {self.score_func!r}")
        X, y = check_rows(X, y, caller="SelectKBest.fit", estimator=self)
        result = _f_values(X, y, "SelectKBest.fit") if self.score_func is f_classif else self.score_func(X, y)
        scores, pvalues = result if isinstance(result, tuple) else (result, None)
        self.scores_ = np.array(scores, dtype=np.float64)
        self.pvalues_ = None if pvalues is None else np.array(pvalues)
        wanted = X.shape[1] if k is None else min(k, X.shape[1])
        self._columns: npt.NDArray[np.int32] = _core.select_k_best_columns(self.scores_, wanted)
        return self

    def transform(self, X: Any) -> Any:
        """Return the chosen columns of ``X`` (n_samples, n_features), of its type.

        Raises
        ------
        InvalidInputError
            If ``X`` holds NaN or infinity, or has other columns than in `fit`.
        """
        check_is_fitted(self, "scores_")
        try:
            return super().transform(X)
        except (TypeError, ValueError) as error:
            raise as_invalid("X", "SelectKBest.transform", error) from error

    def _get_support_mask(self) -> npt.NDArray[np.bool_]:
        check_is_fitted(self, "scores_")
        mask = np.zeros(self.scores_.shape[0], dtype=bool)
        mask[self._columns] = True
        return mask

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _native_step(self) -> dict[str, Any] | None:
        """Return the unfitted step for the native fold loop; None for a scoring function of another origin."""
        return {"kind": "select_k_best", "k": self._check_k()} if self.score_func is f_classif else None

    def _native_state(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Return the fitted step as a header and arrays."""
        check_is_fitted(self, "scores_")
        return {"kind": "select_k_best"}, {"columns": np.ascontiguousarray(self._columns, np.int32)}
