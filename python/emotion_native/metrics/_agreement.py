"""How far raters agree about clips, beyond chance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from .._remedies import is_missing
from ..exceptions import InvalidInputError
from ._inputs import Floats, as_numbers
from ._labelwise import undefined

_PAIRS_AT_ONCE = 1_000_000  # of different values: their full matrix would take 80 GB for 100,000 of them


def fleiss_kappa(table: Any) -> float:
    """Return Fleiss' kappa of several raters, who need not be the same for every clip.

    Parameters
    ----------
    table : array-like of shape (n_subjects, n_categories)
        How many raters put each subject (clip) into each category; the same number of raters, at least two, for all.

    Returns
    -------
    float
        1: complete agreement; 0: as by chance. NaN, with a warning, where everybody used one category only.

    Raises
    ------
    InvalidInputError
        If an argument breaks its rule.

    Notes
    -----
    Fleiss, "Measuring nominal scale agreement among many raters", Psychological Bulletin 1971. For missing ratings take `krippendorff_alpha`.

    Examples
    --------
    >>> from emotion_native.metrics import fleiss_kappa
    >>> round(fleiss_kappa([[3, 0], [2, 1], [0, 3]]), 4)
    0.55
    """
    counts = as_numbers(table, "table", "fleiss_kappa")
    if counts.ndim != 2 or counts.size == 0 or not np.isfinite(counts).all() or (counts < 0).any() or (counts != np.floor(counts)).any():
        raise InvalidInputError(f"table of fleiss_kappa must be counts of shape (n_subjects, n_categories); got shape {counts.shape}")
    raters = counts.sum(axis=1)
    if raters[0] < 2 or (raters != raters[0]).any():
        raise InvalidInputError(
            f"table of fleiss_kappa must have the same number of ratings in every row, at least 2; got {np.unique(raters).tolist()!r:.80}"
        )
    n = float(raters[0])
    observed = float(np.mean((np.sum(counts**2, axis=1) - n) / (n * (n - 1.0))))
    expected = float(np.sum((counts.sum(axis=0) / counts.sum()) ** 2))
    if expected == 1.0:
        undefined("kappa is undefined where all ratings are of one category; it is set to NaN", depth=3)
        return float("nan")
    return (observed - expected) / (1.0 - expected)


def krippendorff_alpha(ratings: Any, *, level_of_measurement: str = "nominal") -> float:
    """Return Krippendorff's alpha: agreement of any number of raters, with missing ratings, on four kinds of scales.

    Parameters
    ----------
    ratings : array-like of shape (n_raters, n_subjects)
        Values or labels; None or NaN where a rater did not rate. Subjects (clips) with fewer than two ratings do not count.
    level_of_measurement : {"nominal", "ordinal", "interval", "ratio"}
        Nominal: labels without order. The others need numbers; ordinal uses their order only.

    Returns
    -------
    float
        1: complete agreement; 0: as by chance; below 0: systematic disagreement. NaN, with a warning, where all ratings are equal.

    Raises
    ------
    InvalidInputError
        If an argument breaks its rule, or no subject has two ratings.

    Notes
    -----
    Krippendorff, "Computing Krippendorff's alpha-reliability", 2011: alpha = 1 - D_o / D_e from the matrix of coincidences, in which a
    subject with m ratings enters m (m - 1) ordered pairs of weight 1 / (m - 1).

    Examples
    --------
    >>> from emotion_native.metrics import krippendorff_alpha
    >>> round(krippendorff_alpha([["joy", "joy", "anger", None], ["joy", "anger", "anger", "joy"]]), 4)
    0.4444
    """
    caller = "krippendorff_alpha"
    if level_of_measurement not in ("nominal", "ordinal", "interval", "ratio"):
        raise InvalidInputError(f"level_of_measurement of {caller} must be nominal, ordinal, interval or ratio; got {level_of_measurement!r}")
    values = np.asarray(ratings, dtype=object)
    if values.ndim != 2 or values.size == 0:
        raise InvalidInputError(f"ratings of {caller} must be of shape (n_raters, n_subjects); got shape {values.shape}")
    known = np.array([[not is_missing(value) for value in row] for row in values.tolist()])
    texts = {isinstance(value, (str, bytes)) for value in values[known].tolist()}
    try:
        if len(texts) > 1:
            raise TypeError
        scale, codes = np.unique(np.asarray(values[known].tolist()) if known.any() else np.empty(0), return_inverse=True)
    except (TypeError, ValueError):
        raise InvalidInputError(f"ratings of {caller} must be of one sortable kind; got a mix") from None
    if level_of_measurement != "nominal" and scale.dtype.kind not in "biuf":
        raise InvalidInputError(f"ratings of {caller} must be numbers for the level {level_of_measurement!r}; got labels")
    if scale.dtype.kind == "f" and not np.isfinite(scale).all():
        raise InvalidInputError(f"ratings of {caller} must be finite; got infinity")
    if level_of_measurement == "ratio" and len(scale) and scale[0] < 0:
        raise InvalidInputError(f"ratings of {caller} must not be negative on a ratio scale, whose zero means none; got {scale[0]}")
    paired = known.sum(axis=0) >= 2
    if not paired.any():
        raise InvalidInputError(f"ratings of {caller} must have at least one subject with two ratings; got none")
    places = (np.nonzero(known)[1], codes)
    counts = sparse.csr_array((np.ones(len(codes)), places), shape=(values.shape[1], len(scale)))[paired]  # equal ratings add up
    share = sparse.diags_array(1.0 / (counts.sum(axis=1) - 1.0)) @ counts
    coincidences = (share.T @ counts - sparse.diags_array(share.sum(axis=0))).tocoo()
    margin = np.asarray(coincidences.sum(axis=1))
    gap = _squared_gap(scale, margin, level_of_measurement)
    every = np.arange(len(scale))
    step = max(1, _PAIRS_AT_ONCE // len(scale))
    expected = sum(float(margin[rows] @ (gap(rows[:, None], every) @ margin)) for rows in np.array_split(every, -(-len(scale) // step)))
    if expected == 0:
        undefined("alpha is undefined where all ratings are equal; it is set to NaN", depth=3)
        return float("nan")
    observed = float(np.sum(coincidences.data * gap(coincidences.row, coincidences.col)))
    return 1.0 - (float(margin.sum()) - 1.0) * observed / expected


def _squared_gap(scale: Any, margin: Floats, level: str) -> Callable[[Any, Any], Floats]:
    """Return the squared difference of values of the scale, given by their positions."""
    if level == "nominal":
        return lambda a, b: np.asarray(a != b, dtype=np.float64)
    if level == "ordinal":  # the number of ratings between two values, each end counting half
        middle = np.cumsum(margin) - margin / 2.0
        return lambda a, b: np.asarray((middle[a] - middle[b]) ** 2)
    value = scale.astype(np.float64)
    if level == "interval":
        return lambda a, b: np.asarray((value[a] - value[b]) ** 2)

    def relative(a: Any, b: Any) -> Floats:
        total = value[a] + value[b]
        return np.asarray(((value[a] - value[b]) / np.where(total != 0, total, 1.0)) ** 2)

    return relative
