"""Scores as functions of confusion counts, for one matrix or a stack of them (bootstrap replicates, deleted speakers).

Counts have shape (…, k, k), true class before predicted class. ``n_classes`` says how many leading rows are real classes: a last row and
column for failed clips takes part in totals but is no class. A class without rows in the matrix is left out of means over classes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def _ratio(a: Floats, b: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(b > 0, a / np.where(b > 0, b, 1.0), np.nan))


def _nanmean(values: Floats) -> Floats:
    known = ~np.isnan(values)
    return _ratio(np.where(known, values, 0.0).sum(axis=-1), known.sum(axis=-1).astype(np.float64))


def hits(counts: Floats, n_classes: int) -> Floats:
    """Return the diagonal, real classes only."""
    return np.diagonal(counts, axis1=-2, axis2=-1)[..., :n_classes]


def recall(counts: Floats, n_classes: int) -> Floats:
    """Return the recall of each class; NaN without rows of it."""
    return _ratio(hits(counts, n_classes), counts.sum(axis=-1)[..., :n_classes])


def precision(counts: Floats, n_classes: int) -> Floats:
    """Return the precision of each class; NaN where it is never predicted."""
    return _ratio(hits(counts, n_classes), counts.sum(axis=-2)[..., :n_classes])


def f1(counts: Floats, n_classes: int) -> Floats:
    """Return F1 of each class; NaN where it neither occurs nor is predicted."""
    return _ratio(2.0 * hits(counts, n_classes), counts.sum(axis=-1)[..., :n_classes] + counts.sum(axis=-2)[..., :n_classes])


def accuracy(counts: Floats, n_classes: int) -> Floats:
    """Return the share of right rows."""
    return _ratio(hits(counts, n_classes).sum(axis=-1), counts.sum(axis=(-2, -1)))


def balanced_accuracy(counts: Floats, n_classes: int) -> Floats:
    """Return the mean recall over classes (UAR)."""
    return _nanmean(recall(counts, n_classes))


def macro_f1(counts: Floats, n_classes: int) -> Floats:
    """Return the mean F1 over classes."""
    return _nanmean(f1(counts, n_classes))


def weighted_f1(counts: Floats, n_classes: int) -> Floats:
    """Return the mean F1 weighted by true rows."""
    support = counts.sum(axis=-1)[..., :n_classes]
    return _ratio((np.nan_to_num(f1(counts, n_classes)) * support).sum(axis=-1), support.sum(axis=-1))


def kappa(counts: Floats, n_classes: int) -> Floats:
    """Return Cohen's kappa; NaN where chance agreement is 1."""
    total = counts.sum(axis=(-2, -1))
    chance = (counts.sum(axis=-1) * counts.sum(axis=-2)).sum(axis=-1)
    return _ratio(hits(counts, n_classes).sum(axis=-1) * total - chance, total * total - chance)


def matthews(counts: Floats, n_classes: int) -> Floats:
    """Return the multi-class correlation coefficient; 0 where truth or prediction is constant."""
    true, predicted = counts.sum(axis=-1), counts.sum(axis=-2)
    total = counts.sum(axis=(-2, -1))
    covariance = hits(counts, n_classes).sum(axis=-1) * total - (true * predicted).sum(axis=-1)
    variance_true, variance_predicted = (total**2 - (margin**2).sum(axis=-1) for margin in (true, predicted))
    constant = np.minimum(variance_true, variance_predicted) <= 1e-13 * total**2  # rounding of fractional weights, not variance
    variance = np.where(constant, 0.0, variance_true * variance_predicted)
    return np.asarray(np.nan_to_num(_ratio(covariance, np.sqrt(np.maximum(variance, 0.0)))))


BY_NAME: dict[str, Callable[[Floats, int], Any]] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "uar": balanced_accuracy,
    "macro_f1": macro_f1,
    "weighted_f1": weighted_f1,
    "cohen_kappa": kappa,
    "matthews_corrcoef": matthews,
}
