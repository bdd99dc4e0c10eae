"""Risk-coverage curves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..exceptions import InvalidInputError
from .style import BLUE, MUTED, ORANGE, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

__all__ = ["risk_coverage_figure"]


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
