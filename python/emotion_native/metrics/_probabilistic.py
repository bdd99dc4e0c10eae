"""Scores of predicted probabilities; signatures and results are scikit-learn's."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..exceptions import InvalidInputError
from ._inputs import Array, Codes, Floats, as_numbers, check_column, check_probabilities, check_weight, codes_of, mean_of_rows, union_of, warn_rows
from ._labelwise import check_indicator, is_indicator, undefined


def check_truth(y_true: Any, labels: Any, caller: str) -> tuple[Codes, Array]:
    """Return the code of each row's class, or a matrix with a column of 0 and 1 for each class as it came, and all classes in sorted order."""
    if is_indicator(y_true):
        matrix = check_indicator(y_true, "y_true", caller)
        classes = np.arange(matrix.shape[1]) if labels is None else union_of(np.asarray(labels), caller=caller)
        if len(classes) != matrix.shape[1]:
            raise InvalidInputError(f"labels of {caller} must be one for each of {matrix.shape[1]} columns of y_true; got {len(classes)}")
        return matrix.astype(np.int64), classes
    truth = check_column(y_true, "y_true", caller)
    if len(truth) == 0:
        raise InvalidInputError(f"y_true of {caller} must have at least one row; got none")
    classes = union_of(truth if labels is None else np.asarray(labels), caller=caller)
    if labels is not None and not np.array_equal(np.unique(np.asarray(labels)), np.asarray(labels)):
        message = (
            f"Labels passed were {np.asarray(labels).tolist()}. But this function assumes labels are ordered lexicographically. "
            f"Pass the ordered labels={classes.tolist()} and ensure that the columns of y_prob correspond to this ordering."
        )
        warnings.warn(message, UserWarning, stacklevel=3)
    codes = codes_of(truth, classes)
    if (codes < 0).any():
        raise InvalidInputError(f"labels of {caller} must hold every label of y_true; {truth[np.argmax(codes < 0)]!r} is missing")
    return codes, classes


def either_name(y_proba: Any, y_pred: Any, caller: str) -> Any:
    """Return the probabilities, which may come under their older name."""
    if (y_proba is None) == (y_pred is None):
        raise InvalidInputError(f"y_proba of {caller} must be given, once; got {'none' if y_pred is None else 'y_pred as well'}")
    return y_pred if y_proba is None else y_proba


def one_column(y_true: Any, y_proba: Any, pos_label: Any, labels: Any, caller: str) -> tuple[Codes, Array, Any]:
    """Return codes, classes and probabilities, a vector of them being turned to speak of the second class."""
    codes, classes = check_truth(y_true, labels, caller)
    given = np.asarray(y_proba)
    if given.ndim == 2 and given.shape[1] == 1:
        given = given[:, 0]
    if given.ndim != 1 or codes.ndim == 2:
        return codes, classes, given
    if pos_label is None and classes.dtype.kind in "OUS":
        raise InvalidInputError(f"pos_label of {caller} must be named unless the classes are numbers; got {classes.tolist()!r:.80}")
    if len(classes) == 1:
        if pos_label is None and classes[0] not in (-1, 0, 1):
            raise InvalidInputError(f"labels of {caller} must be at least two classes; got {len(classes)}: pass labels= to name them all")
        positive = classes[0] == (1 if pos_label is None else pos_label)
        return np.full(len(codes), int(positive), dtype=np.int64), np.arange(2), given
    if pos_label is not None:
        if pos_label not in classes.tolist():
            raise InvalidInputError(f"pos_label of {caller} must be one of {classes.tolist()}; got {pos_label!r}")
        if pos_label == classes[0]:
            codes, classes = len(classes) - 1 - codes, classes[::-1]
    return codes, classes, given


def row_log_loss(codes: Codes, proba: Floats) -> Floats:
    """Return -log of the probability of the true class, clipped at the spacing of floats at 1, as scikit-learn does."""
    eps = float(np.finfo(np.float64).eps)
    if codes.ndim == 2:  # several classes may be true
        return np.asarray(-(codes * np.log(np.clip(proba, eps, 1.0 - eps))).sum(axis=1))
    return np.asarray(-np.log(np.clip(proba[np.arange(len(codes)), codes], eps, 1.0 - eps)))


