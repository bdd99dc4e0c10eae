"""Isotonic regression: the monotone function nearest to the data."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import check_is_fitted

from . import _core
from ._validation import check_choice, check_flag, check_number, check_sample_weight
from .exceptions import EmotionNativeWarning, InvalidInputError

__all__ = ["IsotonicRegression", "check_increasing", "isotonic_regression"]

Floats = npt.NDArray[np.floating[Any]]


def _bounds(y_min: Any, y_max: Any, caller: str) -> tuple[float, float]:
    """Return the bounds as numbers, infinite where None."""
    for name, value in (("y_min", y_min), ("y_max", y_max)):
        if value is not None:
            check_number(value, name, caller, low=-math.inf)
    low, high = (-math.inf if y_min is None else float(y_min)), (math.inf if y_max is None else float(y_max))
    if low > high:
        raise InvalidInputError(f"y_min of {caller} must be at most y_max; got {y_min!r} and {y_max!r}")
    return low, high


def _numbers(values: Any, name: str, caller: str) -> Any:
    try:
        return check_array(values, ensure_2d=False, input_name=name, dtype=[np.float64, np.float32], estimator=caller)
    except ValueError as error:
        raise InvalidInputError(f"{name} of {caller} must be finite numbers, at least one; got: {error}") from error


def _values(values: Any, name: str, caller: str) -> Floats:
    """Return a finite one-dimensional float array."""
    array = _numbers(values, name, caller)
    if array.ndim != 1:
        raise InvalidInputError(f"{name} of {caller} must be one-dimensional; got an array of shape {array.shape}")
    return np.asarray(array)


def check_increasing(x: Any, y: Any) -> bool:
    """Return whether y tends to rise with x: Spearman's correlation is not negative.

    Parameters
    ----------
    x, y : array-like of shape (n_samples,)

    Returns
    -------
    bool

    Warns
    -----
    EmotionNativeWarning
        Where Fisher's 95 % interval of the correlation spans zero: the direction is then a guess.

    Examples
    --------
    >>> from emotion_native.isotonic import check_increasing
    >>> bool(check_increasing([1, 2, 3, 4, 5], [2, 4, 6, 8, 10]))
    True
    """
    rho, _ = spearmanr(x, y)
    if rho not in (-1.0, 1.0) and len(x) > 3:
        f, half = 0.5 * math.log((1.0 + rho) / (1.0 - rho)), 1.96 / math.sqrt(len(x) - 3)
        if np.sign(math.tanh(f - half)) != np.sign(math.tanh(f + half)):
            warnings.warn(
                "Confidence interval of the Spearman correlation coefficient spans zero. Determination of ``increasing`` may be suspect.",
                EmotionNativeWarning,
                stacklevel=2,
            )
    return bool(rho >= 0)


def isotonic_regression(
    y: Any, *, sample_weight: Any = None, y_min: float | None = None, y_max: float | None = None, increasing: bool = True
) -> Floats:
    """Return the monotone values nearest to ``y`` in weighted squares.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Finite; float32 is kept.
    sample_weight : array-like of shape (n_samples,), optional
        Positive.
    y_min, y_max : float, optional
        Values are clipped to these bounds.
    increasing : bool, default=True

    Returns
    -------
    ndarray of shape (n_samples,)

    Raises
    ------
    InvalidInputError
        If an argument breaks its rule.

    References
    ----------
    Barlow, Bartholomew, Bremner & Brunk, "Statistical Inference under Order Restrictions", 1972: pool adjacent violators, O(n).

    Examples
    --------
    >>> from emotion_native.isotonic import isotonic_regression
    >>> isotonic_regression([5, 3, 1, 2, 8, 10, 7, 9, 6, 4]).tolist()
    [2.75, 2.75, 2.75, 2.75, 7.333333333333333, 7.333333333333333, 7.333333333333333, 7.333333333333333, 7.333333333333333, 7.333333333333333]
    """
    caller = "isotonic_regression"
    values = _values(y, "y", caller)
    weight = check_sample_weight(sample_weight, len(values), caller=caller)
    if weight is not None and not (weight > 0).all():
        raise InvalidInputError(f"sample_weight of {caller} must be positive; got {weight.min()!r}")
    low, high = _bounds(y_min, y_max, caller)
    check_flag(increasing, "increasing", caller)
    native = np.empty(0) if weight is None else np.ascontiguousarray(weight, np.float64)
    out = _core.isotonic_regression(np.ascontiguousarray(values, np.float64), native, bool(increasing))
    return np.asarray(np.clip(out, low, high).astype(values.dtype, copy=False))


class IsotonicRegression(RegressorMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Monotone regression of one column.

    Parameters
    ----------
    y_min, y_max : float, optional
        Bounds of the predicted values.
    increasing : bool or "auto", default=True
        ``"auto"``: by the sign of Spearman's correlation, see `check_increasing`.
    out_of_bounds : {"nan", "clip", "raise"}, default="nan"
        What values outside the training range give.

    Attributes
    ----------
    X_min_, X_max_ : float
        Training range, of rows with weight.
    X_thresholds_, y_thresholds_ : ndarray of shape (n_thresholds,)
        Corners of the function, linear in between.
    increasing_ : bool

    Notes
    -----
    As in scikit-learn, values of the column that lie less than 1e-15 apart (1e-6 in float32), counted from the smallest of them, are one point of
    their weighted mean: what only the order of additions tells apart makes no step.

    References
    ----------
    Barlow, Bartholomew, Bremner & Brunk, "Statistical Inference under Order Restrictions", 1972.

    Examples
    --------
    >>> from emotion_native.isotonic import IsotonicRegression
    >>> model = IsotonicRegression(out_of_bounds="clip").fit([1, 2, 3, 4], [1, 3, 2, 4])
    >>> model.predict([0, 2.5, 3.5]).tolist()
    [1.0, 2.5, 3.25]
    """

    X_thresholds_: Floats
    y_thresholds_: Floats

    def __init__(
        self, *, y_min: float | None = None, y_max: float | None = None, increasing: bool | str = True, out_of_bounds: str = "nan"
    ) -> None:
        self.y_min = y_min
        self.y_max = y_max
        self.increasing = increasing
        self.out_of_bounds = out_of_bounds

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        return tags

    def _column(self, X: Any, caller: str) -> Floats:
        """Return a column as a one-dimensional array; float32 is kept."""
        array = _numbers(X, "X", caller)
        if array.ndim > 2 or (array.ndim == 2 and array.shape[1] != 1):
            raise InvalidInputError(f"Isotonic regression input X should be a 1d array or 2d array with 1 feature: got shape {array.shape}")
        return np.asarray(array).reshape(-1)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> IsotonicRegression:
        """Fit the function.

        Parameters
        ----------
        X : array-like of shape (n_samples,) or (n_samples, 1)
            Finite.
        y : array-like of shape (n_samples,)
            Finite.
        sample_weight : array-like of shape (n_samples,), optional
            Not negative; rows of weight 0 do not count.

        Raises
        ------
        InvalidInputError
            If a parameter or an array breaks its rule.
        """
        caller = "IsotonicRegression.fit"
        check_choice(self.out_of_bounds, "out_of_bounds", "IsotonicRegression", ("nan", "clip", "raise"))
        if not isinstance(self.increasing, (bool, np.bool_)) and self.increasing != "auto":
            raise InvalidInputError(f"increasing of IsotonicRegression must be a bool or 'auto'; got {self.increasing!r}")
        low, high = _bounds(self.y_min, self.y_max, "IsotonicRegression")
        column, target = self._column(X, caller), _values(y, "y", caller)
        check_consistent_length(column, target)
        weight = check_sample_weight(sample_weight, len(column), caller=caller)
        increasing = check_increasing(column, target) if self.increasing == "auto" else bool(self.increasing)
        native = np.empty(0) if weight is None else np.ascontiguousarray(weight, np.float64)
        arrays = (np.ascontiguousarray(column, np.float64), np.ascontiguousarray(target, np.float64))
        corners, values = _core.fit_isotonic(*arrays, native, increasing, low, high, column.dtype == np.float32)
        if not len(corners):
            raise InvalidInputError(f"sample_weight of {caller} must have a positive value; got only zeros")
        self.increasing_ = increasing
        self.X_thresholds_, self.y_thresholds_ = corners.astype(column.dtype, copy=False), values.astype(column.dtype, copy=False)
        self.X_min_, self.X_max_ = self.X_thresholds_[0], self.X_thresholds_[-1]
        self._corners = (corners, values)
        return self

    def transform(self, T: Any) -> Floats:
        """Return the function's values.

        Parameters
        ----------
        T : array-like of shape (n_samples,) or (n_samples, 1)

        Returns
        -------
        ndarray of shape (n_samples,)
            Of the type of the training column.

        Raises
        ------
        InvalidInputError
            With ``out_of_bounds="raise"``, if a value lies outside the training range.
        """
        return self._value(T)

    def _value(self, T: Any) -> Floats:
        given = self._column(T, "IsotonicRegression.transform")
        check_is_fitted(self, "X_thresholds_")
        column = np.ascontiguousarray(given, np.float64)
        out = _core.apply_isotonic(*self._corners, column)
        if self.out_of_bounds != "clip" and len(self._corners[0]) > 1:  # one corner: a constant everywhere, as in scikit-learn
            outside = (column < self._corners[0][0]) | (column > self._corners[0][-1])
            if self.out_of_bounds == "raise" and outside.any():
                low, high = self._corners[0][[0, -1]].tolist()
                value = float(column[outside][0])
                side = f"a value in x_new is {'below' if value < low else 'above'} the interpolation range"
                raise InvalidInputError(f"T of IsotonicRegression.transform must be from {low} to {high}; got {value}: {side}")
            out[outside] = np.nan
        return np.asarray(out.astype(self.X_thresholds_.dtype, copy=False))

    def predict(self, T: Any) -> Floats:
        """Return the function's values; the same as `transform`."""
        return self._value(T)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Return the name of the only output, ``"isotonicregression0"``."""
        check_is_fitted(self, "X_thresholds_")
        return np.asarray(["isotonicregression0"], dtype=object)
