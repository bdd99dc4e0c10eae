"""Curves and areas over all thresholds of a score; signatures and results are scikit-learn's."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np

from ..exceptions import InvalidInputError
from ._inputs import NO_WEIGHT, Array, Codes, Floats, check_column, check_weight, codes_of, union_of
from ._labelwise import check_indicator, is_indicator, undefined

Binary = Callable[[Array, Floats, Floats], float]


def _positive(y_true: Any, pos_label: Any, caller: str) -> Array:
    """Return which rows are of the positive class."""
    truth = check_column(y_true, "y_true", caller)
    classes = union_of(truth, caller=caller)
    if pos_label is None:
        if classes.dtype.kind not in "biuf" or set(classes.tolist()) not in ({0, 1}, {-1, 1}, {0}, {-1}, {1}):
            raise InvalidInputError(f"pos_label of {caller} must be named unless the classes are 0 and 1 or -1 and 1; got {classes.tolist()!r:.80}")
        pos_label = 1
    return np.asarray(truth == pos_label)


def _scores(y_score: Any, n: int, caller: str) -> Floats:
    score = np.asarray(y_score, dtype=np.float64)
    if score.ndim == 2 and score.shape[1] == 1:
        score = score[:, 0]
    if score.shape != (n,) or n == 0:
        raise InvalidInputError(f"y_score of {caller} must be one number a row ({n} rows, at least one); got shape {score.shape}")
    if not np.isfinite(score).all():
        raise InvalidInputError(f"y_score of {caller} must be finite; got NaN or infinity")
    return score


def _cumulated(positive: Array, score: Floats, weight: Floats) -> tuple[Floats, Floats, Floats]:
    """Return false and true positives, and the threshold, as the threshold falls; rows of equal score come together, without weight do not."""
    if weight.size:
        kept = weight != 0
        positive, score, weight = positive[kept], score[kept], weight[kept]
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)) if len(ranked) else np.empty(0, dtype=np.int64)
    each = positive[order].astype(np.float64)
    if weight.size == 0:
        true = np.cumsum(each)[ends]
        return 1.0 + ends - true, true, ranked[ends]
    own = weight[order]
    return np.cumsum((1.0 - each) * own)[ends], np.cumsum(each * own)[ends], ranked[ends]


def _binary(y_true: Any, y_score: Any, pos_label: Any, sample_weight: Any, caller: str) -> tuple[Floats, Floats, Floats]:
    positive = _positive(y_true, pos_label, caller)
    score = _scores(y_score, len(positive), caller)
    return _cumulated(positive, score, check_weight(sample_weight, len(positive), caller))


def _without_inner(fps: Floats, tps: Floats, keep: Array, *more: Floats) -> tuple[Floats, ...]:
    """Leave out the points where ``keep``, which speaks of all but the first and last, is false."""
    chosen = np.concatenate([[True], keep, [True]]).astype(bool)
    return tuple(v[chosen] for v in (fps, tps, *more))


def confusion_matrix_at_thresholds(
    y_true: Any, y_score: Any, *, pos_label: Any = None, sample_weight: Any = None
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Return true negatives, false positives, false negatives, true positives and the thresholds, from high to low.

    Examples
    --------
    >>> from emotion_native.metrics import confusion_matrix_at_thresholds
    >>> tn, fp, fn, tp, threshold = confusion_matrix_at_thresholds([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> tp.tolist(), fp.tolist()
    ([1.0, 1.0, 2.0, 2.0], [0.0, 1.0, 1.0, 2.0])
    """
    fps, tps, threshold = _binary(y_true, y_score, pos_label, sample_weight, "confusion_matrix_at_thresholds")
    return fps[-1] - fps, fps, tps[-1] - tps, tps, threshold


