"""How far confidence is from accuracy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..exceptions import InvalidInputError
from ._inputs import Floats, check_column, check_probabilities, check_weight, classes_of_columns, codes_of, warn_rows

MAX_BINS = 15
_ROWS_A_BIN = 20


def default_bins(n: int) -> int:
    """Return 15 bins, or fewer so that each holds about 20 rows."""
    return max(1, min(MAX_BINS, n // _ROWS_A_BIN))


def top_label(y_true: Any, y_proba: Any, labels: Any, caller: str) -> tuple[Floats, npt.NDArray[np.uint8]]:
    """Return each row's confidence in its top label and whether that label is right."""
    truth = check_column(y_true, "y_true", caller)
    if len(truth) == 0:
        raise InvalidInputError(f"y_true of {caller} must have at least one row; got none")
    classes = classes_of_columns(truth, labels, caller)
    proba = check_probabilities(y_proba, "y_proba", caller, n=len(truth), k=len(classes))
    warn_rows(proba, caller, rounded=1e-3)
    top = np.argmax(proba, axis=1)
    return np.ascontiguousarray(proba.max(axis=1)), (top == codes_of(truth, classes)).astype(np.uint8)


def _check(n_bins: Any, strategy: str, n: int, caller: str) -> int:
    if strategy not in ("quantile", "uniform"):
        raise InvalidInputError(f"strategy of {caller} must be 'quantile' or 'uniform'; got {strategy!r}")
    if n_bins is None:
        return default_bins(n)
    if isinstance(n_bins, (bool, np.bool_)) or not isinstance(n_bins, (int, np.integer)) or not 1 <= n_bins <= 1_000_000:
        raise InvalidInputError(f"n_bins of {caller} must be an integer from 1 to 1,000,000, or None; got {n_bins!r}")
    return int(n_bins)


def expected_calibration_error(
    y_true: Any,
    y_proba: Any,
    *,
    labels: Any = None,
    n_bins: int | None = None,
    strategy: str = "quantile",
    debiased: bool = True,
    sample_weight: Any = None,
) -> float:
    """Return the mean gap between confidence in the top label and accuracy, over bins of confidence.

    The plain estimate is above zero for a perfectly calibrated model too, more so the fewer rows a bin has. ``debiased`` subtracts an estimate
    of that bias: the closed form of the Monte-Carlo correction of Kumar, Liang & Ma (NeurIPS 2019). It takes 41 % of the bias away from a
    perfectly calibrated model and all of it where a bin's gap is clear of its noise; formula in ``docs/explanation/statistics.md``.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
    y_proba : array-like of shape (n_samples, n_classes)
        Columns in sorted order of the classes; values from 0 to 1.
    labels : array-like, optional
        All classes; needed where ``y_true`` lacks some.
    n_bins : int, optional
        Default: 15, or fewer so that a bin holds about 20 rows.
    strategy : {"quantile", "uniform"}
        Bins of equal mass (ties are never parted) or of equal width.
    debiased : bool
        False: the plain estimate.
    sample_weight : array-like of shape (n_samples,), optional
        Weights count as copies of rows.

    Returns
    -------
    float
        From 0 to 1; a debiased value below zero (calibrated better than chance allows) is given as 0.

    Raises
    ------
    InvalidInputError
        If an argument breaks its rule.

    Examples
    --------
    >>> from emotion_native.metrics import expected_calibration_error
    >>> y_proba = [[0.9, 0.1], [0.4, 0.6], [0.8, 0.2], [0.3, 0.7]]
    >>> round(expected_calibration_error([0, 0, 0, 1], y_proba, n_bins=2, debiased=False), 4)
    0.15
    """
    from .. import _core

    caller = "expected_calibration_error"
    confidence, correct = top_label(y_true, y_proba, labels, caller)
    n_bins = _check(n_bins, strategy, len(confidence), caller)
    weight = check_weight(sample_weight, len(confidence), caller, mean=True)
    return max(_core.calibration_error(confidence, correct, weight, n_bins, strategy, debiased), 0.0)


def reliability_curve(
    y_true: Any, y_proba: Any, *, labels: Any = None, n_bins: int | None = None, strategy: str = "quantile", sample_weight: Any = None
) -> tuple[Floats, Floats, Floats]:
    """Return accuracy, mean confidence and rows of each bin that holds rows, for a reliability diagram of the top label.

    Parameters
    ----------
    y_true, y_proba, labels, n_bins, strategy, sample_weight
        As in `expected_calibration_error`.

    Returns
    -------
    accuracy, confidence, weight : ndarray of shape (n_bins_with_rows,), float64

    Examples
    --------
    >>> from emotion_native.metrics import reliability_curve
    >>> accuracy, confidence, rows = reliability_curve([0, 1], [[0.9, 0.1], [0.6, 0.4]], n_bins=2)
    >>> accuracy.tolist(), rows.tolist()
    ([0.0, 1.0], [1.0, 1.0])
    """
    from .. import _core

    caller = "reliability_curve"
    confidence, correct = top_label(y_true, y_proba, labels, caller)
    n_bins = _check(n_bins, strategy, len(confidence), caller)
    weight = check_weight(sample_weight, len(confidence), caller, mean=True)
    bins = _core.reliability_bins(confidence, correct, weight, n_bins, strategy)
    bins = bins[bins[:, 0] > 0]
    return np.ascontiguousarray(bins[:, 2]), np.ascontiguousarray(bins[:, 1]), np.ascontiguousarray(bins[:, 0])
