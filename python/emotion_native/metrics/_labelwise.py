"""Counts label by label, of one label a row or of several, and the scores that need nothing else; results are scikit-learn's."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..exceptions import InvalidInputError
from ._inputs import NO_CLUSTER, Array, Floats, check_pair, check_weight, codes_of, mean_of_rows, union_of

AVERAGES = (None, "binary", "micro", "macro", "weighted", "samples")
Indicator = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class LabelCounts:
    """For each label (or row, where samplewise): the weight of right answers, of rows said to have it, of rows that have it, and of all rows."""

    hit: Floats
    said: Floats
    true: Floats
    total: Floats
    labels: Array
    whole: bool  # counts of rows, not weights


def undefined(message: str, depth: int = 4) -> None:
    """Warn of a score without a value."""
    from sklearn.exceptions import UndefinedMetricWarning

    warnings.warn(message, UndefinedMetricWarning, stacklevel=depth)


def divide(a: Floats, b: Floats, metric: str, lacking: str, average: str | None, zero_division: Any) -> Floats:
    """Return a / b, with the value of ``zero_division`` (warn: 0) where b is 0 because rows, or a row's labels, are ``lacking``."""
    fill = 0.0 if zero_division == "warn" else float(zero_division)
    empty = b == 0
    if zero_division == "warn" and empty.any():
        place, parts = ("samples", "labels") if average == "samples" else ("labels", "samples")
        where = f"due to no {lacking} {parts}" if len(b) == 1 else f"in {place} with no {lacking} {parts}"
        undefined(f"{metric} is ill-defined and being set to 0.0 {where}. Use `zero_division` parameter to control this behavior.", depth=5)
    return np.asarray(np.where(empty, fill, a / np.where(empty, 1.0, b)))


def mean_of(values: Floats, weight: Floats | None) -> float:
    """Return the mean of defined values; weights that are all zero give an even mean, as in scikit-learn."""
    known = ~np.isnan(values)
    if not known.any():
        return float("nan")
    if weight is not None and weight[known].sum() == 0:
        weight = None
    return float(np.average(values[known], weights=None if weight is None else weight[known]))


def is_indicator(values: Any) -> bool:
    """Return whether labels come as a matrix with one column a label."""
    from scipy import sparse

    shape = np.shape(values) if not sparse.issparse(values) else values.shape
    return sparse.issparse(values) or (len(shape) == 2 and shape[1] > 1)


def check_indicator(values: Any, parameter: str, caller: str) -> Indicator:
    """Return a matrix of 0 and 1, one column a label."""
    from scipy import sparse

    matrix = values.toarray() if sparse.issparse(values) else np.asarray(values)
    if matrix.ndim != 2 or matrix.shape[0] == 0 or matrix.shape[1] == 0:
        raise InvalidInputError(f"{parameter} of {caller} must be a matrix of 0 and 1, one column a label; got shape {matrix.shape}")
    if matrix.dtype.kind not in "biuf" or not ((matrix == 0) | (matrix == 1)).all():
        raise InvalidInputError(f"{parameter} of {caller} must hold 0 and 1 only, one column a label; got other values")
    return np.ascontiguousarray(matrix, dtype=np.uint8)


def indicator_pair(y_true: Any, y_pred: Any, caller: str) -> tuple[Indicator, Indicator]:
    """Return two matrices of one shape."""
    if not (is_indicator(y_true) and is_indicator(y_pred)):
        raise InvalidInputError(f"y_pred of {caller} must be a matrix with one column a label where y_true is, and only there; got one of the two")
    truth, predicted = check_indicator(y_true, "y_true", caller), check_indicator(y_pred, "y_pred", caller)
    if truth.shape != predicted.shape:
        raise InvalidInputError(f"y_pred of {caller} must be of the shape of y_true, {truth.shape}; got {predicted.shape}")
    return truth, predicted


def confusion_counts(truth: Array, predicted: Array, classes: Array, weight: Floats) -> Floats:
    """Return confusion counts over sorted classes that hold every label."""
    from .. import _core

    counts = _core.confusion_counts(codes_of(truth, classes), codes_of(predicted, classes), len(classes), weight, NO_CLUSTER, 1)
    return np.asarray(counts[0], dtype=np.float64)


