"""Discounted gains of a ranking; signatures and results are scikit-learn's."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..exceptions import InvalidInputError
from ._inputs import Floats, check_weight, mean_of_rows


def _matrices(y_true: Any, y_score: Any, k: Any, caller: str) -> tuple[Floats, Floats]:
    """Return gains and scores, one row a ranking, of one shape."""
    gain, score = (_finite(values, name, caller) for values, name in ((y_true, "y_true"), (y_score, "y_score")))
    if gain.ndim != 2 or gain.shape[0] == 0 or gain.shape[1] < 2:
        raise InvalidInputError(f"y_true of {caller} must be of shape (n_samples, n_labels) with at least 2 labels; got {gain.shape}")
    if score.shape != gain.shape:
        raise InvalidInputError(f"y_score of {caller} must be of the shape of y_true, {gain.shape}; got {score.shape}")
    if k is not None and (isinstance(k, (bool, np.bool_)) or not isinstance(k, (int, np.integer)) or k < 1):
        raise InvalidInputError(f"k of {caller} must be an integer of at least 1, or None; got {k!r}")
    return gain, score


def _finite(values: Any, parameter: str, caller: str) -> Floats:
    try:
        matrix = np.ascontiguousarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInputError(f"{parameter} of {caller} must be numbers, one row a ranking; got {values!r:.80}") from None
    if not np.isfinite(matrix).all():
        raise InvalidInputError(f"{parameter} of {caller} must be finite; got NaN or infinity")
    return matrix


def _gains_of_rows(gain: Floats, score: Floats, k: int | None, log_base: float, ignore_ties: bool) -> Floats:
    """Return the discounted gain of each row; labels of equal score share the mean gain of their places. O(rows labels log labels)."""
    n, m = gain.shape
    discount = np.log(log_base) / np.log(np.arange(m) + 2.0)
    if k is not None:
        discount[k:] = 0.0
    order = np.argsort(score, axis=1, kind="stable")[:, ::-1]
    ranked = np.take_along_axis(gain, order, axis=1)
    if ignore_ties:
        return np.asarray(ranked @ discount)
    scores = np.take_along_axis(score, order, axis=1)
    first = np.ones((n, m), dtype=bool)
    first[:, 1:] = scores[:, 1:] != scores[:, :-1]
    block = np.cumsum(first.ravel()) - 1
    size, total, share = (np.bincount(block, weights=v) for v in (np.ones(n * m), ranked.ravel(), np.tile(discount, n)))
    row_of_block = np.flatnonzero(first.ravel()) // m
    return np.bincount(row_of_block, weights=total / size * share, minlength=n).astype(np.float64)


def dcg_score(
    y_true: Any, y_score: Any, *, k: int | None = None, log_base: float = 2, sample_weight: Any = None, ignore_ties: bool = False
) -> float:
    """Return the discounted cumulative gain: gains in the order of the scores, each over the logarithm of its rank plus 1, averaged over rows.

    Parameters
    ----------
    y_true : array-like of shape (n_samples, n_labels)
        Gains: 0 and 1 for labels, or any numbers.
    y_score : array-like of shape (n_samples, n_labels)
    k : int, optional
        Count the first ``k`` places only.
    log_base : float
        Base of the discount; smaller is sharper.
    sample_weight : array-like of shape (n_samples,), optional
    ignore_ties : bool
        Take labels of equal score in some order instead of the mean over all orders.

    Raises
    ------
    InvalidInputError
        If an argument breaks its rule.

    Notes
    -----
    Järvelin & Kekäläinen, "Cumulated gain-based evaluation of IR techniques", 2002; ties: McSherry & Najork, "Computing information retrieval
    performance measures efficiently in the presence of tied scores", 2008.

    Examples
    --------
    >>> from emotion_native.metrics import dcg_score
    >>> dcg_score([[3, 2, 0]], [[0.9, 0.1, 0.4]])
    4.0
    """
    caller = "dcg_score"
    gain, score = _matrices(y_true, y_score, k, caller)
    if isinstance(log_base, (bool, np.bool_)) or not log_base > 0 or log_base == 1:
        raise InvalidInputError(f"log_base of {caller} must be above 0 and not 1; got {log_base!r}")
    weight = check_weight(sample_weight, len(gain), caller)
    return mean_of_rows(_gains_of_rows(gain, score, k, float(log_base), ignore_ties), weight, caller)


def ndcg_score(y_true: Any, y_score: Any, *, k: int | None = None, sample_weight: Any = None, ignore_ties: bool = False) -> float:
    """Return the discounted cumulative gain over that of the best order, averaged over rows; from 0 to 1.

    Arguments as in `dcg_score`; gains must not be negative. A row without any gain counts 0.

    Examples
    --------
    >>> from emotion_native.metrics import ndcg_score
    >>> round(ndcg_score([[3, 2, 0]], [[0.9, 0.1, 0.4]]), 4)
    0.9386
    """
    caller = "ndcg_score"
    gain, score = _matrices(y_true, y_score, k, caller)
    if gain.min() < 0:
        raise InvalidInputError(f"y_true of {caller} must be free of negative y_true values; got {float(gain.min())!r}")
    weight = check_weight(sample_weight, len(gain), caller)
    found, best = _gains_of_rows(gain, score, k, 2.0, ignore_ties), _gains_of_rows(gain, gain, k, 2.0, ignore_ties=True)
    share = np.divide(found, best, out=np.zeros_like(found), where=best > 0)
    return mean_of_rows(share, weight, caller)
