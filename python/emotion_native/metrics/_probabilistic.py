"""Scores of predicted probabilities; signatures and results are scikit-learn's."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..exceptions import InvalidInputError
from ._inputs import Array, Codes, Floats, as_numbers, check_column, check_probabilities, check_weight, codes_of, union_of, warn_rows


def _truth(y_true: Any, labels: Any, caller: str) -> tuple[Codes, Array]:
    truth = check_column(y_true, "y_true", caller)
    if len(truth) == 0:
        raise InvalidInputError(f"y_true of {caller} must have at least one row; got none")
    classes = union_of(truth if labels is None else np.asarray(labels), caller=caller)
    codes = codes_of(truth, classes)
    if (codes < 0).any():
        raise InvalidInputError(f"labels of {caller} must hold every label of y_true; {truth[np.argmax(codes < 0)]!r} is missing")
    return codes, classes


def row_log_loss(codes: Codes, proba: Floats) -> Floats:
    """Return -log of the probability of the true class, clipped at the spacing of floats at 1, as scikit-learn does."""
    eps = float(np.finfo(np.float64).eps)
    return np.asarray(-np.log(np.clip(proba[np.arange(len(codes)), codes], eps, 1.0 - eps)))


def row_brier(codes: Codes, proba: Floats) -> Floats:
    """Return the squared distance to the true class's corner, from 0 to 2."""
    distance = proba.copy()
    distance[np.arange(len(codes)), codes] -= 1.0
    return np.asarray((distance**2).sum(axis=1))


def row_top_k(codes: Codes, score: Floats, k: int) -> Floats:
    """Return 1 where the true class is among the k largest scores; among equal scores the last class ranks first, as in scikit-learn."""
    order = np.argsort(score, axis=1, kind="stable")[:, ::-1]
    return np.asarray((order[:, :k] == codes[:, None]).any(axis=1), dtype=np.float64)


def log_loss(y_true: Any, y_pred: Any, *, normalize: bool = True, sample_weight: Any = None, labels: Any = None) -> float:
    """Return the mean of -log of the probability of the true class (cross-entropy, in nats).

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
    y_pred : array-like of shape (n_samples, n_classes) or (n_samples,)
        Columns in sorted order of the classes; a vector is the probability of the second of two.
    normalize : bool
        False: the sum.
    labels : array-like, optional
        All classes; needed where ``y_true`` lacks some.

    Raises
    ------
    InvalidInputError
        If an argument breaks its rule.

    Examples
    --------
    >>> from emotion_native.metrics import log_loss
    >>> round(log_loss(["a", "b"], [[0.8, 0.2], [0.4, 0.6]]), 4)
    0.367
    """
    caller = "log_loss"
    codes, classes = _truth(y_true, labels, caller)
    if len(classes) < 2:
        raise InvalidInputError(f"labels of {caller} must be at least two classes; got {len(classes)}: pass labels= to name them all")
    proba = check_probabilities(y_pred, "y_pred", caller, n=len(codes), k=len(classes))
    warn_rows(proba, caller)
    weight = check_weight(sample_weight, len(codes), caller, mean=normalize)
    loss = row_log_loss(codes, proba)
    total = float(loss.sum() if weight.size == 0 else (loss * weight).sum())
    return total / float(len(codes) if weight.size == 0 else weight.sum()) if normalize else total


def brier_score_loss(
    y_true: Any, y_proba: Any, *, sample_weight: Any = None, pos_label: Any = None, labels: Any = None, scale_by_half: bool | str = "auto"
) -> float:
    """Return the mean squared distance between probabilities and what happened.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
    y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
    pos_label : label, optional
        The class that a vector of probabilities speaks of. Default: the second.
    labels : array-like, optional
        All classes.
    scale_by_half : bool or "auto"
        Halve the sum over classes, so that the score is from 0 to 1. "auto": for two classes only.

    Raises
    ------
    InvalidInputError
        If an argument breaks its rule.

    Notes
    -----
    Brier, "Verification of forecasts expressed in terms of probability", 1950.

    Examples
    --------
    >>> from emotion_native.metrics import brier_score_loss
    >>> round(brier_score_loss([0, 1, 2], [[1, 0, 0], [0, 1, 0], [0, 0.5, 0.5]]), 4)
    0.1667
    """
    caller = "brier_score_loss"
    if scale_by_half != "auto" and not isinstance(scale_by_half, (bool, np.bool_)):
        raise InvalidInputError(f"scale_by_half of {caller} must be True, False or 'auto'; got {scale_by_half!r}")
    codes, classes = _truth(y_true, labels, caller)
    if len(classes) < 2 and np.ndim(y_proba) < 2:
        raise InvalidInputError(f"labels of {caller} must be at least two classes; got {len(classes)}: pass labels= to name them all")
    proba = check_probabilities(y_proba, "y_proba", caller, n=len(codes), k=len(classes))
    if np.ndim(y_proba) == 1 and pos_label is not None:
        if pos_label not in classes.tolist():
            raise InvalidInputError(f"pos_label of {caller} must be one of {classes.tolist()}; got {pos_label!r}")
        if pos_label == classes[0]:
            proba = np.ascontiguousarray(proba[:, ::-1])
    warn_rows(proba, caller)
    weight = check_weight(sample_weight, len(codes), caller, mean=True)
    score = float(np.average(row_brier(codes, proba), weights=weight if weight.size else None))
    return 0.5 * score if scale_by_half is True or (scale_by_half == "auto" and len(classes) == 2) else score


def top_k_accuracy_score(y_true: Any, y_score: Any, *, k: int = 2, normalize: bool = True, sample_weight: Any = None, labels: Any = None) -> float:
    """Return the share of rows whose true class is among the ``k`` with the highest scores.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
    y_score : array-like of shape (n_samples, n_classes)
        Any scores; columns in sorted order of the classes.
    k : int, at least 1
    normalize : bool
        False: the number (or weight) of such rows.
    labels : array-like, optional
        All classes.

    Raises
    ------
    InvalidInputError
        If an argument breaks its rule.

    Examples
    --------
    >>> from emotion_native.metrics import top_k_accuracy_score
    >>> top_k_accuracy_score([0, 1, 2], [[0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [0.5, 0.3, 0.2]], k=2)
    0.6666666666666666
    """
    caller = "top_k_accuracy_score"
    if isinstance(k, (bool, np.bool_)) or not isinstance(k, (int, np.integer)) or k < 1:
        raise InvalidInputError(f"k of {caller} must be an integer of at least 1; got {k!r}")
    codes, classes = _truth(y_true, labels, caller)
    score = as_numbers(y_score, "y_score", caller)
    if score.ndim == 1 and len(classes) == 2:  # as a decision function of the second class
        threshold = 0.5 if score.size and score.min() >= 0 and score.max() <= 1 else 0.0
        score = np.column_stack([np.full(len(score), threshold), score]) if k == 1 else np.column_stack([-score, score])
    if score.shape != (len(codes), len(classes)):
        wanted = (len(codes), len(classes))
        raise InvalidInputError(f"y_score of {caller} must be of shape {wanted}; got {score.shape}: pass labels= to name all classes")
    if not np.isfinite(score).all():
        raise InvalidInputError(f"y_score of {caller} must be finite; got NaN or infinity")
    weight = check_weight(sample_weight, len(codes), caller, mean=normalize)
    found = row_top_k(codes, score, int(k))
    if normalize:
        return float(np.average(found, weights=weight if weight.size else None))
    return float(found.sum() if weight.size == 0 else (found * weight).sum())