def _selected(present: Array, labels: Any, pos_label: Any, average: str | None, caller: str) -> Array:
    if average == "samples":
        raise InvalidInputError(f"average of {caller} must not be 'samples' for one label a row; got 'samples'")
    if average != "binary":
        return present if labels is None else np.asarray(labels)
    if len(present) > 2:
        raise InvalidInputError(f"average of {caller} must be None, 'micro', 'macro' or 'weighted' for more than two classes; got 'binary'")
    if pos_label not in present.tolist() and len(present) >= 2:
        raise InvalidInputError(f"pos_label of {caller} must be one of the labels {present.tolist()}; got {pos_label!r}")
    return np.asarray([pos_label])


def label_counts(
    y_true: Any, y_pred: Any, *, labels: Any, sample_weight: Any, caller: str, average: str | None = None, pos_label: Any = 1
) -> LabelCounts:
    """Return the counts of each label, or with ``average="samples"`` of each row of a multi-label problem."""
    if average not in AVERAGES:
        raise InvalidInputError(f"average of {caller} must be None, 'binary', 'micro', 'macro', 'weighted' or 'samples'; got {average!r}")
    if average != "binary" and pos_label not in (None, 1):
        message = (
            f"Note that pos_label (set to {pos_label!r}) is ignored when average != 'binary' (got {average!r}). "
            "You may use labels=[pos_label] to specify a single positive class."
        )
        warnings.warn(message, UserWarning, stacklevel=4)
    if is_indicator(y_true) or is_indicator(y_pred):
        return _indicator_counts(y_true, y_pred, labels, sample_weight, average, caller)
    truth, predicted = check_pair(y_true, y_pred, caller)
    present = union_of(truth, predicted, caller=caller)
    wanted = _selected(present, labels, pos_label, average, caller)
    classes = union_of(present, wanted, caller=caller)
    counts = confusion_counts(truth, predicted, classes, check_weight(sample_weight, len(truth), caller))
    order = codes_of(wanted, classes)
    hit, said, true = (np.asarray(v, dtype=np.float64)[order] for v in (np.diag(counts), counts.sum(axis=0), counts.sum(axis=1)))
    whole = sample_weight is None or np.asarray(sample_weight).dtype.kind in "iub"
    return LabelCounts(hit, said, true, np.full(len(order), counts.sum()), wanted, whole)


def _indicator_counts(y_true: Any, y_pred: Any, labels: Any, sample_weight: Any, average: str | None, caller: str) -> LabelCounts:
    truth, predicted = indicator_pair(y_true, y_pred, caller)
    if average == "binary":
        raise InvalidInputError(f"average of {caller} must be None, 'micro', 'macro', 'weighted' or 'samples' for several labels a row; got 'binary'")
    weight = check_weight(sample_weight, len(truth), caller)
    wanted = np.arange(truth.shape[1]) if labels is None else np.asarray(labels)
    if wanted.dtype.kind not in "iu" or wanted.size == 0 or wanted.min() < 0 or wanted.max() >= truth.shape[1]:
        raise InvalidInputError(f"labels of {caller} must be column numbers from 0 to {truth.shape[1] - 1}; got {labels!r:.80}")
    truth, predicted = truth[:, wanted], predicted[:, wanted]
    each = np.ones(len(truth)) if weight.size == 0 else weight
    tables = (truth & predicted, predicted, truth)
    if average == "samples":
        hit, said, true = (table.sum(axis=1) * each for table in tables)
        total = np.full(len(truth), float(truth.shape[1])) * each
    else:
        hit, said, true = (each @ table for table in tables)
        total = np.full(len(wanted), each.sum())
    return LabelCounts(hit, said, true, total, wanted, sample_weight is None)


