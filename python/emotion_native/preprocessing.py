"""Scaling of feature columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from . import _core
from ._threads import effective_n_jobs
from ._validation import check_flag, check_matrix, check_sample_weight

__all__ = ["StandardScaler"]

_PARALLEL_VALUES = 1_000_000  # below this one thread is faster


class StandardScaler(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Centre each column at 0 and scale it to unit variance.

    ``z = (x - mean_) / scale_`` with the mean and population standard deviation of the training rows. float32 and float64 input keep
    their type; all sums are float64. NaN is ignored in `fit` and kept in `transform`. A column that is constant within rounding has
    ``scale_`` 1, by scikit-learn's rule.

    Parameters
    ----------
    copy : bool, default=True
        False lets `transform` write into its input where that is a C-contiguous float array.
    with_mean, with_std : bool, default=True
        Whether to centre, and whether to scale.

    Attributes
    ----------
    mean_, var_, scale_ : ndarray of shape (n_features,), float64, or None
        Statistics of the columns; None where both parts (``mean_``) or scaling (``var_``, ``scale_``) are switched off.
    n_samples_seen_ : int, float or ndarray of shape (n_features,)
        Rows, or their total weight; an array where columns miss different numbers of values.
    n_features_in_ : int
        Columns seen in `fit`.

    References
    ----------
    Chan, Golub & LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances" (1979).

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.preprocessing import StandardScaler
    >>> StandardScaler().fit_transform(np.array([[0.0], [2.0]])).ravel()
    array([-1.,  1.])
    """

    _weight: npt.NDArray[np.float64]
    _mean: npt.NDArray[np.float64]
    _deviation: npt.NDArray[np.float64]
    _weighted: bool

    def __init__(self, *, copy: bool = True, with_mean: bool = True, with_std: bool = True) -> None:
        self.copy = copy
        self.with_mean = with_mean
        self.with_std = with_std

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> StandardScaler:
        """Learn mean and scale of every column of ``X`` (n_samples, n_features), each row counted ``sample_weight`` times.

        Raises
        ------
        InvalidInputError
            If ``X`` is not a matrix of numbers (NaN allowed), or the weights do not fit it.
        """
        for name in ("_weight", "_deviation", "_mean"):
            self.__dict__.pop(name, None)
        return self._update(X, sample_weight, "StandardScaler.fit", first=True)

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> StandardScaler:
        """Learn from further rows; the result equals `fit` on all rows up to rounding."""
        return self._update(X, sample_weight, "StandardScaler.partial_fit", first=not hasattr(self, "_weight"))

    def _update(self, X: Any, sample_weight: Any, caller: str, *, first: bool) -> StandardScaler:
        for name in ("copy", "with_mean", "with_std"):
            check_flag(getattr(self, name), name, "StandardScaler")
        X = check_matrix(X, caller=caller, estimator=self, reset=first, allow_nan=True)
        weights = check_sample_weight(sample_weight, X.shape[0], caller=caller)
        zeros = np.zeros(X.shape[1])
        state = (zeros, zeros, zeros) if first else (self._weight, self._mean, self._deviation)
        n_jobs = effective_n_jobs(None) if X.size >= _PARALLEL_VALUES else 1
        self._weight, self._mean, self._deviation = _core.scaler_moments(X, weights, state[0], state[1], state[2], n_jobs)
        mean, scale, var = _core.scaler_finish(self._weight, self._mean, self._deviation, bool(self.with_mean), bool(self.with_std))
        self._scale = scale
        self.mean_ = mean if self.with_mean or self.with_std else None
        self.var_ = var if self.with_std else None
        self.scale_ = scale if self.with_std else None
        self._weighted = weights is not None or (not first and self._weighted)
        seen = self._weight if self._weighted else self._weight.astype(np.int64)
        self.n_samples_seen_ = seen[0] if (seen == seen[0]).all() else seen
        return self

    def _apply(self, X: Any, copy: bool | None, caller: str, *, inverse: bool) -> npt.NDArray[Any]:
        check_is_fitted(self, "n_samples_seen_")
        checked = check_matrix(X, caller=caller, estimator=self, allow_nan=True)
        in_place = not (self.copy if copy is None else copy) and checked.flags.writeable
        mean = self.mean_ if self.mean_ is not None else np.zeros(checked.shape[1])
        scale = self.scale_ if self.scale_ is not None else np.ones(checked.shape[1])
        with_mean, with_std = bool(self.with_mean), bool(self.with_std)
        result: npt.NDArray[Any] = _core.scaler_transform(checked, mean, scale, with_mean, with_std, inverse, checked if in_place else None)
        return result

    def transform(self, X: Any, copy: bool | None = None) -> npt.NDArray[Any]:
        """Return scaled ``X``, of its float type (n_samples, n_features).

        Raises
        ------
        InvalidInputError
            If ``X`` has another number of columns than in `fit`, or infinities.
        """
        return self._apply(X, copy, "StandardScaler.transform", inverse=False)

    def inverse_transform(self, X: Any, copy: bool | None = None) -> npt.NDArray[Any]:
        """Return ``X * scale_ + mean_``."""
        return self._apply(X, copy, "StandardScaler.inverse_transform", inverse=True)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _native_step(self) -> dict[str, Any]:
        """Return the unfitted step for the native fold loop."""
        for name in ("copy", "with_mean", "with_std"):
            check_flag(getattr(self, name), name, "StandardScaler")
        return {"kind": "standard_scaler", "with_mean": bool(self.with_mean), "with_std": bool(self.with_std)}

    def _native_state(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Return the fitted step as a header and arrays."""
        check_is_fitted(self, "n_samples_seen_")
        mean = self.mean_ if self.mean_ is not None else np.zeros(self.n_features_in_)
        scale = self.scale_ if self.scale_ is not None else np.ones(self.n_features_in_)
        return self._native_step(), {"mean": np.ascontiguousarray(mean, np.float64), "scale": np.ascontiguousarray(scale, np.float64)}