def metric_at_thresholds(
    y_true: Any, y_score: Any, metric_func: Callable[..., Any], *, sample_weight: Any = None, metric_params: dict[str, Any] | None = None
) -> tuple[Array, Floats]:
    """Return what ``metric_func(y_true, score >= threshold)`` gives at each threshold, and the thresholds, from high to low.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Two classes.
    y_score : array-like of shape (n_samples,)
    metric_func : callable
        Of true and predicted labels (0 and 1); ``sample_weight``, if given, is passed on.
    sample_weight : array-like of shape (n_samples,), optional
    metric_params : dict, optional
        More arguments of ``metric_func``.

    Raises
    ------
    InvalidInputError
        If an argument breaks its rule.

    Examples
    --------
    >>> from emotion_native.metrics import accuracy_score, metric_at_thresholds
    >>> values, threshold = metric_at_thresholds([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], accuracy_score)
    >>> values.tolist()
    [0.75, 0.5, 0.75, 0.5]
    """
    caller = "metric_at_thresholds"
    if not callable(metric_func):
        raise InvalidInputError(f"metric_func of {caller} must be a function of y_true and y_pred; got {metric_func!r}")
    truth = check_column(y_true, "y_true", caller)
    classes = union_of(truth, caller=caller)
    if len(classes) > 2:
        raise InvalidInputError(f"y_true of {caller} must be of two classes; got {len(classes)}")
    score = _scores(y_score, len(truth), caller)
    weight = check_weight(sample_weight, len(truth), caller)
    options = dict(metric_params or {})
    if weight.size:
        kept = weight != 0
        truth, score = truth[kept], score[kept]
        options["sample_weight"] = np.asarray(sample_weight)[kept]
    thresholds = np.unique(score)[::-1]
    values = [metric_func(truth, (score >= threshold).astype(np.int32), **options) for threshold in thresholds]
    return np.asarray(values), np.ascontiguousarray(thresholds)


def roc_curve(
    y_true: Any, y_score: Any, *, pos_label: Any = None, sample_weight: Any = None, drop_intermediate: bool = True
) -> tuple[Floats, Floats, Floats]:
    """Return false positive rate, true positive rate and threshold, the first threshold being infinite.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
    y_score : array-like of shape (n_samples,)
        Any score; higher means positive.
    pos_label : label, optional
        Default: 1, where the classes are 0 and 1 or -1 and 1.
    sample_weight : array-like of shape (n_samples,), optional
    drop_intermediate : bool
        Leave out points on a straight line.

    Raises
    ------
    InvalidInputError
        If an argument breaks its rule.

    Examples
    --------
    >>> from emotion_native.metrics import roc_curve
    >>> fpr, tpr, threshold = roc_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> fpr.tolist(), tpr.tolist()
    ([0.0, 0.0, 0.5, 0.5, 1.0], [0.0, 0.5, 0.5, 1.0, 1.0])
    """
    fps, tps, threshold = _binary(y_true, y_score, pos_label, sample_weight, "roc_curve")
    if drop_intermediate and len(fps) > 2:
        fps, tps, threshold = _without_inner(fps, tps, (np.diff(fps, 2) != 0) | (np.diff(tps, 2) != 0), threshold)
    fps, tps, threshold = np.append(0.0, fps), np.append(0.0, tps), np.append(np.inf, threshold)
    rates = []
    for counts, name, rate in ((fps, "negative", "false positive"), (tps, "positive", "true positive")):
        if counts[-1] <= 0:
            undefined(f"No {name} samples in y_true, {rate} value should be meaningless; the rate is set to NaN", depth=3)
        rates.append(counts / counts[-1] if counts[-1] > 0 else np.full(len(counts), np.nan))
    return rates[0], rates[1], threshold


def precision_recall_curve(
    y_true: Any, y_score: Any, *, pos_label: Any = None, sample_weight: Any = None, drop_intermediate: bool = False
) -> tuple[Floats, Floats, Floats]:
    """Return precision and recall as the threshold rises, ending with precision 1 and recall 0, and the thresholds.

    Arguments as in `roc_curve`. Without positive rows recall is set to 1, with a warning.

    Examples
    --------
    >>> from emotion_native.metrics import precision_recall_curve
    >>> precision, recall, threshold = precision_recall_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> recall.tolist()
    [1.0, 1.0, 0.5, 0.5, 0.0]
    """
    fps, tps, threshold = _binary(y_true, y_score, pos_label, sample_weight, "precision_recall_curve")
    if drop_intermediate and len(fps) > 2:
        fps, tps, threshold = _without_inner(fps, tps, (np.diff(tps[:-1]) != 0) | (np.diff(tps[1:]) != 0), threshold)
    said = tps + fps
    precision = np.where(said != 0, tps / np.where(said != 0, said, 1.0), 0.0)
    if len(tps) == 0 or tps[-1] == 0:
        warnings.warn("No positive class found in y_true, recall is set to one for all thresholds.", UserWarning, stacklevel=2)
        recall = np.ones(len(tps))
    else:
        recall = tps / tps[-1]
    return np.append(precision[::-1], 1.0), np.append(recall[::-1], 0.0), np.ascontiguousarray(threshold[::-1])


