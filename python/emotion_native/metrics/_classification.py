"""Scores of predicted labels, computed from confusion counts; signatures and results are scikit-learn's."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from ..exceptions import InvalidInputError
from . import _rates
from ._inputs import Array, Floats, check_pair, check_weight, codes_of, mean_of_rows, union_of
from ._labelwise import AVERAGES, confusion_counts, divide, label_counts, mean_of, right_rows, undefined


def _all_counts(y_true: Any, y_pred: Any, sample_weight: Any, caller: str) -> tuple[Array, Floats]:
    truth, predicted = check_pair(y_true, y_pred, caller)
    classes = union_of(truth, predicted, caller=caller)
    return classes, confusion_counts(truth, predicted, classes, check_weight(sample_weight, len(truth), caller))


def accuracy_score(y_true: Any, y_pred: Any, *, normalize: bool = True, sample_weight: Any = None) -> float:
    """Return the share of right rows (``normalize=False``: their number or weight); with several labels a row, of rows right in all of them.

    Examples
    --------
    >>> from emotion_native.metrics import accuracy_score
    >>> accuracy_score(["sad", "happy"], ["sad", "angry"])
    0.5
    """
    right = right_rows(y_true, y_pred, "accuracy_score").astype(np.float64)
    weight = check_weight(sample_weight, len(right), "accuracy_score")
    if not normalize:
        return float(right.sum() if weight.size == 0 else (right * weight).sum())
    return mean_of_rows(right, weight, "accuracy_score")


def confusion_matrix(y_true: Any, y_pred: Any, *, labels: Any = None, sample_weight: Any = None, normalize: str | None = None) -> Array:
    """Return counts, true class by row and predicted class by column.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,)
    labels : array-like, optional
        Classes in the order wanted; rows with other labels are left out.
    sample_weight : array-like of shape (n_samples,), optional
    normalize : {None, "true", "pred", "all"}

    Returns
    -------
    ndarray of shape (n_classes, n_classes)
        int64 for counts without weights, else float64.

    Raises
    ------
    InvalidInputError
        If an argument breaks its rule, or no label occurs in ``y_true``.

    Examples
    --------
    >>> from emotion_native.metrics import confusion_matrix
    >>> confusion_matrix([0, 0, 1], [0, 1, 1])
    array([[1, 1],
           [0, 1]])
    """
    caller = "confusion_matrix"
    if normalize not in (None, "true", "pred", "all"):
        raise InvalidInputError(f"normalize of {caller} must be 'true', 'pred', 'all' or None; got {normalize!r}")
    truth, predicted = check_pair(y_true, y_pred, caller)
    weight = check_weight(sample_weight, len(truth), caller)
    if labels is None:
        wanted = classes = union_of(truth, predicted, caller=caller)
    else:
        wanted = np.asarray(labels)
        if wanted.ndim != 1 or wanted.size == 0 or not np.isin(wanted, truth).any():
            raise InvalidInputError(f"labels of {caller} must be at least one label that occurs in y_true; got {labels!r:.80}")
        classes = union_of(truth, predicted, wanted, caller=caller)
    if len(wanted) == 1:
        warnings.warn("A single label was found in 'y_true' and 'y_pred'; pass labels= to name the others too", UserWarning, stacklevel=2)
    order = codes_of(wanted, classes)
    counts: Array = confusion_counts(truth, predicted, classes, weight)[np.ix_(order, order)]
    if sample_weight is None or np.asarray(sample_weight).dtype.kind in "iub":
        counts = counts.astype(np.int64)
    if normalize is None:
        return np.ascontiguousarray(counts)
    axis = {"true": 1, "pred": 0, "all": None}[normalize]
    with np.errstate(all="ignore"):
        return np.ascontiguousarray(np.nan_to_num(counts / counts.sum(axis=axis, keepdims=True)))


def balanced_accuracy_score(y_true: Any, y_pred: Any, *, sample_weight: Any = None, adjusted: bool = False) -> float:
    """Return the mean recall over the classes of ``y_true``; ``adjusted`` maps chance to 0, and is NaN for one class.

    Examples
    --------
    >>> from emotion_native.metrics import balanced_accuracy_score
    >>> balanced_accuracy_score([0, 0, 0, 1], [0, 0, 0, 0])
    0.5
    """
    _, counts = _all_counts(y_true, y_pred, sample_weight, "balanced_accuracy_score")
    recall = _rates.recall(counts, len(counts))
    if np.isnan(recall).any():
        warnings.warn("y_pred contains classes not in y_true", UserWarning, stacklevel=2)
    recall = recall[~np.isnan(recall)]
    if recall.size == 0:
        raise InvalidInputError("sample_weight of balanced_accuracy_score must not be all zero; got a sum of 0")
    score = float(np.mean(recall))
    if adjusted:
        chance = 1.0 / len(recall)
        score = (score - chance) / (1.0 - chance) if len(recall) > 1 else float("nan")
    return score


def unweighted_average_recall(y_true: Any, y_pred: Any, *, labels: Any = None, sample_weight: Any = None) -> float:
    """Return the mean recall over a fixed list of classes, pooled over all rows given (UAR).

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,)
        A prediction that is none of the labels is wrong.
    labels : array-like, optional
        The classes that count. Default: those of ``y_true``. A class without rows has no recall and is left out.

    Returns
    -------
    float
        Equal to `balanced_accuracy_score` where ``labels`` are the classes of ``y_true``.

    Raises
    ------
    InvalidInputError
        If an argument breaks its rule or no listed class has rows.

    Examples
    --------
    >>> from emotion_native.metrics import unweighted_average_recall
    >>> unweighted_average_recall(["a", "a", "b"], ["a", "failed", "b"])
    0.75
    """
    caller = "unweighted_average_recall"
    classes, counts = _all_counts(y_true, y_pred, sample_weight, caller)
    recall = _rates.recall(counts, len(counts))
    if labels is not None:
        recall = recall[np.isin(classes, np.asarray(labels))]
    recall = recall[~np.isnan(recall)]
    if recall.size == 0:
        raise InvalidInputError(f"labels of {caller} must have rows in y_true; got {labels!r:.80}")
    return float(np.mean(recall))


def cohen_kappa_score(
    y1: Any, y2: Any, *, labels: Any = None, weights: str | None = None, sample_weight: Any = None, replace_undefined_by: float = float("nan")
) -> float:
    """Return Cohen's kappa; ``weights`` of disagreements may be None, "linear" or "quadratic".

    Source: Cohen, "A coefficient of agreement for nominal scales", 1960, and "Weighted kappa", 1968. Where chance agreement is complete the
    score is ``replace_undefined_by``, NaN or a number from -1 to 1, with a warning.

    Examples
    --------
    >>> from emotion_native.metrics import cohen_kappa_score
    >>> cohen_kappa_score([0, 0, 1, 1], [0, 0, 1, 1])
    1.0
    """
    if weights not in (None, "linear", "quadratic"):
        raise InvalidInputError(f"weights of cohen_kappa_score must be None, 'linear' or 'quadratic'; got {weights!r}")
    if not (replace_undefined_by != replace_undefined_by or -1 <= replace_undefined_by <= 1):
        raise InvalidInputError(f"replace_undefined_by of cohen_kappa_score must be NaN or from -1 to 1; got {replace_undefined_by!r}")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "A single label was found")
        counts = np.asarray(confusion_matrix(y1, y2, labels=labels, sample_weight=sample_weight), dtype=np.float64)
    k = len(counts)
    row, column = np.indices((k, k))
    distance = (row != column).astype(np.float64) if weights is None else np.abs(row - column) ** (1.0 if weights == "linear" else 2.0)
    expected = np.outer(counts.sum(axis=0), counts.sum(axis=1)) / max(float(counts.sum()), 1e-300)  # without rows nothing is expected either
    by_chance = float((distance * expected).sum())
    if by_chance == 0:
        shared = int(np.sum((counts.sum(axis=0) > 0) & (counts.sum(axis=1) > 0)))
        only, none = "`y1`, `y2` and `labels` have only one label in common", "`y2` contains no labels that are present in both `y1` and `labels`"
        why = only if shared else none
        undefined(f"{why}. Cohen's kappa is undefined and set to {replace_undefined_by}.", depth=3)
        return float(replace_undefined_by)
    return 1.0 - float((distance * counts).sum()) / by_chance


def matthews_corrcoef(y_true: Any, y_pred: Any, *, sample_weight: Any = None) -> float:
    """Return the (multi-class) correlation coefficient; 0 where truth or prediction is constant.

    Source: Gorodkin, "Comparing two K-category assignments by a K-category correlation coefficient", 2004.

    Examples
    --------
    >>> from emotion_native.metrics import matthews_corrcoef
    >>> matthews_corrcoef([0, 1, 1], [0, 1, 1])
    1.0
    """
    _, counts = _all_counts(y_true, y_pred, sample_weight, "matthews_corrcoef")
    return float(_rates.matthews(counts, len(counts)))


def precision_recall_fscore_support(
    y_true: Any,
    y_pred: Any,
    *,
    beta: float = 1.0,
    labels: Any = None,
    pos_label: Any = 1,
    average: str | None = None,
    warn_for: Any = ("precision", "recall", "f-score"),
    sample_weight: Any = None,
    zero_division: Any = "warn",
) -> tuple[Any, Any, Any, Any]:
    """Return precision, recall, F-beta and support, by class or averaged.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,) or (n_samples, n_labels)
        One label a row; or 0 and 1 for several labels a row (sparse matrices too).
    beta : float
        Weight of recall in F.
    labels : array-like, optional
        Classes and their order; may name classes that do not occur. With several labels a row: column numbers.
    pos_label : label
        The class that counts with ``average="binary"``.
    average : {None, "binary", "micro", "macro", "weighted", "samples"}
        "samples": the mean over rows, for several labels a row only.
    warn_for : collection of str
        The scores that warn where they are undefined.
    sample_weight : array-like of shape (n_samples,), optional
    zero_division : {"warn", 0, 1, nan}
        The value where a denominator is 0; NaN values are left out of averages.

    Returns
    -------
    tuple
        Four arrays of shape (n_classes,), or three floats and None.

    Raises
    ------
    InvalidInputError
        If an argument breaks its rule.

    Examples
    --------
    >>> from emotion_native.metrics import precision_recall_fscore_support
    >>> precision, recall, f1, support = precision_recall_fscore_support([0, 0, 1], [0, 1, 1])
    >>> recall.tolist(), support.tolist()
    ([0.5, 1.0], [2, 1])
    """
    caller = "precision_recall_fscore_support"
    if average not in AVERAGES:
        raise InvalidInputError(f"average of {caller} must be None, 'binary', 'micro', 'macro', 'weighted' or 'samples'; got {average!r}")
    if not (isinstance(zero_division, (str, int, float)) and (zero_division in ("warn", 0, 1) or zero_division != zero_division)):
        raise InvalidInputError(f"zero_division of {caller} must be 'warn', 0, 1 or nan; got {zero_division!r}")
    if not beta >= 0:
        raise InvalidInputError(f"beta of {caller} must be at least 0; got {beta!r}")
    options: dict[str, Any] = {"labels": labels, "pos_label": pos_label, "average": average, "sample_weight": sample_weight}
    counts = label_counts(y_true, y_pred, caller=caller, **options)
    hit, said, true = counts.hit, counts.said, counts.true
    if average == "micro":
        hit, said, true = (np.array([v.sum()]) for v in (hit, said, true))
    quiet = 0.0 if zero_division == "warn" else zero_division
    precision = divide(hit, said, "Precision", "predicted", average, zero_division if "precision" in warn_for else quiet)
    recall = divide(hit, true, "Recall", "true", average, zero_division if "recall" in warn_for else quiet)
    if np.isposinf(beta):
        f_score = recall
    elif beta == 0:
        f_score = precision
    else:
        share = beta * beta
        fill = zero_division if "f-score" in warn_for else quiet
        f_score = divide((1 + share) * hit, share * true + said, "F-score", "true nor predicted", average, fill)
    if average is None:
        return precision, recall, f_score, true.astype(np.int64) if counts.whole else true
    weight = true if average == "weighted" else None
    if average == "samples" and sample_weight is not None:
        weight = check_weight(sample_weight, len(hit), caller)
    return mean_of(precision, weight), mean_of(recall, weight), mean_of(f_score, weight), None


def _one(position: int, name: str, y_true: Any, y_pred: Any, options: dict[str, Any]) -> Any:
    return precision_recall_fscore_support(y_true, y_pred, warn_for=(name,), **options)[position]


def precision_score(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Any = None,
    pos_label: Any = 1,
    average: str | None = "binary",
    sample_weight: Any = None,
    zero_division: Any = "warn",
) -> float | npt.NDArray[np.float64]:
    """Return precision; arguments as in `precision_recall_fscore_support`.

    Examples
    --------
    >>> from emotion_native.metrics import precision_score
    >>> precision_score([0, 0, 1], [0, 1, 1], average="macro")
    0.75
    """
    options = {"labels": labels, "pos_label": pos_label, "average": average, "sample_weight": sample_weight, "zero_division": zero_division}
    score: float | npt.NDArray[np.float64] = _one(0, "precision", y_true, y_pred, options)
    return score


def recall_score(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Any = None,
    pos_label: Any = 1,
    average: str | None = "binary",
    sample_weight: Any = None,
    zero_division: Any = "warn",
) -> float | npt.NDArray[np.float64]:
    """Return recall; arguments as in `precision_recall_fscore_support`.

    Examples
    --------
    >>> from emotion_native.metrics import recall_score
    >>> recall_score([0, 0, 1], [0, 1, 1], average="macro")
    0.75
    """
    options = {"labels": labels, "pos_label": pos_label, "average": average, "sample_weight": sample_weight, "zero_division": zero_division}
    score: float | npt.NDArray[np.float64] = _one(1, "recall", y_true, y_pred, options)
    return score


def f1_score(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Any = None,
    pos_label: Any = 1,
    average: str | None = "binary",
    sample_weight: Any = None,
    zero_division: Any = "warn",
) -> float | npt.NDArray[np.float64]:
    """Return F1, the harmonic mean of precision and recall; arguments as in `precision_recall_fscore_support`.

    Examples
    --------
    >>> from emotion_native.metrics import f1_score
    >>> round(f1_score([0, 0, 1], [0, 1, 1], average="macro"), 4)
    0.6667
    """
    options = {"labels": labels, "pos_label": pos_label, "average": average, "sample_weight": sample_weight, "zero_division": zero_division}
    score: float | npt.NDArray[np.float64] = _one(2, "f-score", y_true, y_pred, options)
    return score


def fbeta_score(
    y_true: Any,
    y_pred: Any,
    *,
    beta: float,
    labels: Any = None,
    pos_label: Any = 1,
    average: str | None = "binary",
    sample_weight: Any = None,
    zero_division: Any = "warn",
) -> float | npt.NDArray[np.float64]:
    """Return F-beta, in which recall counts ``beta`` times as much as precision; arguments as in `precision_recall_fscore_support`.

    Examples
    --------
    >>> from emotion_native.metrics import fbeta_score
    >>> round(fbeta_score([0, 0, 1], [0, 1, 1], beta=2, average="macro"), 4)
    0.7323
    """
    options = {"labels": labels, "pos_label": pos_label, "average": average, "sample_weight": sample_weight, "zero_division": zero_division}
    score: float | npt.NDArray[np.float64] = _one(2, "f-score", y_true, y_pred, {**options, "beta": beta})
    return score
