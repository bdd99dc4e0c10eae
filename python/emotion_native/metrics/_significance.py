"""Tests and power for differences between two models."""

from __future__ import annotations

import math
import numbers
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import optimize, stats

from ..exceptions import InvalidInputError
from ._inputs import Floats, as_numbers, check_pair
from ._intervals import check_level
from ._labelwise import right_rows


@dataclass(frozen=True)
class McNemarResult:
    """McNemar's test.

    Attributes
    ----------
    only_a, only_b : int
        Rows that only the first, or only the second, got right.
    p_value : float
        Two-sided.
    method : str
    """

    only_a: int
    only_b: int
    p_value: float
    method: str

    def to_dict(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return asdict(self)


def mcnemar_test(y_true: Any, y_pred_a: Any, y_pred_b: Any, *, method: str = "mid-p") -> McNemarResult:
    """Compare two models row by row: of the rows that one of them got right, how many would be the first's by chance?

    It takes rows for independent. Clips of one speaker are not: with several clips a speaker its false alarms are above its level (a test
    measures it), and `paired_speaker_test` is the one to report. McNemar's is right where each speaker has one clip.

    Parameters
    ----------
    y_true, y_pred_a, y_pred_b : array-like of shape (n_samples,)
    method : {"mid-p", "exact"}
        The mid-p version is closer to its level, which the exact conditional one stays well below (Fagerland, Lydersen & Laake, "The McNemar
        test for binary matched-pairs data: mid-p and asymptotic are better than exact conditional", 2013).

    Returns
    -------
    McNemarResult

    Raises
    ------
    InvalidInputError
        If an argument breaks its rule.

    Examples
    --------
    >>> from emotion_native.metrics import mcnemar_test
    >>> result = mcnemar_test([1] * 8, [1] + [0] * 7, [0] + [1] * 7)
    >>> result.only_a, result.only_b, round(result.p_value, 4)
    (1, 7, 0.0391)
    """
    caller = "mcnemar_test"
    if method not in ("mid-p", "exact"):
        raise InvalidInputError(f"method of {caller} must be 'mid-p' or 'exact'; got {method!r}")
    check_pair(y_pred_a, y_pred_b, caller)
    a, b = right_rows(y_true, y_pred_a, caller), right_rows(y_true, y_pred_b, caller)
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    n, few = only_a + only_b, min(only_a, only_b)
    p = 2.0 * float(stats.binom.cdf(few, n, 0.5))
    if method == "mid-p":
        p -= float(stats.binom.pmf(few, n, 0.5))
    return McNemarResult(only_a, only_b, min(1.0, p), method)


def holm_correction(p_values: Any) -> Floats:
    """Return p-values corrected for their number, so that the chance of any false alarm stays below the level.

    Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 1979: the i-th smallest of m is
    multiplied by m - i + 1, and none gets smaller than the one before it. NaN (no test) stays NaN and does not count.

    Examples
    --------
    >>> from emotion_native.metrics import holm_correction
    >>> holm_correction([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    p = as_numbers(p_values, "p_values", "holm_correction")
    known = ~np.isnan(p) if p.ndim == 1 else np.zeros(0, dtype=bool)
    if p.ndim != 1 or (p[known] < 0).any() or (p[known] > 1).any():
        raise InvalidInputError(f"p_values of holm_correction must be numbers from 0 to 1; got {p_values!r:.80}")
    order = np.argsort(p[known], kind="stable")
    steps = np.minimum(1.0, np.maximum.accumulate(p[known][order] * np.arange(len(order), 0, -1)))
    corrected = np.full(len(p), np.nan)
    corrected[np.flatnonzero(known)[order]] = steps
    return corrected


def least_p_value(n_speakers: int) -> float:
    """Return the smallest two-sided p-value that a sign-flip test over so many speakers can give."""
    return float(2.0 ** (1 - n_speakers)) if n_speakers > 0 else 1.0


def _power_by_quadrature(limit: float, degrees: int, shift: float) -> float:
    """Return the power of a two-sided t test where scipy's noncentral t gives up: the mean over equally likely standard deviations."""
    middle = (np.arange(20_000) + 0.5) / 20_000
    scale = limit * np.sqrt(stats.chi2.ppf(middle, degrees) / degrees)
    return float(np.mean(stats.norm.sf(scale - shift) + stats.norm.cdf(-scale - shift)))


def detectable_difference(standard_deviation: float, n_speakers: int, *, level: float = 0.95, power: float = 0.8) -> float:
    """Return the difference between two models that a paired comparison over speakers would find with the given probability.

    From the noncentral t distribution of the paired t test, which the sign-flip test follows closely. Infinite where there are so few speakers
    that no result can be significant: n speakers have 2^n sign assignments, so p cannot be below 2^(1 - n), and five or fewer never reach .05.

    Parameters
    ----------
    standard_deviation : float
        Of the difference between speakers: the standard error of the mean difference times the root of the number of speakers.
    n_speakers : int
    level : float
        1 - the rate of false alarms.
    power : float
        Probability to find the difference.

    Returns
    -------
    float
        In the unit of ``standard_deviation``.

    Raises
    ------
    InvalidInputError
        If an argument breaks its rule.

    Examples
    --------
    >>> from emotion_native.metrics import detectable_difference
    >>> round(detectable_difference(0.1, 24), 3), detectable_difference(0.1, 5)
    (0.06, inf)
    """
    caller = "detectable_difference"
    alpha = 1.0 - check_level(level, caller)
    if not isinstance(power, numbers.Real) or not 0 < power < 1:
        raise InvalidInputError(f"power of {caller} must be between 0 and 1; got {power!r}")
    if isinstance(n_speakers, (bool, np.bool_)) or not isinstance(n_speakers, (int, np.integer)) or n_speakers < 1:
        raise InvalidInputError(f"n_speakers of {caller} must be an integer of at least 1; got {n_speakers!r}")
    if not isinstance(standard_deviation, numbers.Real) or not (math.isfinite(standard_deviation) and standard_deviation >= 0):
        raise InvalidInputError(f"standard_deviation of {caller} must be finite and not negative; got {standard_deviation!r}")
    n = int(n_speakers)
    if n < 2 or least_p_value(n) > alpha * (1 + 1e-12) or power <= alpha:
        return math.inf if n < 2 or power > alpha else 0.0
    limit = float(stats.t.ppf(1.0 - alpha / 2.0, n - 1))

    def lacking(shift: float) -> float:
        found = float(stats.nct.sf(limit, n - 1, shift) + stats.nct.cdf(-limit, n - 1, shift))
        return (_power_by_quadrature(limit, n - 1, shift) if math.isnan(found) else found) - power

    high = limit + 1.0
    while lacking(high) < 0:
        high *= 2.0
    return float(optimize.brentq(lacking, 0.0, high, xtol=1e-10)) / math.sqrt(n) * float(standard_deviation)