def det_curve(
    y_true: Any, y_score: Any, pos_label: Any = None, sample_weight: Any = None, drop_intermediate: bool = False
) -> tuple[Floats, Floats, Floats]:
    """Return false positive rate, false negative rate and threshold (detection error trade-off), as the threshold rises.

    Arguments as in `roc_curve`. Source: Martin et al., "The DET curve in assessment of detection task performance", 1997.

    Examples
    --------
    >>> from emotion_native.metrics import det_curve
    >>> fpr, fnr, threshold = det_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> fpr.tolist(), fnr.tolist()
    ([0.5, 0.5, 0.0], [0.0, 0.5, 0.5])
    """
    caller = "det_curve"
    fps, tps, threshold = _binary(y_true, y_score, pos_label, sample_weight, caller)
    if len(union_of(check_column(y_true, "y_true", caller), caller=caller)) != 2:
        raise InvalidInputError(f"y_true of {caller} must be of two classes; got another number")
    fps, tps, threshold = np.append(0.0, fps), np.append(0.0, tps), np.append(np.inf, threshold)
    if drop_intermediate and len(fps) > 2:
        fps, tps, threshold = _without_inner(fps, tps, (np.diff(tps[:-1]) != 0) | (np.diff(tps[1:]) != 0), threshold)
    first = int(np.searchsorted(fps, fps[0], side="right")) - 1
    part = slice(first, int(np.searchsorted(tps, tps[-1])) + 1)
    return fps[part][::-1] / fps[-1], (tps[-1] - tps[part])[::-1] / tps[-1], np.ascontiguousarray(threshold[part][::-1])


def auc(x: Any, y: Any) -> float:
    """Return the area under a curve by the trapezoidal rule; x must not turn back.

    Examples
    --------
    >>> from emotion_native.metrics import auc
    >>> auc([0.0, 0.5, 1.0], [0.0, 1.0, 1.0])
    0.75
    """
    across, up = np.asarray(x, dtype=np.float64).reshape(-1), np.asarray(y, dtype=np.float64).reshape(-1)
    if len(across) != len(up) or len(across) < 2:
        raise InvalidInputError(f"x of auc must be at least two numbers, as many as y; got {len(across)} and {len(up)}")
    step = np.diff(across)
    if (step < 0).any() and (step > 0).any():
        raise InvalidInputError("x of auc must rise or fall throughout; got numbers that do both")
    area = float(np.sum(step * (up[1:] + up[:-1])) / 2.0)
    return -area if (step < 0).any() else area


def _area(positive: Array, score: Floats, weight: Floats, max_fpr: float | None = None) -> float:
    """Return the area under the ROC curve, or its standardised part below a false positive rate (McClish 1989)."""
    fps, tps, _ = _cumulated(positive, score, weight)
    if len(fps) == 0 or fps[-1] <= 0 or tps[-1] <= 0:
        undefined("Only one class is present in y_true. ROC AUC score is not defined in that case; it is set to NaN", depth=5)
        return float("nan")
    fpr, tpr = np.append(0.0, fps / fps[-1]), np.append(0.0, tps / tps[-1])
    if max_fpr is None or max_fpr == 1:
        return auc(fpr, tpr)
    stop = int(np.searchsorted(fpr, max_fpr, "right"))
    edge = float(np.interp(max_fpr, fpr[stop - 1 : stop + 1], tpr[stop - 1 : stop + 1]))
    part = auc(np.append(fpr[:stop], max_fpr), np.append(tpr[:stop], edge))
    least = 0.5 * max_fpr**2
    return 0.5 * (1.0 + (part - least) / (max_fpr - least))


def _average_precision(positive: Array, score: Floats, weight: Floats) -> float:
    """Return the sum of precisions, each weighted by the step of recall."""
    fps, tps, _ = _cumulated(positive, score, weight)
    if len(tps) == 0 or tps[-1] <= 0:
        warnings.warn("No positive class found in y_true, recall is set to one for all thresholds.", UserWarning, stacklevel=4)
        return 0.0
    said = tps + fps
    precision = np.where(said != 0, tps / np.where(said != 0, said, 1.0), 0.0)
    return float(max(0.0, np.sum(np.diff(tps, prepend=0.0) / tps[-1] * precision)))


