"""Calibration maps: small functions from probabilities to probabilities, fitted and applied natively."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator

from ..exceptions import InvalidInputError

Floats = npt.NDArray[np.float64]
NativeState = tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]


class Calibrator(Protocol):
    """What a fitted map offers."""

    def predict_proba(self, proba: Any) -> Floats:
        """Return calibrated probabilities."""
        ...

    def _native_state(self) -> NativeState: ...


def _check(proba: Any, caller: str) -> Floats:
    matrix = np.ascontiguousarray(proba, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[1] < 1:
        raise InvalidInputError(f"proba of {caller} must be of shape (n_samples, n_classes); got {np.shape(proba)}")
    return matrix


def _check_training(proba: Any, codes: Any, sample_weight: Any, caller: str) -> tuple[Floats, npt.NDArray[np.int64], Floats]:
    matrix = _check(proba, caller)
    y = np.asarray(codes)
    if y.shape != (len(matrix),) or (y.size and y.dtype.kind not in "iu"):
        raise InvalidInputError(f"codes of {caller} must be one column number a row ({len(matrix)} rows); got {y.dtype} of shape {y.shape}")
    weight = np.empty(0) if sample_weight is None else np.ascontiguousarray(sample_weight, dtype=np.float64)
    return matrix, np.ascontiguousarray(y, dtype=np.int64), weight


class TemperatureCalibrator(BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """One temperature for all classes: bolder or more careful probabilities in the same order.

    Attributes
    ----------
    temperature_ : float
        From 0.05 to 20; above 1 the model was overconfident.

    Notes
    -----
    ``q_k`` is proportional to ``max(p_k, 1e-4) ** (1 / T)``; T minimises the log loss (Guo et al., ICML 2017). The loss is convex in 1 / T.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.calibration import TemperatureCalibrator
    >>> calibrator = TemperatureCalibrator().fit([[0.9, 0.1]] * 4, [0, 0, 0, 1])
    >>> round(calibrator.temperature_, 6), calibrator.predict_proba([[0.9, 0.1]]).round(6).tolist()
    (2.0, [[0.75, 0.25]])
    """

    temperature_: float

    @property
    def beta_(self) -> float:
        """The inverse of the temperature."""
        return 1.0 / self.temperature_

    def fit(self, proba: Any, codes: Any, sample_weight: Any = None) -> TemperatureCalibrator:
        """Fit on probabilities (n_samples, n_classes) of rows that the model has not seen, and the column of each row's true class."""
        from .. import _core

        self.temperature_ = float(_core.fit_temperature(*_check_training(proba, codes, sample_weight, "TemperatureCalibrator.fit")))
        return self

    def predict_proba(self, proba: Any) -> Floats:
        """Return calibrated probabilities; rows with NaN stay NaN."""
        from .. import _core

        out: Floats = _core.apply_temperature(_check(proba, "TemperatureCalibrator.predict_proba"), self.temperature_)
        return out

    def _native_state(self) -> NativeState:
        return {"kind": "temperature"}, {"temperature": np.array([self.temperature_])}


class SigmoidCalibrator(BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Platt's sigmoid for each class against the rest, then normalised.

    Attributes
    ----------
    a_, b_ : ndarray of shape (n_classes,)
        ``s_k = 1 / (1 + exp(a_k f_k + b_k))`` with the log-odds ``f_k`` of ``p_k``, clipped to [1e-4, 1 - 1e-4].

    Notes
    -----
    Platt's targets; Newton's method with steps that are certain to lower the loss (Bach, Electronic Journal of Statistics 2010).

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.calibration import SigmoidCalibrator
    >>> calibrator = SigmoidCalibrator().fit([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]] * 4, [0, 1, 1] * 4)
    >>> bool(np.allclose(calibrator.predict_proba([[0.5, 0.5]]).sum(), 1))
    True
    """

    a_: Floats
    b_: Floats

    def fit(self, proba: Any, codes: Any, sample_weight: Any = None) -> SigmoidCalibrator:
        """Fit on probabilities (n_samples, n_classes) of rows that the model has not seen, and the column of each row's true class."""
        from .. import _core

        self.a_, self.b_ = _core.fit_sigmoid(*_check_training(proba, codes, sample_weight, "SigmoidCalibrator.fit"))
        return self

    def predict_proba(self, proba: Any) -> Floats:
        """Return calibrated probabilities; rows with NaN stay NaN."""
        from .. import _core

        out: Floats = _core.apply_sigmoid(_check(proba, "SigmoidCalibrator.predict_proba"), self.a_, self.b_)
        return out

    def _native_state(self) -> NativeState:
        return {"kind": "sigmoid"}, {"a": self.a_.copy(), "b": self.b_.copy()}