def multilabel_confusion_matrix(y_true: Any, y_pred: Any, *, sample_weight: Any = None, labels: Any = None, samplewise: bool = False) -> Array:
    """Return one table [[true negatives, false positives], [false negatives, true positives]] for each label, or for each row.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,) or (n_samples, n_labels)
        One label a row, each against the rest; or 0 and 1 for several labels a row (sparse matrices too).
    sample_weight : array-like of shape (n_samples,), optional
    labels : array-like, optional
        Labels (several a row: column numbers) and their order.
    samplewise : bool
        One table a row; for several labels a row only.

    Returns
    -------
    ndarray of shape (n_labels or n_samples, 2, 2)
        int64 for counts without weights (with one label a row: or with integer ones), else float64.

    Raises
    ------
    InvalidInputError
        If an argument breaks its rule.

    Examples
    --------
    >>> from emotion_native.metrics import multilabel_confusion_matrix
    >>> multilabel_confusion_matrix([[1, 0], [1, 1]], [[1, 0], [0, 1]])[0].tolist()
    [[0, 0], [1, 1]]
    """
    caller = "multilabel_confusion_matrix"
    if samplewise and not is_indicator(y_true):
        raise InvalidInputError(f"samplewise of {caller} must be False for one label a row; got {samplewise!r}")
    options: dict[str, Any] = {"labels": labels, "sample_weight": sample_weight, "caller": caller}
    c = label_counts(y_true, y_pred, average="samples" if samplewise else None, **options)
    tables = np.stack([c.total - c.said - c.true + c.hit, c.said - c.hit, c.true - c.hit, c.hit], axis=-1).reshape(-1, 2, 2)
    return np.asarray(np.rint(tables).astype(np.int64) if c.whole else tables)


def jaccard_score(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Any = None,
    pos_label: Any = 1,
    average: str | None = "binary",
    sample_weight: Any = None,
    zero_division: Any = "warn",
) -> float | npt.NDArray[np.float64]:
    """Return the size of the intersection of true and predicted rows of a label over the size of their union.

    Arguments as in `precision_recall_fscore_support`. Source: Jaccard, "The distribution of the flora in the alpine zone", 1912.

    Examples
    --------
    >>> from emotion_native.metrics import jaccard_score
    >>> jaccard_score([[1, 1, 0], [0, 1, 1]], [[1, 0, 0], [0, 1, 1]], average="samples")
    0.75
    """
    caller = "jaccard_score"
    if zero_division not in ("warn", 0, 1):
        raise InvalidInputError(f"zero_division of {caller} must be 'warn', 0 or 1; got {zero_division!r}")
    options: dict[str, Any] = {"labels": labels, "pos_label": pos_label, "average": average, "sample_weight": sample_weight}
    c = label_counts(y_true, y_pred, caller=caller, **options)
    hit, union, true = c.hit, c.said + c.true - c.hit, c.true
    if average == "micro":
        hit, union = np.array([hit.sum()]), np.array([union.sum()])
    score = divide(hit, union, "Jaccard", "true or predicted", average, zero_division)
    if average is None:
        return score
    if average == "samples":
        return mean_of(score, None if sample_weight is None else check_weight(sample_weight, len(score), caller))
    return mean_of(score, true if average == "weighted" else None)


def right_rows(y_true: Any, y_pred: Any, caller: str) -> npt.NDArray[np.bool_]:
    """Return which rows are right, in all of their labels."""
    if is_indicator(y_true) or is_indicator(y_pred):
        truth, predicted = indicator_pair(y_true, y_pred, caller)
        return np.asarray((truth == predicted).all(axis=1))
    found, answer = check_pair(y_true, y_pred, caller)
    union_of(found, answer, caller=caller)
    return np.asarray(found == answer)


def hamming_loss(y_true: Any, y_pred: Any, *, sample_weight: Any = None) -> float:
    """Return the share of labels that are wrong; for one label a row, of rows.

    Examples
    --------
    >>> from emotion_native.metrics import hamming_loss
    >>> hamming_loss([[0, 1], [1, 1]], [[0, 0], [1, 1]])
    0.25
    """
    caller = "hamming_loss"
    if is_indicator(y_true) or is_indicator(y_pred):
        truth, predicted = indicator_pair(y_true, y_pred, caller)
        wrong = np.asarray((truth != predicted).mean(axis=1))
    else:
        wrong = (~right_rows(y_true, y_pred, caller)).astype(np.float64)
    weight = check_weight(sample_weight, len(wrong), caller)
    return mean_of_rows(wrong, weight, caller)


