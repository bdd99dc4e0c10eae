"""Scores of probabilities against the classes' shares, and of margins; signatures and results are scikit-learn's."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..exceptions import InvalidInputError
from ._inputs import Codes, Floats, check_probabilities, check_weight, mean_of_rows, warn_rows
from ._labelwise import undefined
from ._probabilistic import check_truth, either_name, one_column, row_brier, row_log_loss


def _against_shares(row_loss: Any, codes: Codes, proba: Floats, weight: Floats) -> float:
    """Return the share of the loss of a model that always answers with the classes' shares that is gone."""
    each = np.ones(len(codes)) if weight.size == 0 else weight
    true = codes if codes.ndim == 2 else codes[:, None] == np.arange(proba.shape[1])
    shares = each @ true / each.sum()
    base = np.broadcast_to(shares, proba.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(1.0 - np.float64(np.sum(row_loss(codes, proba) * each)) / np.float64(np.sum(row_loss(codes, base) * each)))


def _too_few(y_true: Any, y_proba: Any, caller: str) -> bool:
    if np.shape(y_true)[:1] != np.shape(y_proba)[:1]:
        raise InvalidInputError(f"y_proba of {caller} must be as long as y_true; got shapes {np.shape(y_proba)} and {np.shape(y_true)}")
    few = np.ndim(y_proba) > 0 and len(y_proba) < 2
    if few:
        undefined(f"{caller} is undefined for less than two rows; it is set to NaN", depth=4)
    return bool(few)


def d2_log_loss_score(y_true: Any, y_proba: Any = None, *, sample_weight: Any = None, labels: Any = None, y_pred: Any = None) -> float:
    """Return the share of the log loss that a model takes away from always answering with the classes' shares; 1 is best, it may be negative.

    Arguments as in `log_loss`. NaN, with a warning, for less than two rows.

    Examples
    --------
    >>> from emotion_native.metrics import d2_log_loss_score
    >>> round(d2_log_loss_score([0, 1, 1, 0], [0.2, 0.7, 0.9, 0.4]), 4)
    0.5703
    """
    caller = "d2_log_loss_score"
    y_proba = either_name(y_proba, y_pred, caller)
    if _too_few(y_true, y_proba, caller):
        return float("nan")
    codes, classes = check_truth(y_true, labels, caller)
    if len(classes) < 2:
        raise InvalidInputError(f"labels of {caller} must be at least two classes; got {len(classes)}: pass labels= to name them all")
    proba = check_probabilities(y_proba, "y_proba", caller, n=len(codes), k=len(classes))
    warn_rows(proba, caller)
    return _against_shares(row_log_loss, codes, proba, check_weight(sample_weight, len(codes), caller))


def d2_brier_score(y_true: Any, y_proba: Any, *, sample_weight: Any = None, pos_label: Any = None, labels: Any = None) -> float:
    """Return the share of the Brier score that a model takes away from always answering with the classes' shares (Brier skill score).

    Arguments as in `brier_score_loss`. NaN, with a warning, for less than two rows.

    Examples
    --------
    >>> from emotion_native.metrics import d2_brier_score
    >>> round(d2_brier_score([0, 1, 1, 0], [0.2, 0.7, 0.9, 0.4]), 4)
    0.7
    """
    caller = "d2_brier_score"
    if _too_few(y_true, y_proba, caller):
        return float("nan")
    codes, classes, given = one_column(y_true, y_proba, pos_label, labels, caller)
    proba = check_probabilities(given, "y_proba", caller, n=len(codes), k=len(classes))
    warn_rows(proba, caller)
    return _against_shares(row_brier, codes, proba, check_weight(sample_weight, len(codes), caller))


def hinge_loss(y_true: Any, pred_decision: Any, *, labels: Any = None, sample_weight: Any = None) -> float:
    """Return the mean of 1 - margin where that is above 0.

    The margin is the decision of the true class less the largest other one (Crammer & Singer, "On the algorithmic implementation of multiclass
    kernel-based vector machines", 2001), for two classes and one column the decision with the sign of the class.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
    pred_decision : array-like of shape (n_samples,) or (n_samples, n_classes)
        One column for two classes: of the one that sorts last.
    labels : array-like, optional
        All classes; needed where ``y_true`` lacks some.
    sample_weight : array-like of shape (n_samples,), optional

    Raises
    ------
    InvalidInputError
        If an argument breaks its rule.

    Examples
    --------
    >>> from emotion_native.metrics import hinge_loss
    >>> round(hinge_loss([-1, 1, 1], [-2.2, 2.4, 0.1]), 4)
    0.3
    """
    caller = "hinge_loss"
    codes, classes = check_truth(y_true, labels, caller)
    try:
        decision = np.asarray(pred_decision, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInputError(f"pred_decision of {caller} must be numbers; got {pred_decision!r:.80}") from None
    if not np.isfinite(decision).all():
        raise InvalidInputError(f"pred_decision of {caller} must be finite; got NaN or infinity")
    if codes.ndim == 2:
        raise InvalidInputError(f"y_true of {caller} must be one label a row; got {codes.shape[1]} columns")
    k = len(classes)
    wanted = (len(codes), k) if k > 2 else (len(codes),)
    if k <= 2 and decision.ndim == 2 and decision.shape[1] == 1:
        decision = decision[:, 0]
    if decision.shape != wanted:
        rule = f"of shape {wanted} for {k} classes; got {decision.shape}" + ("" if labels is not None else ": pass labels= to name them all")
        raise InvalidInputError(f"pred_decision of {caller} must be {rule}")
    if k > 2:
        others = decision.copy()
        others[np.arange(len(codes)), codes] = -np.inf
        margin = decision[np.arange(len(codes)), codes] - others.max(axis=1)
    else:
        margin = np.where(codes == 1, decision, -decision)
    weight = check_weight(sample_weight, len(codes), caller)
    return mean_of_rows(np.maximum(0.0, 1.0 - margin), weight, caller)