def _over_labels(score_of: Binary, truth: Array, score: Floats, average: str | None, weight: Floats, caller: str) -> float | Floats:
    """Return a binary score of each column, or its mean."""
    if average not in (None, "micro", "macro", "weighted", "samples"):
        raise InvalidInputError(f"average of {caller} must be None, 'micro', 'macro', 'weighted' or 'samples'; got {average!r}")
    if average == "micro":
        return score_of(truth.reshape(-1), score.reshape(-1), np.repeat(weight, truth.shape[1]) if weight.size else NO_WEIGHT)
    across: Floats | None = None
    if average == "weighted":
        across = np.asarray((truth * weight[:, None] if weight.size else truth).sum(axis=0), dtype=np.float64)
        if across.sum() == 0:
            return 0.0
    elif average == "samples":
        across = weight if weight.size else None
        truth, score, weight = truth.T, score.T, NO_WEIGHT
    columns = range(truth.shape[1])
    values = np.array([score_of(np.ascontiguousarray(truth[:, c]), np.ascontiguousarray(score[:, c]), weight) for c in columns])
    if average is None:
        return values
    if across is not None:
        values = np.where(across == 0, 0.0, values)
    return float(np.average(values, weights=across))


def _score_matrix(y_score: Any, shape: tuple[int, int], caller: str) -> Floats:
    score = np.asarray(y_score, dtype=np.float64)
    if score.shape != shape:
        raise InvalidInputError(f"y_score of {caller} must be of shape {shape}; got {score.shape}")
    if not np.isfinite(score).all():
        raise InvalidInputError(f"y_score of {caller} must be finite; got NaN or infinity")
    return score


def _one_hot(codes: Codes, k: int) -> Array:
    return np.asarray(codes[:, None] == np.arange(k), dtype=np.uint8)


