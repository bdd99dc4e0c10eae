"""What drove one prediction: signed feature contributions as a waterfall from the base value to the probability."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .._validation import check_number
from ..exceptions import InvalidInputError
from .style import BLUE, INK, MUTED, ORANGE, new_figure, shown_column, shown_label, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["contribution_figure"]

_LARGEST = 1e15  # beyond it a number's text is wider than the figure


@styled
def contribution_figure(
    names: Sequence[object], values: Sequence[float], contributions: Sequence[float], *, base: float, label: object, top: int = 10, subtitle: str = ""
) -> Figure:
    """Draw how each column moved the model's score of one class, largest first; the rest is summed in one bar.

    Parameters
    ----------
    names, values : sequence of length d
        Column names and the clip's values.
    contributions : sequence of float, length d
        Signed contributions; with ``base`` they add up to the score.
    base : float
        The score with nothing known about the clip.
    label : object
        The class whose score is explained.
    top : int
        Number of columns shown.

    Raises
    ------
    InvalidInputError
        If lengths differ, ``contributions`` or ``base`` are not finite, ``values`` are no numbers, or ``top`` is not positive.

    Examples
    --------
    >>> from emotion_native.reports import contribution_figure
    >>> figure = contribution_figure(["rms_mean", "zcr_mean"], [0.1, 0.2], [0.3, -0.05], base=0.25, label="angry")
    """
    parts = drawable(contributions, "contributions", "contribution_figure")
    shown = _numbers(values, "values", "contribution_figure")
    if parts.ndim != 1 or not len(parts) or shown.shape != parts.shape or not hasattr(names, "__len__") or len(names) != len(parts):
        raise InvalidInputError(f"contributions of contribution_figure must be 1-D and as many as names and values; got shape {parts.shape}")
    base = float(drawable([base], "base", "contribution_figure")[0])
    check_number(top, "top", "contribution_figure", low=1, integer=True)
    order = np.argsort(-np.abs(parts), kind="stable")[:top]
    rest = float(parts.sum() - parts[order].sum())
    labels = [f"{shown_column(names[row], 30)}{_shown_value(float(shown[row]))}" for row in order]
    steps = [float(parts[row]) for row in order]
    if len(parts) > len(order):
        labels.append(f"{len(parts) - len(order)} other columns")
        steps.append(rest)
    figure, axes = new_figure(7.4, 1.7 + 0.32 * len(steps))
    at = base
    for place, step in enumerate(steps):
        axes.barh(place, step, left=at, height=0.62, color=BLUE if step >= 0 else ORANGE)
        axes.plot([at + step] * 2, [place - 0.31, place + 1.31 if place + 1 < len(steps) else place + 0.31], color=MUTED, linewidth=0.7)
        axes.annotate(f"{step:+.3f}", (max(at, at + step), place), textcoords="offset points", xytext=(5, 0), va="center", fontsize=8.5, color=INK)
        at += step
    axes.axvline(base, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_yticks(range(len(steps)), labels)
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.use_sticky_edges = False
    axes.margins(x=0.14)
    if not parts.any():
        axes.set_xlim(base - 0.5, base + 0.5)
    axes.grid(True, axis="x")
    axes.set_xlabel(f"Score of “{shown_label(label)}” before calibration: from {base:.3f} (no knowledge of the clip) to {at:.3f}")
    figure.suptitle(f"What drove “{shown_label(label)}”", x=0.02, ha="left", fontsize=12, fontweight="bold")
    note = "Blue raises, orange lowers. Contributions describe this model, not causes in the world."
    axes.set_title("\n".join(filter(None, [subtitle, note])), fontsize=8, fontweight="normal", color=MUTED, pad=6)
    return figure


def drawable(values: Any, parameter: str, caller: str) -> npt.NDArray[np.float64]:
    """Return numbers that sums and axes can hold.

    Raises
    ------
    InvalidInputError
        If they are no numbers, or one is NaN, infinite or beyond 1e15.
    """
    array = _numbers(values, parameter, caller)
    wrong = array[~(np.abs(array) <= _LARGEST)]
    if wrong.size:
        raise InvalidInputError(f"{parameter} of {caller} must be finite and at most {_LARGEST:g} in size; got {wrong[0]:g}")
    return array


def _numbers(values: Any, parameter: str, caller: str) -> npt.NDArray[np.float64]:
    try:
        found = np.asarray(values)
    except ValueError:  # of different lengths
        found = np.empty(0, dtype=object)
    if found.dtype.kind not in "fiu":
        raise InvalidInputError(f"{parameter} of {caller} must be numbers; got {reprlib.repr(values)}")
    return found.astype(np.float64, copy=False)


def _shown_value(value: float) -> str:
    return ": missing" if np.isnan(value) else f" = {value:.3g}"
