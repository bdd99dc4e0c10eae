"""Scores as functions of speaker weights: what the jackknife deletes and the bootstrap repeats.

A statistic takes weights of shape (replicates, speakers) and returns one value a replicate. Weight 1 for all is the sample itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .._threads import effective_n_jobs
from ..exceptions import InvalidInputError
from . import _rates
from ._calibration_error import default_bins
from ._inputs import NO_WEIGHT, Array, Codes, Floats, check_pair, check_probabilities, classes_of_columns, codes_of, union_of, warn_rows
from ._names import check_measure
from ._probabilistic import row_brier, row_log_loss, row_top_k


@dataclass(frozen=True)
class Statistic:
    """A score as a function of speaker weights, with the interval that its values can take.

    ``sizes``: how much each speaker counts (rows, or their weight); None: all alike. ``positive``: the score is never 0, and its logarithm is nearer
    to a normal distribution than the score.
    """

    values: Callable[[Floats], Floats]
    n_speakers: int
    low: float = 0.0
    high: float = 1.0
    sizes: Floats | None = None
    positive: bool = False


def of_counts(counts: Floats, name: str, n_classes: int) -> Statistic:
    """Return a score of confusion counts (speakers, k, k)."""
    speakers, k, _ = counts.shape
    flat = np.ascontiguousarray(counts.reshape(speakers, k * k))
    rate = _rates.BY_NAME[name]

    def values(weights: Floats) -> Floats:
        return np.asarray(rate((weights @ flat).reshape(len(weights), k, k), n_classes), dtype=np.float64)

    return Statistic(values, speakers, low=-1.0 if name in ("cohen_kappa", "matthews_corrcoef") else 0.0, sizes=flat.sum(axis=1))


def of_row_means(row_values: Floats, speaker: Codes, n_speakers: int, *, row_weight: Floats | None = None, high: float = 1.0) -> Statistic:
    """Return the (weighted) mean of one value a row, none of them negative; without an upper bound all are positive."""
    weight = np.ones(len(row_values)) if row_weight is None else row_weight
    sums = np.bincount(speaker, weights=row_values * weight, minlength=n_speakers)
    sizes: Floats = np.bincount(speaker, weights=weight, minlength=n_speakers).astype(np.float64)

    def values(weights: Floats) -> Floats:
        size = weights @ sizes
        return np.asarray(np.where(size > 0, (weights @ sums) / np.where(size > 0, size, 1.0), np.nan))

    return Statistic(values, n_speakers, high=high, sizes=sizes, positive=math.isinf(high))


def of_calibration(confidence: Floats, correct: npt.NDArray[np.uint8], speaker: Codes, n_speakers: int, n_bins: int | None = None) -> Statistic:
    """Return the debiased expected calibration error in the bins of the whole sample; clipped to [0, 1] only in the end.

    The bins stay where they are when speakers are deleted: edges that move with them make the score jump, and the intervals far too wide.
    """
    from .. import _core

    bins = default_bins(len(confidence)) if n_bins is None else n_bins
    table = _core.cluster_bins(confidence, correct, np.ascontiguousarray(speaker), n_speakers, bins)

    def values(weights: Floats) -> Floats:
        errors: Floats = _core.calibration_errors(table, np.ascontiguousarray(weights, dtype=np.float64), effective_n_jobs(None))
        return errors

    return Statistic(values, n_speakers, high=float("inf"), sizes=np.bincount(speaker, minlength=n_speakers).astype(np.float64))


def of_callable(metric: Callable[[Any, Any], float], truth: Array, predicted: Array, speaker: Codes, n_speakers: int) -> Statistic:
    """Return any score of (y_true, y_pred); rows of a speaker with weight w are repeated w times."""

    def values(weights: Floats) -> Floats:
        out = np.empty(len(weights))
        for r, row in enumerate(weights):
            rows = np.repeat(np.arange(len(truth)), row[speaker].astype(np.int64))
            out[r] = float(metric(truth[rows], predicted[rows])) if len(rows) else np.nan
        return out

    return Statistic(values, n_speakers, low=-np.inf, high=np.inf, sizes=np.bincount(speaker, minlength=n_speakers).astype(np.float64))


_PROBABILITY_SCORES = ("log_loss", "brier", "top_2_accuracy", "top_3_accuracy", "expected_calibration_error")


def speaker_counts(truth: Codes, predicted: Codes, speaker: Codes, n_speakers: int, k: int) -> Floats:
    """Return confusion counts of each speaker, (speakers, k, k)."""
    from .. import _core

    counts: Floats = _core.confusion_counts(truth, predicted, k, NO_WEIGHT, np.ascontiguousarray(speaker), n_speakers)
    return counts


def of_metric(metric: Any, y_true: Any, y_pred: Any, speaker: Codes, n_speakers: int, labels: Any, caller: str) -> Statistic:
    """Return the statistic of a metric's name or of a callable."""
    if callable(metric):
        truth, predicted = np.asarray(y_true), np.asarray(y_pred)
        if len(truth) != len(predicted):
            raise InvalidInputError(f"y_pred of {caller} must be as long as y_true, {len(truth)}; got {len(predicted)}")
        return of_callable(metric, truth, predicted, speaker, n_speakers)
    metric = check_measure(metric, (*_rates.BY_NAME, *_PROBABILITY_SCORES), "metric", caller, "a callable or one of")
    if metric in _rates.BY_NAME:
        truth, predicted = check_pair(y_true, _as_labels(y_true, y_pred, labels, caller), caller)
        classes = union_of(truth, predicted, *([] if labels is None else [np.asarray(labels)]), caller=caller)
        counts = speaker_counts(codes_of(truth, classes), codes_of(predicted, classes), speaker, n_speakers, len(classes))
        return of_counts(counts, metric, len(classes))
    truth = np.asarray(y_true)
    classes = classes_of_columns(truth, labels, caller)
    codes = codes_of(truth, classes)
    if (codes < 0).any():
        raise InvalidInputError(f"labels of {caller} must hold every label of y_true; {truth[np.argmax(codes < 0)]!r} is missing")
    proba = check_probabilities(y_pred, "y_pred", caller, n=len(codes), k=len(classes))
    warn_rows(proba, caller, rounded=1e-3)
    if metric == "expected_calibration_error":
        correct = (np.argmax(proba, axis=1) == codes).astype(np.uint8)
        return of_calibration(np.ascontiguousarray(proba.max(axis=1)), correct, speaker, n_speakers)
    if metric == "log_loss":
        return of_row_means(row_log_loss(codes, proba), speaker, n_speakers, high=float("inf"))
    if metric == "brier":
        return of_row_means(row_brier(codes, proba), speaker, n_speakers, high=2.0)
    return of_row_means(row_top_k(codes, proba, int(metric[4])), speaker, n_speakers)


def _as_labels(y_true: Any, y_pred: Any, labels: Any, caller: str) -> Any:
    """Return labels; a matrix of probabilities becomes its top labels."""
    predicted = np.asarray(y_pred)
    if predicted.ndim != 2 or predicted.shape[1] < 2:
        return predicted
    classes = classes_of_columns(np.asarray(y_true), labels, caller)
    return classes[np.argmax(check_probabilities(predicted, "y_pred", caller, n=len(predicted), k=len(classes)), axis=1)]