def roc_auc_score(
    y_true: Any,
    y_score: Any,
    *,
    average: str | None = "macro",
    sample_weight: Any = None,
    max_fpr: float | None = None,
    multi_class: str = "raise",
    labels: Any = None,
) -> float | Floats:
    """Return the area under the ROC curve: of two classes, of several (each against the rest, or in pairs), or of several labels a row.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_labels)
    y_score : array-like of shape (n_samples,) or (n_samples, n_classes)
        Two classes: any score of the class that sorts last. Several classes: probabilities that add up to 1.
    average : {"macro", "weighted", "micro", "samples", None}
        "micro" and None not in pairs; "samples" for several labels a row only.
    sample_weight : array-like of shape (n_samples,), optional
        Not in pairs.
    max_fpr : float in (0, 1], optional
        The standardised partial area below this false positive rate (McClish 1989); two classes or several labels only.
    multi_class : {"raise", "ovr", "ovo"}
        Each class against the rest (Fawcett 2006), or the mean over pairs (Hand & Till 2001). Must be chosen for several classes.
    labels : array-like, optional
        All classes, sorted; needed where ``y_true`` lacks some.

    Returns
    -------
    float or ndarray of shape (n_classes,)
        NaN, with a warning, where a class has no rows or all of them.

    Raises
    ------
    InvalidInputError
        If an argument breaks its rule.

    Examples
    --------
    >>> from emotion_native.metrics import roc_auc_score
    >>> roc_auc_score([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    caller = "roc_auc_score"
    if max_fpr is not None and not 0 < max_fpr <= 1:
        raise InvalidInputError(f"max_fpr of {caller} must be above 0 and at most 1; got {max_fpr!r}")

    def area(positive: Array, score: Floats, weight: Floats) -> float:
        return _area(positive, score, weight, max_fpr)

    if is_indicator(y_true):
        truth = check_indicator(y_true, "y_true", caller)
        weight = check_weight(sample_weight, len(truth), caller)
        return _over_labels(area, truth, _score_matrix(y_score, (len(truth), truth.shape[1]), caller), average, weight, caller)
    column = check_column(y_true, "y_true", caller)
    classes = union_of(column, caller=caller)
    if len(classes) <= 2 and (np.ndim(y_score) < 2 or np.shape(y_score)[1] < 3):
        score = _scores(y_score, len(column), caller)
        weight = check_weight(sample_weight, len(column), caller)
        return area(column == classes[-1] if len(classes) == 2 else np.zeros(len(column), dtype=bool), score, weight)
    if max_fpr not in (None, 1):
        raise InvalidInputError(f"max_fpr of {caller} must be None for several classes; got {max_fpr!r}")
    return _multi_class(column, y_score, multi_class, average, labels, sample_weight)


def _multi_class(truth: Array, y_score: Any, multi_class: str, average: str | None, labels: Any, sample_weight: Any) -> float | Floats:
    caller = "roc_auc_score"
    allowed: dict[str, tuple[str | None, ...]] = {"ovr": ("micro", "macro", "weighted", None), "ovo": ("macro", "weighted")}
    if multi_class not in allowed:
        raise InvalidInputError(f"multi_class of {caller} must be in ('ovo', 'ovr') for several classes; got {multi_class!r}")
    if average not in allowed[multi_class]:
        raise InvalidInputError(f"average of {caller} must be one of {allowed[multi_class]} for several classes and {multi_class!r}; got {average!r}")
    classes = union_of(truth, caller=caller) if labels is None else np.asarray(labels)
    if labels is not None and not np.array_equal(np.unique(classes), classes):
        raise InvalidInputError(f"labels of {caller} must be unique and ordered; got {labels!r:.80}")
    codes = codes_of(truth, classes)
    if (codes < 0).any():
        raise InvalidInputError(f"labels of {caller} must hold every label of y_true; {truth[np.argmax(codes < 0)]!r} is missing")
    score = _score_matrix(y_score, (len(truth), len(classes)), caller)
    if not np.allclose(score.sum(axis=1), 1.0):
        raise InvalidInputError(f"y_score of {caller} must be probabilities that add up to 1 over the classes; got other sums")
    weight = check_weight(sample_weight, len(truth), caller)
    if multi_class == "ovr":
        return _over_labels(_area, _one_hot(codes, len(classes)), score, average, weight, caller)
    if sample_weight is not None:
        raise InvalidInputError(f"sample_weight of {caller} must be None with multi_class='ovo'; got weights")
    values, shares = [], []
    for a, b in combinations(np.unique(codes), 2):
        own = (codes == a) | (codes == b)
        values.append((_area(codes[own] == a, score[own, a], NO_WEIGHT) + _area(codes[own] == b, score[own, b], NO_WEIGHT)) / 2.0)
        shares.append(own.mean())
    return float(np.average(values, weights=shares if average == "weighted" else None))


def average_precision_score(
    y_true: Any, y_score: Any, *, average: str | None = "macro", pos_label: Any = 1, sample_weight: Any = None
) -> float | Floats:
    """Return average precision: the sum over thresholds of precision times the step of recall, without interpolation.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_labels)
    y_score : array-like of shape (n_samples,) or (n_samples, n_classes)
    average : {"macro", "weighted", "micro", "samples", None}
        Over classes or labels.
    pos_label : label
        The positive one of two classes.
    sample_weight : array-like of shape (n_samples,), optional

    Raises
    ------
    InvalidInputError
        If an argument breaks its rule.

    Examples
    --------
    >>> from emotion_native.metrics import average_precision_score
    >>> round(average_precision_score([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 4)
    0.8333
    """
    caller = "average_precision_score"
    if is_indicator(y_true):
        truth: Array = check_indicator(y_true, "y_true", caller)
    else:
        column = check_column(y_true, "y_true", caller)
        classes = union_of(column, caller=caller)
        if len(classes) <= 2:
            if len(classes) == 2 and pos_label not in classes.tolist():
                raise InvalidInputError(f"pos_label of {caller} must be one of the labels {classes.tolist()}; got {pos_label!r}")
            weight = check_weight(sample_weight, len(column), caller)
            return _average_precision(column == pos_label, _scores(y_score, len(column), caller), weight)
        truth = _one_hot(codes_of(column, classes), len(classes))
    if pos_label != 1:
        raise InvalidInputError(f"pos_label of {caller} must be 1 for several classes or labels; got {pos_label!r}")
    weight = check_weight(sample_weight, len(truth), caller)
    return _over_labels(_average_precision, truth, _score_matrix(y_score, (len(truth), truth.shape[1]), caller), average, weight, caller)
