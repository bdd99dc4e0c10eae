"""Reliability diagrams: how often what a model is this sure of comes true, overall and for each class, before and after calibration."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..exceptions import InvalidInputError
from .style import BLUE, INK, MUTED, ORANGE, new_figure, new_grid, shown_label, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray

__all__ = ["class_reliability_figure", "reliability_figure"]

MOST_CLASSES = 24  # panels of a figure
_LEAST_ROWS = 10  # of a bin
_OVER_SPEAKERS = "95 % interval over speakers (jackknife)"
_OVER_CLIPS = "95 % Wilson interval, clips taken as independent"
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


@dataclass(frozen=True)
class _Side:
    """One set of predictions: scores, whether each came true, in which bins, and how it is drawn."""

    score: NDArray[np.float64]
    hit: NDArray[np.bool_]
    bins: list[NDArray[np.intp]]
    colour: str
    marker: str
    label: str


@styled
def reliability_figure(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    before: tuple[ArrayLike, ArrayLike] | None = None,
    speakers: ArrayLike | None = None,
    n_bins: int = 8,
    subtitle: str = "",
) -> Figure:
    """Draw how often predictions of a confidence are right, in bins of equal count.

    Parameters
    ----------
    confidence : array of float, shape (n,)
        Calibrated probability of the predicted class, from 0 to 1; rows as they are, not the bins of `emotion_native.metrics.reliability_curve`.
    correct : array of bool (or of 0 and 1), shape (n,)
        Whether the prediction was right.
    before : (confidence, correct) or None
        The same before calibration, drawn beside it.
    speakers : array, shape (n,), or None
        Who speaks: the bars are then intervals over speakers, else they take clips for independent.
    n_bins : int
        Greatest number of bins; fewer for few rows (at least 10 a bin).

    Raises
    ------
    InvalidInputError
        If ``confidence``, ``correct`` or ``speakers`` breaks its rule.

    Examples
    --------
    >>> from emotion_native.reports import reliability_figure
    >>> figure = reliability_figure([0.6, 0.9, 0.8, 0.7], [True, True, True, False])
    """
    caller = "reliability_figure"
    score, right = _pair(confidence, correct, caller)
    own = _speakers(speakers, len(score), caller)
    sides = [_Side(score, right, _equal_count(score, n_bins), BLUE, "o", "calibrated")]
    if before is not None:
        early = _pair(*before, f"{caller} (before)")
        if own is not None and len(early[0]) != len(score):
            raise InvalidInputError(f"before of {caller} must be of the same rows as confidence, where there are speakers; got {len(early[0])}")
        sides.insert(0, _Side(*early, _equal_count(early[0], n_bins), ORANGE, "s", "before calibration"))
    figure, axes = new_figure(5.4, 4.9)
    _diagonal(axes)
    for side in sides:
        _dots(axes, side, own, size=7 if side is sides[-1] else 5)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.06), xlabel="Confidence" if before is not None else "Confidence (calibrated)", ylabel="Share that is right")
    figure.suptitle("Reliability", x=0.02, ha="left", fontsize=12, fontweight="bold")
    count = f"one of {len(sides[-1].bins)} bins of equal count ({_clips(sides[-1].bins)})" if len(score) else "a bin of equal count"
    note = f"Dot: {count}; bar:\n{_OVER_CLIPS if own is None else _OVER_SPEAKERS}."
    axes.set_title("\n".join(filter(None, [subtitle, note])), fontsize=7.5, fontweight="normal", color=MUTED, pad=6)
    figure.legend(loc="outside lower left", fontsize=8, ncols=3)
    return figure


@styled
def class_reliability_figure(
    proba: ArrayLike,
    label: ArrayLike,
    classes: Sequence[object],
    *,
    before: ArrayLike | None = None,
    speakers: ArrayLike | None = None,
    n_bins: int = 8,
    subtitle: str = "",
) -> Figure:
    """Draw, for each class, how often clips that have a probability of the class are of it, in bins of equal width.

    With more than 24 classes the 24 with the most clips are drawn, and the heading says so.

    Parameters
    ----------
    proba : array of float, shape (n, k)
        Calibrated probabilities, from 0 to 1, without failed clips.
    label : array, shape (n,)
        True classes.
    classes : sequence of length k
        The columns of ``proba``.
    before : array of float, shape (n, k), or None
        The same before calibration, drawn beside it.
    speakers : array, shape (n,), or None
        Who speaks: the bars are then intervals over speakers, else they take clips for independent.
    n_bins : int
        Greatest number of bins; neighbours with fewer than 10 rows are joined.

    Raises
    ------
    InvalidInputError
        If shapes disagree, or a probability is not from 0 to 1.

    Examples
    --------
    >>> from emotion_native.reports import class_reliability_figure
    >>> figure = class_reliability_figure([[0.8, 0.2], [0.3, 0.7]], ["calm", "happy"], ["calm", "happy"])
    """
    caller = "class_reliability_figure"
    truth, k = np.asarray(label), len(classes)
    after = _matrix(proba, "proba", len(truth), k, caller)
    early = None if before is None else _matrix(before, "before", len(truth), k, caller)
    own = _speakers(speakers, len(truth), caller)
    counts = np.asarray([int(np.sum(truth == name)) for name in classes])
    shown = np.sort(np.argsort(-counts, kind="stable")[:MOST_CLASSES])
    columns = min(4, len(shown)) if len(shown) != 5 and len(shown) != 6 else 3
    rows = -(-len(shown) // columns)
    figure, grid = new_grid(rows, columns, max(5.4, 0.7 + 2.15 * columns), 1.5 + 2.2 * rows)
    for number, (axes, c) in enumerate(zip(grid, shown.tolist(), strict=False)):
        hit = truth == classes[c]
        sides = [_Side(after[:, c], hit, _equal_width(after[:, c], n_bins), BLUE, "o", "calibrated")]
        if early is not None:
            sides.insert(0, _Side(early[:, c], hit, _equal_width(early[:, c], n_bins), ORANGE, "s", "before calibration"))
        _diagonal(axes)
        for side in sides:
            _dots(axes, side, own, size=4)
        axes.set(xlim=(0, 1.02), ylim=(0, 1.04), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
        if number % columns == 0:
            axes.set_ylabel("Share of clips", fontsize=9)
        if number + columns >= len(shown):  # no panel below
            axes.set_xlabel("Probability", fontsize=9)
            axes.tick_params(labelbottom=True)
        axes.set_title(f"{shown_label(classes[c], 20)} ({counts[c]})", fontsize=9.5, fontweight="bold", color=INK, pad=4)
    for axes in grid[len(shown) :]:
        axes.set_visible(False)
    left_out = f" (the {MOST_CLASSES} of {k} with the most clips)" if k > len(shown) else ""
    note = "How many of the clips with a probability of a class (its number of clips above) are of it. Dot: a bin of equal width;\nbar: "
    note += f"{_OVER_CLIPS if own is None else _OVER_SPEAKERS}."
    _heading(figure, f"Reliability of each class{left_out}", "\n".join(filter(None, [subtitle, note])))
    handles, names = grid[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower left", fontsize=8, ncols=3)
    return figure


def _heading(figure: Figure, title: str, small: str) -> None:
    """Write a heading with small print under it, for which empty lines of the heading keep the place."""
    from matplotlib.transforms import ScaledTranslation

    lines = -(-8 * (small.count("\n") + 1) // 12)  # of 12 points, for lines of 8
    figure.suptitle(title + "\n" * lines, x=0.02, ha="left", fontsize=12, fontweight="bold", linespacing=1.2)
    below = figure.transFigure + ScaledTranslation(0, -22 / 72, figure.dpi_scale_trans)
    figure.text(0.02, 1.0, small, fontsize=7.5, color=MUTED, va="top", transform=below).set_in_layout(False)


def _matrix(values: ArrayLike, parameter: str, n: int, k: int, caller: str) -> NDArray[np.float64]:
    given = np.asarray(values)
    if given.shape != (n, k) or given.dtype.kind not in "biuf" or k == 0:
        raise InvalidInputError(f"{parameter} of {caller} must be one probability a row and class, ({n}, {k}); got {given.dtype} of {given.shape}")
    wrong = given[~((given >= -_ROUNDING) & (given <= 1 + _ROUNDING))]
    if wrong.size:
        raise InvalidInputError(f"{parameter} of {caller} must be from 0 to 1; got {wrong[0]:g}")
    return given.astype(np.float64)


def _speakers(speakers: ArrayLike | None, n: int, caller: str) -> NDArray[Any] | None:
    if speakers is None:
        return None
    own = np.asarray(speakers)
    if own.shape != (n,):
        raise InvalidInputError(f"speakers of {caller} must be one a row, ({n},); got shape {own.shape}")
    return own


def _equal_count(score: NDArray[np.float64], n_bins: int) -> list[NDArray[np.intp]]:
    bins = max(1, min(n_bins, len(score) // _LEAST_ROWS)) if len(score) else 0
    order = np.argsort(score, kind="stable")
    return list(np.array_split(order, bins)) if bins else []


def _equal_width(score: NDArray[np.float64], n_bins: int) -> list[NDArray[np.intp]]:
    """Return the rows of each bin, from low to high; a bin waits for its neighbours until it has enough rows."""
    place = np.minimum((np.clip(score, 0.0, 1.0) * n_bins).astype(np.intp), n_bins - 1)
    bins: list[NDArray[np.intp]] = []
    waiting = np.empty(0, dtype=np.intp)
    for number in range(n_bins):
        waiting = np.concatenate([waiting, np.flatnonzero(place == number)])
        if len(waiting) >= _LEAST_ROWS:
            bins.append(waiting)
            waiting = waiting[:0]
    if len(waiting) and bins:
        bins[-1] = np.concatenate([bins[-1], waiting])
    elif len(waiting):
        bins.append(waiting)
    return bins


def _clips(bins: list[NDArray[np.intp]]) -> str:
    sizes = sorted({len(part) for part in bins})
    return f"{sizes[0]} clips" if len(sizes) == 1 else f"{sizes[0]} or {sizes[-1]} clips"


def _diagonal(axes: Axes) -> None:
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)), label="as often as said")
    axes.grid(True)


def _dots(axes: Axes, side: _Side, speakers: NDArray[Any] | None, *, size: float) -> None:
    """Draw one dot and its interval a bin."""
    for number, part in enumerate(side.bins):
        n, hits, mean = len(part), int(side.hit[part].sum()), float(side.score[part].mean())
        low, high = _wilson(hits, n) if speakers is None else _over_speakers(side.hit[part], speakers[part])
        axes.plot([mean, mean], [low, high], color=side.colour, linewidth=1.2 if size < 5 else 1.6, alpha=0.55)
        label = side.label if number == 0 else None
        axes.plot(mean, hits / n, marker=side.marker, markersize=size, color=side.colour, linestyle="none", label=label)


def _over_speakers(hit: NDArray[np.bool_], speakers: NDArray[Any]) -> tuple[float, float]:
    """Return the interval of a share over speakers; NaN with one speaker alone."""
    from ..metrics import speaker_interval

    found = speaker_interval("accuracy", np.ones(len(hit), dtype=np.int64), hit.astype(np.int64), speakers, labels=[0, 1])
    return found.low, found.high


def _wilson(hits: int, n: int) -> tuple[float, float]:
    z = 1.959963984540054
    centre = (hits + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * float(np.sqrt(hits * (n - hits) / n + z * z / 4))
    return max(0.0, centre - half), min(1.0, centre + half)