class IsotonicCalibrator(BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """A monotone map for each class against the rest, then normalised: free of any assumption on its form, and hungry for rows.

    Attributes
    ----------
    offsets_ : ndarray of int64 of shape (n_classes + 1,)
        The corners of class k stand at ``offsets_[k] : offsets_[k + 1]``.
    x_, y_ : ndarray of float64 of shape (n_corners,)
        Probability before and after; linear between corners, level outside.

    Notes
    -----
    ``q_k`` is proportional to ``max(f_k(p_k), 1e-4)``: a step function says 0 wherever no row of the class was seen, which no finite sample
    can know, and one such row would make the log loss infinite. Probabilities less than 1e-15 apart are one, as in `IsotonicRegression`. Zadrozny &
    Elkan, KDD 2002. It may change the predicted class, and ties where
    steps are level; with fewer than about 1,000 rows the sigmoid is the safer choice (Niculescu-Mizil & Caruana, ICML 2005).

    Examples
    --------
    >>> from emotion_native.calibration import IsotonicCalibrator
    >>> calibrator = IsotonicCalibrator().fit([[0.9, 0.1], [0.6, 0.4], [0.4, 0.6], [0.1, 0.9]], [0, 1, 0, 1])
    >>> calibrator.predict_proba([[0.5, 0.5]]).tolist()
    [[0.5, 0.5]]
    """

    offsets_: npt.NDArray[np.int64]
    x_: Floats
    y_: Floats

    def fit(self, proba: Any, codes: Any, sample_weight: Any = None) -> IsotonicCalibrator:
        """Fit on probabilities (n_samples, n_classes) of rows that the model has not seen, and the column of each row's true class."""
        from .. import _core

        self.offsets_, self.x_, self.y_ = _core.fit_isotonic_maps(*_check_training(proba, codes, sample_weight, "IsotonicCalibrator.fit"))
        return self

    def predict_proba(self, proba: Any) -> Floats:
        """Return calibrated probabilities; rows with NaN stay NaN."""
        from .. import _core

        out: Floats = _core.apply_isotonic_maps(_check(proba, "IsotonicCalibrator.predict_proba"), self.offsets_, self.x_, self.y_)
        return out

    def _native_state(self) -> NativeState:
        return {"kind": "isotonic"}, {"offsets": self.offsets_.copy(), "x": self.x_.copy(), "y": self.y_.copy()}


CALIBRATORS: dict[str, type[TemperatureCalibrator | SigmoidCalibrator | IsotonicCalibrator]] = {
    "temperature": TemperatureCalibrator,
    "sigmoid": SigmoidCalibrator,
    "isotonic": IsotonicCalibrator,
}
METHODS = tuple(CALIBRATORS)


def check_method(method: Any, caller: str) -> None:
    """Raise InvalidInputError unless ``method`` names a calibration."""
    if not isinstance(method, str) or method not in METHODS:
        raise InvalidInputError(f"method of {caller} must be 'temperature', 'sigmoid' or 'isotonic'; got {method!r}")


def fit_calibrator(
    method: str, proba: Any, codes: Any, *, sample_weight: Any = None, seen: npt.NDArray[np.bool_] | None = None
) -> TemperatureCalibrator | SigmoidCalibrator | IsotonicCalibrator:
    """Return a calibrator fitted on out-of-fold probabilities.

    Parameters
    ----------
    method : {"temperature", "sigmoid", "isotonic"}
    proba : array-like of shape (n_samples, n_classes)
    codes : array-like of int of shape (n_samples,)
        Column of each row's true class.
    sample_weight : array-like of shape (n_samples,), optional
    seen : array of bool of shape (n_samples,), optional
        Rows whose class was in the training rows of the model that predicted them. The others are left out: a model that never met a class
        gives it probability 0, which says nothing about the final model, and one such row would decide the whole map.

    Raises
    ------
    InvalidInputError
        If an argument breaks its rule.

    Examples
    --------
    >>> from emotion_native.calibration import fit_calibrator
    >>> round(fit_calibrator("temperature", [[0.9, 0.1]] * 4, [0, 0, 0, 1]).temperature_, 6)
    2.0
    """
    check_method(method, "fit_calibrator")
    matrix, y = np.asarray(proba, dtype=np.float64), np.asarray(codes)
    weight = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    if seen is not None and not seen.all():
        matrix, y, weight = matrix[seen], y[seen], None if weight is None else weight[seen]
    return CALIBRATORS[method]().fit(matrix, y, weight)
