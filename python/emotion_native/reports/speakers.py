"""Scores speaker by speaker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..exceptions import InvalidInputError
from .style import BLUE, INK, MUTED, ORANGE, SKY, new_figure, shown_label, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["speaker_figure"]

MOST_BARS = 40


@styled
def speaker_figure(
    speakers: Sequence[object],
    scores: Sequence[float],
    counts: Sequence[int],
    *,
    pooled: float | None = None,
    interval: tuple[float, float] | None = None,
    chance: float | None = None,
    metric: str = "Balanced accuracy",
    subtitle: str = "",
) -> Figure:
    """Draw one bar a speaker, worst first, with the score over all speakers, its interval and the chance level.

    With more than 40 speakers the worst 20 and the best 20 are drawn, and the heading says so.

    Examples
    --------
    >>> from emotion_native.reports import speaker_figure
    >>> figure = speaker_figure(["a", "b"], [0.6, 0.8], [20, 22], pooled=0.7, interval=(0.5, 0.9), chance=0.25)
    """
    if not len(speakers) == len(scores) == len(counts) or not len(speakers):
        raise InvalidInputError(f"speakers of speaker_figure must be as many as scores and counts, and not empty; got {len(speakers)}")
    value = np.asarray(scores, dtype=np.float64)
    order = np.argsort(np.where(np.isfinite(value), value, -1.0), kind="stable")
    cut = len(order) > MOST_BARS
    if cut:
        order = np.concatenate([order[: MOST_BARS // 2], order[-MOST_BARS // 2 :]])
    figure, axes = new_figure(6.2, max(2.9, 1.6 + 0.27 * len(order)))
    y = np.arange(len(order))[::-1]
    shown = np.nan_to_num(value[order])
    axes.barh(y, shown, height=0.62, color=SKY, edgecolor=BLUE, linewidth=0.8)
    for place, row, score in zip(y, order, shown, strict=True):
        text = f"{score:.2f}" if np.isfinite(value[row]) else "–"
        axes.annotate(text, (0.0, place), textcoords="offset points", xytext=(6, 0), va="center", fontsize=8.5, color=INK)
    axes.set_yticks(y, [f"{shown_label(speakers[row], 22)}  ({counts[row]})" for row in order])
    axes.tick_params(axis="y", length=0)
    _reference_lines(axes, pooled, interval, chance)
    axes.set(xlim=(0, 1), xlabel=metric, ylabel="Speaker (clips)", ylim=(-0.7, len(order) - 0.3))
    axes.grid(True, axis="x")
    heading = f"{metric} of each speaker" + (f" (worst and best {MOST_BARS // 2} of {len(speakers)})" if cut else f" ({len(speakers)} speakers)")
    figure.suptitle(heading, x=0.02, ha="left", fontsize=12, fontweight="bold")
    axes.set_title(subtitle, fontsize=8, fontweight="normal", color=MUTED, pad=6)
    handles, _ = axes.get_legend_handles_labels()
    if handles:
        figure.legend(loc="outside lower center", ncols=3, fontsize=8)
    return figure


def _reference_lines(axes: object, pooled: float | None, interval: tuple[float, float] | None, chance: float | None) -> None:
    from matplotlib.axes import Axes

    assert isinstance(axes, Axes)
    if interval is not None and np.all(np.isfinite(interval)):
        axes.axvspan(
            max(0.0, interval[0]), min(1.0, interval[1]), color=BLUE, alpha=0.10, linewidth=0, zorder=0.5, label="95 % interval over speakers"
        )
    if pooled is not None and np.isfinite(pooled):
        axes.axvline(pooled, color=BLUE, linewidth=1.8, label=f"all speakers: {pooled:.2f}")
    if chance is not None and np.isfinite(chance):
        axes.axvline(chance, color=ORANGE, linewidth=1.4, linestyle=(0, (4, 3)), label=f"chance: {chance:.2f}")