def zero_one_loss(y_true: Any, y_pred: Any, *, normalize: bool = True, sample_weight: Any = None) -> float:
    """Return the share of rows that are not right in every label (``normalize=False``: their number or weight).

    Examples
    --------
    >>> from emotion_native.metrics import zero_one_loss
    >>> zero_one_loss([[0, 1], [1, 1]], [[0, 0], [1, 1]])
    0.5
    """
    caller = "zero_one_loss"
    wrong = (~right_rows(y_true, y_pred, caller)).astype(np.float64)
    weight = check_weight(sample_weight, len(wrong), caller)
    if normalize:
        return mean_of_rows(wrong, weight, caller)
    return float(wrong.sum() if weight.size == 0 else (wrong * weight).sum())


def class_likelihood_ratios(
    y_true: Any, y_pred: Any, *, labels: Any = None, sample_weight: Any = None, replace_undefined_by: float | dict[str, float] = np.nan
) -> tuple[float, float]:
    """Return the positive and the negative likelihood ratio of a binary classifier.

    LR+ = sensitivity / (1 - specificity), LR- = (1 - sensitivity) / specificity.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,)
    labels : array-like, optional
        [negative class, positive class]; default: in sorted order.
    sample_weight : array-like of shape (n_samples,), optional
    replace_undefined_by : nan, 1.0 or dict with "LR+" and "LR-"
        The value where a ratio has no denominator. Without positive rows both are NaN.

    Raises
    ------
    InvalidInputError
        If an argument breaks its rule, or there are not two classes.

    Examples
    --------
    >>> from emotion_native.metrics import class_likelihood_ratios
    >>> [round(v, 3) for v in class_likelihood_ratios([0, 1, 0, 1, 0], [1, 1, 0, 0, 0])]
    [1.5, 0.75]
    """
    caller = "class_likelihood_ratios"
    truth, predicted = check_pair(y_true, y_pred, caller)
    classes = union_of(truth, predicted, caller=caller)
    wanted = classes if labels is None else np.asarray(labels)
    if len(classes) > 2 or len(wanted) != 2:
        raise InvalidInputError(f"y_true of {caller} must be of two classes; got {classes.tolist()!r:.80}")
    fill = replace_undefined_by if isinstance(replace_undefined_by, dict) else dict.fromkeys(("LR+", "LR-"), float(replace_undefined_by))
    allowed = {"LR+": (1.0, np.inf), "LR-": (0.0, 1.0)}
    numbers = all(isinstance(value, (int, float)) for value in fill.values())
    if not numbers or set(fill) != set(allowed) or not all(np.isnan(fill[k]) or low <= fill[k] <= high for k, (low, high) in allowed.items()):
        rule = "nan, 1.0, or a dict with LR+ (at least 1) and LR- (from 0 to 1)"
        raise InvalidInputError(f"replace_undefined_by of {caller} must be {rule}; got {replace_undefined_by!r}")
    both = union_of(classes, wanted, caller=caller)
    order = codes_of(wanted, both)
    counts = confusion_counts(truth, predicted, both, check_weight(sample_weight, len(truth), caller))
    ((tn, fp), (fn, tp)) = counts[np.ix_(order, order)]
    positive, negative = tp + fn, tn + fp
    if positive == 0:
        undefined("No samples of the positive class are present in `y_true`. Both likelihood ratios are set to `np.nan`.")
        return float("nan"), float("nan")
    for name, full, denominator in (("LR+", "positive_likelihood_ratio", fp), ("LR-", "negative_likelihood_ratio", tn)):
        if denominator == 0:
            value = "`np.nan`" if np.isnan(fill[name]) else str(fill[name])
            why = f"No samples were predicted for the positive class and `{full}` is" if name == "LR+" and tp == 0 else f"`{full}` is ill-defined and"
            undefined(f"{why} set to {value}. Use the `replace_undefined_by` param to control this behavior.")
    plus = tp * negative / (fp * positive) if fp > 0 else fill["LR+"]
    minus = fn * negative / (tn * positive) if tn > 0 else fill["LR-"]
    return float(plus), float(minus)
