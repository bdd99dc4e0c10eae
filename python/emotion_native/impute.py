"""Filling of missing values."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from . import _core
from ._threads import effective_n_jobs
from ._validation import check_choice, check_flag, check_matrix
from .exceptions import InvalidInputError

__all__ = ["SimpleImputer"]

_PARALLEL_VALUES = 1_000_000  # below this one thread is faster


class SimpleImputer(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Replace NaN by one value a column.

    float32 and float64 input keep their type. A column without any value in `fit` is dropped, or kept and filled with 0 (the constant,
    where the strategy is one) if ``keep_empty_features``.

    Parameters
    ----------
    missing_values : nan
        NaN is the only marker of missing values.
    strategy : {"mean", "median", "most_frequent", "constant"}, default="mean"
        The smallest of equally frequent values wins.
    fill_value : float, optional
        The value of the strategy ``"constant"``; None means 0.
    copy : bool, default=True
        Accepted for compatibility; a new array is returned in any case.
    add_indicator : False
        Indicator columns are not supported.
    keep_empty_features : bool, default=False
        Whether columns without any value are kept.

    Attributes
    ----------
    statistics_ : ndarray of shape (n_features,), float64
        The filling values; NaN where a column is dropped.
    n_features_in_ : int
        Columns seen in `fit`.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.impute import SimpleImputer
    >>> SimpleImputer().fit_transform(np.array([[1.0], [np.nan], [3.0]])).ravel()
    array([1., 2., 3.])
    """

    def __init__(
        self,
        *,
        missing_values: float = np.nan,
        strategy: str = "mean",
        fill_value: float | None = None,
        copy: bool = True,
        add_indicator: bool = False,
        keep_empty_features: bool = False,
    ) -> None:
        self.missing_values = missing_values
        self.strategy = strategy
        self.fill_value = fill_value
        self.copy = copy
        self.add_indicator = add_indicator
        self.keep_empty_features = keep_empty_features

    def _options(self) -> tuple[str, float, bool]:
        caller = "SimpleImputer"
        if not (isinstance(self.missing_values, numbers.Real) and np.isnan(float(self.missing_values))):
            raise InvalidInputError(f"missing_values of {caller} must be nan; got {self.missing_values!r}")
        check_choice(self.strategy, "strategy", caller, ("mean", "median", "most_frequent", "constant"))
        check_flag(self.keep_empty_features, "keep_empty_features", caller)
        if self.add_indicator is not False:
            raise InvalidInputError(f"add_indicator of {caller} must be False; got {self.add_indicator!r}")
        fill = 0.0 if self.fill_value is None else self.fill_value
        if not isinstance(fill, numbers.Real) or not np.isfinite(float(fill)):
            raise InvalidInputError(f"fill_value of {caller} must be None or a finite number; got {self.fill_value!r}")
        return self.strategy, float(fill), bool(self.keep_empty_features)

    def fit(self, X: Any, y: Any = None) -> SimpleImputer:
        """Learn the filling values from ``X`` (n_samples, n_features).

        Raises
        ------
        InvalidInputError
            If ``X`` is not a matrix of numbers (NaN allowed) or an option is unknown.
        """
        options = self._options()
        X = check_matrix(X, caller="SimpleImputer.fit", estimator=self, reset=True, allow_nan=True)
        n_jobs = effective_n_jobs(None) if X.size >= _PARALLEL_VALUES else 1
        self.statistics_ = _core.imputer_fit(X, *options, n_jobs)
        if np.isnan(self.statistics_).all():
            raise InvalidInputError("X of SimpleImputer.fit must be a matrix with a value in some column; got only missing values")
        return self

    def transform(self, X: Any) -> npt.NDArray[Any]:
        """Return ``X`` with NaN replaced, of its float type (n_samples, n_features minus dropped columns)."""
        check_is_fitted(self, "statistics_")
        X = check_matrix(X, caller="SimpleImputer.transform", estimator=self, allow_nan=True)
        result: npt.NDArray[Any] = _core.imputer_transform(X, self.statistics_)
        return result

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Return the names of the columns that are kept."""
        check_is_fitted(self, "statistics_")
        names: npt.NDArray[Any] = _check_feature_names_in(self, input_features)
        kept: npt.NDArray[Any] = names[~np.isnan(self.statistics_)]
        return kept

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _native_step(self) -> dict[str, Any]:
        """Return the unfitted step for the native fold loop."""
        strategy, fill, keep = self._options()
        return {"kind": "simple_imputer", "strategy": strategy, "fill_value": fill, "keep_empty_features": keep}

    def _native_state(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Return the fitted step as a header and arrays."""
        check_is_fitted(self, "statistics_")
        return {"kind": "simple_imputer", "strategy": self.strategy}, {"statistics": np.ascontiguousarray(self.statistics_, np.float64)}
