"""Scores of a classifier that may abstain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats

from ..exceptions import InvalidInputError
from . import _rates
from ._inputs import Array, Codes, Floats, as_numbers, check_pair, codes_of, union_of
from ._intervals import Interval, _from_line, _to_line, check_level, check_speakers, deleted_scores, jackknife_interval
from ._names import check_measure
from ._statistics import Statistic

_ROWS_AT_ONCE = 1 << 22
_AREAS = ("area_under_risk_coverage", "excess_area_under_risk_coverage")


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


def selective_balanced_accuracy_score(y_true: Any, y_pred: Any, abstained: Any) -> float:
    """Return the mean recall over the classes that have answered rows (UAR of the answers); NaN where none is answered.

    A class whose rows are all given up is left out of the mean: look at the coverage of each class beside it.

    Examples
    --------
    >>> from emotion_native.metrics import selective_balanced_accuracy_score
    >>> selective_balanced_accuracy_score([0, 0, 1, 1], [0, 1, 1, 0], [False, False, False, True])
    0.75
    """
    truth, predicted = check_pair(y_true, y_pred, "selective_balanced_accuracy_score")
    answered = ~_mask(abstained, len(truth), "selective_balanced_accuracy_score")
    recalls = [np.mean(predicted[rows] == label) for label in np.unique(truth) if (rows := answered & (truth == label)).any()]
    return float(np.mean(recalls)) if recalls else float("nan")


def _confidence(confidence: Any, n: int, caller: str) -> Floats:
    """Return one number a row, the lowest for NaN."""
    values = as_numbers(confidence, "confidence", caller)
    if values.shape != (n,):
        raise InvalidInputError(f"confidence of {caller} must be one number a row ({n} rows); got shape {values.shape}")
    return np.where(np.isnan(values), -np.inf, values)


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
    values = _confidence(confidence, len(truth), caller)
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


def _least_area(wrong: float, n: float) -> float:
    """Return the area where all wrong rows come last: the mean over ranks i of max(0, i - right) / i."""
    ranks = np.arange(n - wrong + 1, n + 1)
    return float(np.sum((ranks - (n - wrong)) / ranks) / n)


def excess_area_under_risk_coverage(y_true: Any, y_pred: Any, confidence: Any) -> float:
    """Return by how much the area under the risk-coverage curve exceeds that of the best possible order; lower is better, 0 is perfect.

    The best order gives up all wrong rows before the first right one, so that what is left over measures the confidence alone and not the
    accuracy: Geifman, Uziel & El-Yaniv, "Bias-reduced uncertainty estimation for deep neural classifiers", ICLR 2019, section 3.

    Examples
    --------
    >>> from emotion_native.metrics import excess_area_under_risk_coverage
    >>> excess_area_under_risk_coverage([0, 1, 1], [0, 1, 0], [0.9, 0.8, 0.4])
    0.0
    >>> round(excess_area_under_risk_coverage([0, 1, 1], [0, 1, 0], [0.4, 0.8, 0.9]), 4)
    0.5
    """
    truth, predicted = check_pair(y_true, y_pred, "excess_area_under_risk_coverage")
    area = area_under_risk_coverage(truth, predicted, confidence)
    return max(0.0, area - _least_area(float(np.sum(truth != predicted)), len(truth)))


def selective_interval(
    metric: str,
    y_true: Any,
    y_pred: Any,
    confidence: Any,
    speakers: Any,
    *,
    coverage: float = 1.0,
    level: float = 0.95,
) -> Interval:
    """Return a score of the most confident rows, with an interval over speakers.

    Parameters
    ----------
    metric : str
        ``"error"``, ``"accuracy"``, ``"balanced_accuracy"`` (``"uar"``), ``"macro_f1"``, ``"weighted_f1"``, ``"cohen_kappa"`` or
        ``"matthews_corrcoef"`` of the answered rows; or, over all coverages, ``"area_under_risk_coverage"`` or
        ``"excess_area_under_risk_coverage"``.
    y_true, y_pred : array-like of shape (n_samples,)
    confidence : array-like of shape (n_samples,)
        As in `risk_coverage_curve`.
    speakers : array-like of shape (n_samples,)
    coverage : float
        In (0, 1]: the share of rows to answer, at least; rows of equal confidence come together. The threshold is found anew without each
        speaker, so the interval knows that it was chosen on these rows.
    level : float
        As in `speaker_interval`, whose method this is; areas, which are skewed, take the jackknife's pseudo-values.

    Returns
    -------
    Interval

    Raises
    ------
    InvalidInputError
        If an argument breaks its rule.

    Notes
    -----
    This describes an order of rows. What a model with a threshold of its own answers is another number: `classification_summary` has its coverage
    and its accuracy on answered rows, both with intervals.

    Examples
    --------
    >>> from emotion_native.metrics import selective_interval
    >>> truth, predicted = [0, 1, 1, 0, 1, 0], [0, 1, 0, 0, 1, 1]
    >>> interval = selective_interval("error", truth, predicted, [0.9, 0.8, 0.4, 0.7, 0.9, 0.5], [1, 1, 2, 2, 3, 3], coverage=0.8)
    >>> interval.estimate, interval.n_speakers
    (0.2, 3)
    """
    caller = "selective_interval"
    truth, predicted = check_pair(y_true, y_pred, caller)
    values = _confidence(confidence, len(truth), caller)
    speaker, n_speakers, _ = check_speakers(speakers, len(truth), caller)
    if isinstance(coverage, (bool, np.bool_)) or not isinstance(coverage, (int, float, np.integer, np.floating)) or not 0 < coverage <= 1:
        raise InvalidInputError(f"coverage of {caller} must be above 0 and at most 1; got {coverage!r}")
    ordered = _Ordered(truth, predicted, values, speaker, caller)
    sizes = np.bincount(speaker, minlength=n_speakers).astype(np.float64)
    metric = check_measure(metric, ("error", *_rates.BY_NAME, *_AREAS), "metric", caller)
    if metric in _AREAS:
        statistic = Statistic(lambda weights: ordered.areas(weights, metric == _AREAS[1]), n_speakers, sizes=sizes)
    else:
        low = -1.0 if metric in ("cohen_kappa", "matthews_corrcoef") else 0.0
        statistic = Statistic(lambda weights: ordered.scores(weights, metric, float(coverage)), n_speakers, low, sizes=sizes)
    level = check_level(level, caller)
    return _area_interval(statistic, level, sizes) if metric in _AREAS else jackknife_interval(statistic, level)


def _area_interval(statistic: Statistic, level: float, sizes: Floats) -> Interval:
    """Return the jackknife's own estimate on the logit scale, with the degrees of freedom of (sum n_s)^2 / sum n_s^2 speakers of n_s rows.

    Areas are skewed, and the area of the best order grows faster than the share of wrong rows, so that the excess comes out too small: for them the
    interval of other scores covers less than it says, and so does the bootstrap (``docs/explanation/statistics.md``).
    """
    plain = jackknife_interval(statistic, level)
    estimate = plain.estimate
    if not (0 < estimate < 1 and np.isfinite([plain.low, plain.high]).all()):
        return plain
    deleted, _ = deleted_scores(statistic)
    n = len(deleted)
    own = n * _to_line(np.array([estimate]), 0.0, 1.0) - (n - 1) * _to_line(deleted, 0.0, 1.0)
    effective = float(sizes.sum() ** 2 / np.sum(sizes**2))
    half = float(stats.t.ppf((1.0 + level) / 2.0, max(1.0, effective - 1.0)) * own.std(ddof=1) / np.sqrt(n))
    low, high = (_from_line(float(own.mean()) + side, 0.0, 1.0) for side in (-half, half))
    name = "jackknife over speakers, pseudo-values on the logit scale"
    return Interval(estimate, min(low, estimate), max(high, estimate), statistic.n_speakers, name, level)


class _Ordered:
    """Rows from the most to the least confident, scored under weights of their speakers."""

    def __init__(self, truth: Array, predicted: Array, confidence: Floats, speaker: Codes, caller: str) -> None:
        order = np.argsort(-confidence, kind="stable")
        classes = union_of(truth, predicted, caller=caller)
        self.k = len(classes)
        own, given = codes_of(truth, classes)[order], codes_of(predicted, classes)[order]
        self.cell = own * self.k + given
        self.wrong = (own != given).astype(np.float64)
        self.speaker = speaker[order]
        ranked = confidence[order]
        self.ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))

    def _by_row(self, weights: Floats, score: Callable[[Floats], Floats]) -> Floats:
        """Return the score under each row of speaker weights, 4 million weights of rows at a time."""
        step = max(1, _ROWS_AT_ONCE // len(self.speaker))
        return np.concatenate([score(weights[first : first + step][:, self.speaker]) for first in range(0, len(weights), step)])

    def scores(self, weights: Floats, metric: str, coverage: float) -> Floats:
        """Return the score of the rows answered at a coverage of the weighted rows; NaN without rows."""
        return self._by_row(weights, lambda each: self._score(each, metric, coverage))

    def _score(self, weight: Floats, metric: str, coverage: float) -> Floats:
        answered = np.cumsum(weight, axis=1)[:, self.ends]
        wanted = (coverage - 1e-12) * answered[:, -1:]
        last = self.ends[np.minimum((answered < wanted).sum(axis=1), len(self.ends) - 1)]
        kept = np.where(np.arange(weight.shape[1]) <= last[:, None], weight, 0.0)
        cells = np.stack([kept[:, self.cell == cell].sum(axis=1) for cell in range(self.k * self.k)], axis=1)
        counts = cells.reshape(-1, self.k, self.k)
        values = 1.0 - _rates.accuracy(counts, self.k) if metric == "error" else _rates.BY_NAME[metric](counts, self.k)
        return np.asarray(np.where(answered[:, -1] > 0, values, np.nan))

    def areas(self, weights: Floats, excess: bool) -> Floats:
        """Return the area under the risk-coverage curve of the weighted rows, or its excess; NaN without rows."""
        return self._by_row(weights, lambda each: self._area(each, excess))

    def _area(self, weight: Floats, excess: bool) -> Floats:
        answered, wrong = np.cumsum(weight, axis=1)[:, self.ends], np.cumsum(weight * self.wrong, axis=1)[:, self.ends]
        n = answered[:, -1]
        risk = wrong / np.where(answered > 0, answered, 1.0)
        area = (np.diff(answered, prepend=0.0, axis=1) * risk).sum(axis=1) / np.where(n > 0, n, 1.0)
        if excess:
            area = np.maximum(0.0, area - [_least_area(float(w), float(m)) if m > 0 else 0.0 for w, m in zip(wrong[:, -1], n, strict=True)])
        return np.asarray(np.where(n > 0, area, np.nan))
