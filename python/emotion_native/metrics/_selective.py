"""Scores of a classifier that may abstain."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..exceptions import InvalidInputError
from ._inputs import Floats, check_pair


def _mask(abstained: Any, n: int, caller: str) -> Any:
    mask = np.asarray(abstained)
    if mask.shape != (n,) or mask.dtype.kind not in "b":
        raise InvalidInputError(f"abstained of {caller} must be one truth value a row ({n} rows); got {mask.dtype} of shape {mask.shape}")
    return mask


def coverage_score(abstained: Any) -> float:
    """Return the share of rows that are answered.

    Examples
    --------
    >>> from emotion_native.metrics import coverage_score
    >>> coverage_score([False, False, True, False])
    0.75
    """
    mask = _mask(abstained, len(np.asarray(abstained).reshape(-1)), "coverage_score")
    if mask.size == 0:
        raise InvalidInputError("abstained of coverage_score must have at least one row; got none")
    return float(1.0 - mask.mean())


def selective_accuracy_score(y_true: Any, y_pred: Any, abstained: Any) -> float:
    """Return the accuracy over the answered rows; NaN where none is answered. Say the coverage beside it.

    Examples
    --------
    >>> from emotion_native.metrics import selective_accuracy_score
    >>> selective_accuracy_score([0, 1, 1], [0, 1, 0], [False, False, True])
    1.0
    """
    truth, predicted = check_pair(y_true, y_pred, "selective_accuracy_score")
    answered = ~_mask(abstained, len(truth), "selective_accuracy_score")
    return float(np.mean(truth[answered] == predicted[answered])) if answered.any() else float("nan")


def risk_coverage_curve(y_true: Any, y_pred: Any, confidence: Any) -> tuple[Floats, Floats, Floats]:
    """Return coverage, risk and threshold as the threshold on confidence falls.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,)
    confidence : array-like of shape (n_samples,)
        Rows with a lower value are given up first. A row without a confidence (NaN, a failed clip) is given up before all others.

    Returns
    -------
    coverage, risk, threshold : ndarray of shape (n_distinct_confidences,), float64
        Answering rows with confidence >= threshold answers the share ``coverage``, of which the share ``risk`` is wrong. Rows of equal
        confidence come together.

    Raises
    ------
    InvalidInputError
        If an argument breaks its rule.

    Notes
    -----
    El-Yaniv & Wiener, "On the foundations of noise-free selective classification", JMLR 2010.

    Examples
    --------
    >>> from emotion_native.metrics import risk_coverage_curve
    >>> coverage, risk, threshold = risk_coverage_curve([0, 1, 1], [0, 1, 0], [0.9, 0.8, 0.4])
    >>> risk.round(3).tolist()
    [0.0, 0.0, 0.333]
    """
    caller = "risk_coverage_curve"
    truth, predicted = check_pair(y_true, y_pred, caller)
    values = np.asarray(confidence, dtype=np.float64)
    if values.shape != truth.shape:
        raise InvalidInputError(f"confidence of {caller} must be one number a row ({len(truth)} rows); got shape {values.shape}")
    values = np.where(np.isnan(values), -np.inf, values)
    order = np.argsort(-values, kind="stable")
    wrong = np.cumsum(truth[order] != predicted[order])
    ranked = values[order]
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    answered = ends + 1
    return answered / len(truth), wrong[ends] / answered, ranked[ends]


def area_under_risk_coverage(y_true: Any, y_pred: Any, confidence: Any) -> float:
    """Return the mean risk over all coverages (AURC); lower is better.

    The mean over rows, from the most to the least confident, of the risk of answering up to that row; rows of equal confidence share the
    risk of their block's end. Geifman, Uziel & El-Yaniv, "Bias-reduced uncertainty estimation for deep neural classifiers", ICLR 2019.

    Examples
    --------
    >>> from emotion_native.metrics import area_under_risk_coverage
    >>> round(area_under_risk_coverage([0, 1, 1], [0, 1, 0], [0.9, 0.8, 0.4]), 4)
    0.1111
    """
    coverage, risk, _ = risk_coverage_curve(y_true, y_pred, confidence)
    return float(np.sum(np.diff(coverage, prepend=0.0) * risk))
