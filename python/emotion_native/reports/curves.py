"""Reliability diagrams and risk-coverage curves."""

from __future__ import annotations

import reprlib
from typing import TYPE_CHECKING

import numpy as np

from ..exceptions import InvalidInputError
from .style import BLUE, MUTED, ORANGE, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray

__all__ = ["reliability_figure", "risk_coverage_figure"]

_ROUNDING = 1e-6  # sums of float32 probabilities exceed 1 by less


def _pair(confidence: ArrayLike, correct: ArrayLike, caller: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the confidence and the rightness of each prediction."""
    try:
        score, right = np.asarray(confidence), np.asarray(correct)
    except ValueError as error:
        raise InvalidInputError(f"confidence and correct of {caller} must be one value a prediction; got sequences of different lengths") from error
    if score.dtype.kind not in "biuf" and score.size:
        raise InvalidInputError(f"confidence of {caller} must be numbers from 0 to 1; got values of type {score.dtype}")
    if score.ndim != 1 or score.shape != right.shape:
        raise InvalidInputError(f"confidence of {caller} must be 1-D and as long as correct; got shapes {score.shape} and {right.shape}")
    if not np.all(np.isfinite(score)):
        raise InvalidInputError(f"confidence of {caller} must be finite; got NaN or infinity")
    outside = score[(score < -_ROUNDING) | (score > 1 + _ROUNDING)]
    if outside.size:
        raise InvalidInputError(f"confidence of {caller} must be from 0 to 1 (the probability of the predicted class); got {outside[0]:g}")
    known = right.dtype.kind in "biuf" and np.isin(right, (0, 1))
    if right.size and not np.all(known):
        first = right[0] if right.dtype.kind not in "biuf" else right[~known][0]
        rule = "whether each prediction is right (booleans, or 0 and 1), such as predicted == label"
        raise InvalidInputError(f"correct of {caller} must be {rule}; got {reprlib.repr(first.item() if isinstance(first, np.generic) else first)}")
    return score.astype(np.float64), right.astype(bool)


@styled
def reliability_figure(
    confidence: ArrayLike, correct: ArrayLike, *, before: tuple[ArrayLike, ArrayLike] | None = None, n_bins: int = 8, subtitle: str = ""
) -> Figure:
    """Draw how often predictions of a confidence are right, in bins of equal count, beside the number of clips in each.

    Parameters
    ----------
    confidence : array of float, shape (n,)
        Calibrated probability of the predicted class, from 0 to 1; rows as they are, not the bins of `emotion_native.metrics.reliability_curve`.
    correct : array of bool (or of 0 and 1), shape (n,)
        Whether the prediction was right.
    before : (confidence, correct) or None
        The same before calibration, drawn beside it.
    n_bins : int
        Greatest number of bins; fewer for few rows (at least 10 a bin).

    Raises
    ------
    InvalidInputError
        If ``confidence`` or ``correct`` breaks its rule.

    Examples
    --------
    >>> from emotion_native.reports import reliability_figure
    >>> figure = reliability_figure([0.6, 0.9, 0.8, 0.7], [True, True, True, False])
    """
    score, right = _pair(confidence, correct, "reliability_figure")
    figure, axes = new_figure(5.4, 4.6)
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    axes.annotate("confidence = accuracy", (0.05, 0.065), rotation=42, rotation_mode="anchor", color=MUTED, fontsize=8)
    if before is not None:
        _reliability_dots(axes, *_pair(*before, "reliability_figure (before)"), n_bins, ORANGE, "s", "before calibration", counted=False)
    _reliability_dots(axes, score, right, n_bins, BLUE, "o", "calibrated", counted=True)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.06), xlabel="Confidence" if before is not None else "Confidence (calibrated)", ylabel="Share that is right")
    axes.grid(True)
    figure.suptitle("Reliability", x=0.02, ha="left", fontsize=12, fontweight="bold")
    note = "Dot: a bin of equal count (number above); bar: 95 % Wilson interval, clips taken as independent."
    axes.set_title("\n".join(filter(None, [subtitle, note])), fontsize=7.5, fontweight="normal", color=MUTED, pad=6)
    if before is not None and len(score):
        figure.legend(loc="outside lower left", fontsize=8, ncols=2)
    return figure


def _reliability_dots(
    axes: Axes, score: NDArray[np.float64], right: NDArray[np.bool_], n_bins: int, colour: str, marker: str, label: str, *, counted: bool
) -> None:
    """Draw one dot and its interval a bin of equal count."""
    bins = max(1, min(n_bins, len(score) // 10)) if len(score) else 0
    order = np.argsort(score, kind="stable")
    for number, part in enumerate(np.array_split(order, bins) if bins else []):
        n, hits, mean = len(part), int(right[part].sum()), float(score[part].mean())
        low, high = _wilson(hits, n)
        axes.plot([mean, mean], [low, high], color=colour, linewidth=1.6, alpha=0.55)
        axes.plot(mean, hits / n, marker=marker, markersize=7 if counted else 5, color=colour, linestyle="none", label=label if number == 0 else None)
        if counted:
            axes.annotate(f"{n}", (mean, high), textcoords="offset points", xytext=(0, 4), ha="center", fontsize=7.5, color=MUTED)


def _wilson(hits: int, n: int) -> tuple[float, float]:
    z = 1.959963984540054
    centre = (hits + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * float(np.sqrt(hits * (n - hits) / n + z * z / 4))
    return max(0.0, centre - half), min(1.0, centre + half)


@styled
def risk_coverage_figure(coverage: ArrayLike, risk: ArrayLike, *, operating_point: tuple[float, float] | None = None, subtitle: str = "") -> Figure:
    """Draw the error rate among answered clips against the share of clips answered.

    Parameters
    ----------
    coverage, risk : array of float, shape (m,)
        Points of the curve, as from `emotion_native.metrics.risk_coverage_curve`.
    operating_point : (coverage, risk) or None
        Where the nested thresholds came out.

    Examples
    --------
    >>> from emotion_native.reports import risk_coverage_figure
    >>> figure = risk_coverage_figure([0.5, 1.0], [0.1, 0.3], operating_point=(0.8, 0.2))
    """
    x, y = np.asarray(coverage, dtype=np.float64), np.asarray(risk, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise InvalidInputError(f"coverage of risk_coverage_figure must be 1-D and as long as risk; got shapes {x.shape} and {y.shape}")
    figure, axes = new_figure(5.4, 4.2)
    if len(x):
        axes.plot(x, y, color=BLUE, linewidth=2, label="answers given in order of confidence")
        everything = float(y[np.argmax(x)])
        axes.axhline(everything, color=MUTED, linewidth=1, linestyle=(0, (4, 3)), label=f"no abstention: {everything:.0%} wrong")
    if operating_point is not None and np.all(np.isfinite(operating_point)):
        text = f"thresholds chosen inside the folds: {operating_point[0]:.0%} answered, {operating_point[1]:.0%} of those wrong"
        axes.plot(*operating_point, marker="D", markersize=8, color=ORANGE, markeredgecolor="white", linestyle="none", label=text, zorder=3)
    top = max([0.1, *(y[np.isfinite(y)].tolist()), operating_point[1] if operating_point else 0.0])
    axes.set(xlim=(0, 1.02), ylim=(0, min(1.05, top * 1.15)), xlabel="Coverage (share of clips answered)", ylabel="Share of answers that are wrong")
    axes.grid(True)
    figure.suptitle("Risk and coverage", x=0.02, ha="left", fontsize=12, fontweight="bold")
    axes.set_title(subtitle, fontsize=8, fontweight="normal", color=MUTED, pad=6)
    if len(x):
        figure.legend(loc="outside lower left", fontsize=8)
    return figure
