"""Calibration maps on scores of any scale: what `CalibratedClassifierCV` uses for classifiers that have no probabilities."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator

from ..exceptions import InvalidInputError
from ._maps import Floats, NativeState

_FLOOR = 1e-4  # as the maps on probabilities: no finite sample can know a 0
_WITHIN = 8.0  # log-odds that the native sigmoid does not clip


class ScoreCalibrator(BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """A calibration map from decision scores to probabilities.

    Parameters
    ----------
    method : {"temperature", "sigmoid", "isotonic"}

    Notes
    -----
    Scores ``s`` have one column a class, ``(-s, s)`` for two; minus infinity marks a class that the row's model did not know, which gets
    probability 0. *temperature*: ``softmax(s / T)``. *sigmoid*: ``1 / (1 + exp(a s_k + b))``. *isotonic*: the nearest rising function of
    ``s_k``, at least 1e-4. The last two are one class against the rest, then normalised. Zadrozny & Elkan, KDD 2002.
    """

    def __init__(self, method: str) -> None:
        self.method = method

    @property
    def beta_(self) -> float:
        """The inverse of the temperature."""
        return 1.0 / self.temperature_

    def fit(self, scores: Floats, codes: npt.NDArray[np.int64], weight: Floats | None = None) -> ScoreCalibrator:
        """Fit on scores (n_samples, n_classes) of rows that the model has not seen, and the column of each row's true class."""
        from .. import _core

        if np.isnan(scores).any() or np.isposinf(scores).any():
            raise InvalidInputError("scores of CalibratedClassifierCV.fit must be finite; got NaN or infinity from decision_function")
        w = np.empty(0) if weight is None else np.ascontiguousarray(weight, dtype=np.float64)
        if self.method == "temperature":
            self.temperature_ = 1.0 / float(_core.fit_inverse_temperature(np.ascontiguousarray(scores), codes, w))
            return self
        self._maps = []
        for k in self._columns(scores):
            rows = np.isfinite(scores[:, k])
            inside = (codes[rows] == k).astype(np.int64)
            self._maps.append(self._fit_column(np.ascontiguousarray(scores[rows, k]), inside, w if not len(w) else w[rows]))
        return self

    @staticmethod
    def _columns(scores: Floats) -> list[int]:
        return [1] if scores.shape[1] == 2 else list(range(scores.shape[1]))

    def _fit_column(self, scores: Floats, inside: npt.NDArray[np.int64], weight: Floats) -> tuple[Floats, Floats]:
        from .. import _core

        if self.method == "isotonic":
            corners, values = _core.fit_isotonic(scores, inside.astype(np.float64), np.ascontiguousarray(weight), True, 0.0, 1.0)
            return corners, values
        # Scaling the scores scales a alone: as log-odds inside the range that the native sigmoid takes.
        largest = float(np.abs(scores).max(initial=0.0))
        scale = _WITHIN / largest if largest > 0 else 1.0
        p = 1.0 / (1.0 + np.exp(-scores * scale))
        a, b = _core.fit_sigmoid(np.column_stack([1.0 - p, p]), inside, np.ascontiguousarray(weight))
        return np.array([a[1] * scale]), np.array([b[1]])

    def _apply_column(self, column: Floats, fitted: tuple[Floats, Floats]) -> Floats:
        from scipy.special import expit

        from .. import _core

        if self.method == "sigmoid":
            return np.asarray(expit(-(fitted[0][0] * column + fitted[1][0])))
        if not len(fitted[0]):
            return np.full(len(column), _FLOOR)
        out: Floats = _core.apply_isotonic(*fitted, np.ascontiguousarray(column))
        return out

    def predict_proba(self, scores: Floats) -> Floats:
        """Return probabilities of shape (n_samples, n_classes); rows with NaN stay NaN."""
        known = ~np.isneginf(scores)
        if self.method == "temperature":
            with np.errstate(invalid="ignore"):
                z = (scores - scores.max(axis=1, keepdims=True)) / self.temperature_
            e = np.where(known, np.exp(z), 0.0)
        else:
            e = np.empty(scores.shape)
            for k, fitted in zip(self._columns(scores), self._maps, strict=True):
                e[:, k] = self._apply_column(np.where(known[:, k], scores[:, k], 0.0), fitted)
            if scores.shape[1] == 2:
                e[:, 0] = 1.0 - e[:, 1]
            if self.method == "isotonic":
                e = np.where(e < _FLOOR, _FLOOR, e)
            e = np.where(known, e, 0.0)
        total = e.sum(axis=1, keepdims=True)
        even = known / np.maximum(known.sum(axis=1, keepdims=True), 1)
        return np.asarray(np.divide(e, total, out=even, where=(total > 0) | np.isnan(total)))

    def _native_state(self) -> NativeState:
        raise InvalidInputError("fitted of save_model must be calibrated on probabilities; got a calibration of decision scores")
