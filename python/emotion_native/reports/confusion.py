"""Confusion matrices as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..exceptions import InvalidInputError
from .style import INK, MUTED, PAPER, new_figure, shown_label, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

__all__ = ["confusion_figure"]

_RAMP = ["#ffffff", "#e3edf7", "#b9d3ea", "#7fb0d8", "#3f87c0", "#1a5f9e", "#0b3c6f"]  # one hue, evenly darker: reads in grey too


@styled
def confusion_figure(
    matrix: ArrayLike,
    classes: Sequence[object],
    *,
    normalize: bool = False,
    failed: ArrayLike | None = None,
    title: str | None = None,
    subtitle: str = "",
) -> Figure:
    """Draw a confusion matrix: one row a true class, one column a predicted class.

    Parameters
    ----------
    matrix : array of int, shape (k, k)
        Counts; row = true class.
    classes : sequence of length k
        Labels, in the order of the rows.
    normalize : bool
        Show each row as shares of the clips of that true class, failed clips included.
    failed : array of int, shape (k,), or None
        Clips of each true class that got no prediction; drawn as one more column when any.
    title, subtitle : str
        Heading and the line under it.

    Raises
    ------
    InvalidInputError
        If the shapes disagree or a count is negative.

    Examples
    --------
    >>> from emotion_native.reports import confusion_figure
    >>> figure = confusion_figure([[8, 2], [1, 9]], ["calm", "angry"])
    """
    counts = np.asarray(matrix, dtype=np.float64)
    k = len(classes)
    if counts.shape != (k, k) or k == 0 or not np.all(counts >= 0):
        raise InvalidInputError(f"matrix of confusion_figure must be {k} by {k} counts; got shape {counts.shape}")
    columns = [shown_label(label, 16) for label in classes]
    rows = list(columns)
    missing = np.zeros(k) if failed is None else np.asarray(failed, dtype=np.float64)
    if missing.shape != (k,):
        raise InvalidInputError(f"failed of confusion_figure must have {k} counts; got shape {missing.shape}")
    if missing.any():
        counts = np.column_stack([counts, missing])
        columns.append("(no prediction)")
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    rows = [f"{label}  ({int(total)})" for label, total in zip(rows, totals[:, 0], strict=True)]
    return _draw(counts, shares, rows, columns, normalize, title, subtitle)


def _draw(counts: np.ndarray, shares: np.ndarray, rows: list[str], columns: list[str], normalize: bool, title: str | None, subtitle: str) -> Figure:
    from matplotlib.colors import LinearSegmentedColormap

    ramp = LinearSegmentedColormap.from_list("emotion", _RAMP)
    size = max(4.6, 1.9 + 0.78 * len(columns))
    figure, axes = new_figure(size, max(3.9, 1.7 + 0.66 * len(rows)))
    axes.imshow(shares, cmap=ramp, vmin=0.0, vmax=1.0, aspect="auto")
    small = 10 if len(columns) <= 10 else 7
    for i, j in np.ndindex(counts.shape):
        text = f"{shares[i, j]:.0%}" if normalize else f"{int(counts[i, j])}"
        weight = "bold" if i == j else "normal"
        colour = PAPER if shares[i, j] > 0.55 else (INK if counts[i, j] else "#a9b0bc")
        axes.text(j, i, text, ha="center", va="center", color=colour, fontsize=small, fontweight=weight)
    angle = 0 if max(map(len, columns)) <= 8 and len(columns) <= 8 else 35
    axes.set_xticks(range(len(columns)), columns, rotation=angle, ha="right" if angle else "center", rotation_mode="anchor" if angle else "default")
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xticks(np.arange(-0.5, len(columns)), minor=True)
    axes.set_yticks(np.arange(-0.5, len(rows)), minor=True)
    axes.grid(which="minor", color=PAPER, linewidth=2)
    axes.tick_params(which="minor", length=0)
    axes.set_xlabel("Predicted")
    axes.set_ylabel("True (number of clips)")
    figure.suptitle(
        title or ("Confusion, share of each true class" if normalize else "Confusion, number of clips"),
        x=0.02,
        ha="left",
        fontsize=12,
        fontweight="bold",
    )
    if subtitle:
        axes.set_title(subtitle, fontsize=8.5, fontweight="normal", color=MUTED, pad=8)
    return figure