def row_brier(codes: Codes, proba: Floats) -> Floats:
    """Return the squared distance to the true class's corner, from 0 to 2."""
    if codes.ndim == 2:
        return np.asarray(((proba - codes) ** 2).sum(axis=1))
    distance = proba.copy()
    distance[np.arange(len(codes)), codes] -= 1.0
    return np.asarray((distance**2).sum(axis=1))


def row_top_k(codes: Codes, score: Floats, k: int) -> Floats:
    """Return 1 where the true class is among the k largest scores; among equal scores the last class ranks first, as in scikit-learn."""
    order = np.argsort(score, axis=1, kind="stable")[:, ::-1]
    return np.asarray((order[:, :k] == codes[:, None]).any(axis=1), dtype=np.float64)


def log_loss(
    y_true: Any, y_proba: Any = None, *, normalize: bool = True, sample_weight: Any = None, labels: Any = None, y_pred: Any = None
) -> float:
    """Return the mean of -log of the probability of the true class (cross-entropy, in nats).

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_classes)
        Labels, or 0 and 1 in a column for each class, of which several may be true.
    y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
        Columns in sorted order of the classes; a vector is the probability of the second of two.
    normalize : bool
        False: the sum.
    labels : array-like, optional
        All classes; needed where ``y_true`` lacks some.
    y_pred : array-like, optional
        The older name of ``y_proba``.

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
    y_proba = either_name(y_proba, y_pred, caller)
    codes, classes = check_truth(y_true, labels, caller)
    if len(classes) < 2:
        raise InvalidInputError(f"labels of {caller} must be at least two classes; got {len(classes)}: pass labels= to name them all")
    proba = check_probabilities(y_proba, "y_proba", caller, n=len(codes), k=len(classes))
    warn_rows(proba, caller)
    weight = check_weight(sample_weight, len(codes), caller, mean=normalize)
    loss = row_log_loss(codes, proba)
    if normalize:
        return mean_of_rows(loss, weight, caller)
    return float(loss.sum() if weight.size == 0 else (loss * weight).sum())


def brier_score_loss(
    y_true: Any, y_proba: Any, *, sample_weight: Any = None, pos_label: Any = None, labels: Any = None, scale_by_half: bool | str = "auto"
) -> float:
    """Return the mean squared distance between probabilities and what happened.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_classes)
        As in `log_loss`.
    y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
    pos_label : label, optional
        The class that a vector of probabilities speaks of. Default: the second, of numbers; must be named for texts.
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
    codes, classes, given = one_column(y_true, y_proba, pos_label, labels, caller)
    proba = check_probabilities(given, "y_proba", caller, n=len(codes), k=len(classes))
    warn_rows(proba, caller)
    weight = check_weight(sample_weight, len(codes), caller, mean=True)
    score = mean_of_rows(row_brier(codes, proba), weight, caller)
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
    codes, classes = check_truth(y_true, labels, caller)
    if codes.ndim == 2:
        raise InvalidInputError(f"y_true of {caller} must be one label a row; got {codes.shape[1]} columns")
    if labels is not None and not np.array_equal(classes, np.asarray(labels)):
        raise InvalidInputError(f"labels of {caller} must be unique and in sorted order, as the columns of y_score; got {labels!r:.80}")
    score = as_numbers(y_score, "y_score", caller)
    if score.ndim == 2 and score.shape[1] == 1:
        score = score[:, 0]
    if score.ndim == 1 and len(classes) == 2:  # as a decision function of the second class
        threshold = 0.5 if score.size and score.min() >= 0 and score.max() <= 1 else 0.0
        score = np.column_stack([np.full(len(score), threshold), score]) if k == 1 else np.column_stack([-score, score])
    if score.shape != (len(codes), len(classes)):
        wanted = (len(codes), len(classes))
        raise InvalidInputError(f"y_score of {caller} must be of shape {wanted}; got {score.shape}: pass labels= to name all classes")
    if not np.isfinite(score).all():
        raise InvalidInputError(f"y_score of {caller} must be finite; got NaN or infinity")
    weight = check_weight(sample_weight, len(codes), caller, mean=normalize)
    if k >= len(classes):
        message = f"'k' ({k}) greater than or equal to 'n_classes' ({len(classes)}) will result in a perfect score and is therefore meaningless."
        undefined(message, depth=3)
    found = row_top_k(codes, score, int(k))
    if normalize:
        return mean_of_rows(found, weight, caller)
    return float(found.sum() if weight.size == 0 else (found * weight).sum())
