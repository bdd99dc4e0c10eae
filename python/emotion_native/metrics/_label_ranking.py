"""How well scores rank the true labels of a row above the others; signatures and results are scikit-learn's."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._threads import effective_n_jobs
from ..exceptions import InvalidInputError
from ._inputs import check_weight, mean_of_rows
from ._labelwise import check_indicator

_COVERAGE, _PRECISION, _LOSS = range(3)


def _mean_of_rows(y_true: Any, y_score: Any, sample_weight: Any, column: int, caller: str) -> float:
    from .. import _core

    truth = check_indicator(y_true, "y_true", caller)
    score = np.ascontiguousarray(y_score, dtype=np.float64)
    if score.shape != truth.shape:
        raise InvalidInputError(f"y_score of {caller} must be of the shape of y_true, {truth.shape}; got {score.shape}")
    if not np.isfinite(score).all():
        raise InvalidInputError(f"y_score of {caller} must be finite; got NaN or infinity")
    weight = check_weight(sample_weight, len(truth), caller)
    rows = _core.label_ranking(truth, score, effective_n_jobs(None))[:, column]
    return mean_of_rows(rows, weight, caller)


def coverage_error(y_true: Any, y_score: Any, *, sample_weight: Any = None) -> float:
    """Return how far down the labels, by score, one has to go on average to meet all true ones; the best value is their mean number.

    Source: Tsoumakas, Katakis & Vlahavas, "Mining multi-label data", 2010. Labels of equal score come together; a row without labels counts 0.

    Examples
    --------
    >>> from emotion_native.metrics import coverage_error
    >>> coverage_error([[1, 0, 0], [0, 0, 1]], [[0.75, 0.5, 1.0], [1.0, 0.2, 0.1]])
    2.5
    """
    return _mean_of_rows(y_true, y_score, sample_weight, _COVERAGE, "coverage_error")


def label_ranking_average_precision_score(y_true: Any, y_score: Any, *, sample_weight: Any = None) -> float:
    """Return the mean over true labels of the share of true ones among the labels scored at least as high; from above 0 to 1.

    Source: Tsoumakas, Katakis & Vlahavas, "Mining multi-label data", 2010. A row in which no label or every label is true counts 1.

    Examples
    --------
    >>> from emotion_native.metrics import label_ranking_average_precision_score
    >>> round(label_ranking_average_precision_score([[1, 0, 0], [0, 0, 1]], [[0.75, 0.5, 1.0], [1.0, 0.2, 0.1]]), 4)
    0.4167
    """
    return _mean_of_rows(y_true, y_score, sample_weight, _PRECISION, "label_ranking_average_precision_score")


def label_ranking_loss(y_true: Any, y_score: Any, *, sample_weight: Any = None) -> float:
    """Return the share of pairs of a true and a false label in which the false one is scored at least as high; lower is better.

    Source: Tsoumakas, Katakis & Vlahavas, "Mining multi-label data", 2010. A row in which no label or every label is true counts 0.

    Examples
    --------
    >>> from emotion_native.metrics import label_ranking_loss
    >>> label_ranking_loss([[1, 0, 0], [0, 0, 1]], [[0.75, 0.5, 1.0], [1.0, 0.2, 0.1]])
    0.75
    """
    return _mean_of_rows(y_true, y_score, sample_weight, _LOSS, "label_ranking_loss")
