"""Differences between runs, with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..exceptions import InvalidInputError
from .style import BLUE, INK, MUTED, PAPER, new_figure, shown_label, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["difference_figure"]

MOST_ROWS = 40


@styled
def difference_figure(
    names: Sequence[object],
    differences: Sequence[float],
    lows: Sequence[float],
    highs: Sequence[float],
    real: Sequence[bool],
    *,
    title: str = "Differences between runs",
    xlabel: str = "Difference",
    subtitle: str = "",
    correction: str = "after correction",
) -> Figure:
    """Draw one row a difference: its estimate, its interval, and a filled mark where it is real.

    Parameters
    ----------
    names : sequence of str
        What each row compares; at most 40 rows.
    differences, lows, highs : sequence of float
        Estimate and interval; NaN draws nothing.
    real : sequence of bool
        Whether the difference stands after correction for the number of comparisons.
    title, xlabel, subtitle : str
    correction : str
        What the legend says behind "real".

    Examples
    --------
    >>> from emotion_native.reports import difference_figure
    >>> figure = difference_figure(["forest − logistic"], [0.05], [0.01], [0.09], [True])
    """
    n = len(names)
    if not n or not n == len(differences) == len(lows) == len(highs) == len(real) or n > MOST_ROWS:
        raise InvalidInputError(f"names of difference_figure must be 1 to {MOST_ROWS}, as many as the differences; got {n}")
    value, low, high = (np.asarray(v, dtype=np.float64) for v in (differences, lows, highs))
    figure, axes = new_figure(7.2, max(2.6, 1.7 + 0.42 * n))
    axes.axvline(0.0, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)))
    for y, row in zip(np.arange(n)[::-1], range(n), strict=True):
        colour = BLUE if real[row] else MUTED
        axes.plot([low[row], high[row]], [y, y], color=colour, linewidth=2.0, solid_capstyle="butt")
        axes.plot(value[row], y, marker="o", markersize=7.5, color=colour, markerfacecolor=colour if real[row] else PAPER, markeredgewidth=1.6)
        if np.isfinite(value[row]):
            text = f"{value[row]:+.3f}".replace("-", "−")
            box = {"facecolor": PAPER, "edgecolor": "none", "pad": 1.0}
            axes.annotate(text, (value[row], y), textcoords="offset points", xytext=(0, 8), ha="center", fontsize=8.5, color=INK, bbox=box)
    axes.set_yticks(np.arange(n)[::-1], [shown_label(name, 44) for name in names])
    axes.tick_params(axis="y", length=0)
    axes.set(xlabel=xlabel, ylim=(-0.6, n - 0.25))
    axes.margins(x=0.08)
    axes.grid(True, axis="x")
    axes.plot([], [], marker="o", color=BLUE, linewidth=2.0, label=f"real {shown_label(correction, 80)}")
    axes.plot([], [], marker="o", color=MUTED, markerfacecolor=PAPER, linewidth=2.0, label="not shown to be real")
    figure.suptitle(shown_label(title, 90), x=0.02, ha="left", fontsize=12, fontweight="bold")
    axes.set_title(subtitle, fontsize=8, fontweight="normal", color=MUTED, pad=6)
    figure.legend(loc="outside lower center", ncols=2, fontsize=8)
    return figure
