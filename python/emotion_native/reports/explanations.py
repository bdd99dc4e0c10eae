"""Explanations of many rows: which columns matter (bars), how their values act (a swarm), and one row's way from base to output (a waterfall)."""

from __future__ import annotations

import reprlib
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .._validation import check_number
from ..exceptions import InvalidInputError
from ..explain import Explanation
from .contributions import contribution_figure, drawable
from .style import BLUE, INK, MUTED, ORANGE, SKY, new_figure, shown_column, shown_label, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["bar_figure", "beeswarm_figure", "waterfall_figure"]

MOST_POINTS = 1000  # rows drawn in a swarm
_NOTE = "Contributions describe this model, not causes in the world."
_GIVEN_AS_ROW: Any = object()  # what stands for the class where the only row was left out
_RAMP = (BLUE, "#c9ced6", ORANGE)


@styled
def bar_figure(explanation: Explanation, class_: Any = None, *, top: int = 10, subtitle: str = "") -> Figure:
    """Draw the mean absolute contribution of the columns that matter most; the rest is summed in one bar.

    Parameters
    ----------
    explanation : Explanation
        Of at least one row.
    class_ : label or None
        The class explained; None: the mean over all classes.
    top : int, default 10
        Number of columns shown.

    Raises
    ------
    InvalidInputError
        If the explanation is empty or not finite, the class is unknown, or ``top`` is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.explain import Explanation
    >>> found = Explanation(np.array([[[0.2], [-0.5]]]), np.array([[0.4]]), np.zeros((1, 2), np.float32), ["f0", "rms"], np.array(["calm"]))
    >>> figure = bar_figure(found, "calm")
    """
    values = _values(explanation, class_, top, "bar_figure")
    means = np.abs(values).mean(axis=(0, 2))
    order = np.argsort(-means, kind="stable")[:top]
    sizes, names = list(means[order]), [shown_column(explanation.feature_names[j]) for j in order]
    left_out = len(means) - len(order)
    if left_out:
        sizes.append(float(means.sum() - means[order].sum()))
        names.append(_others(left_out))
    figure, axes = new_figure(_width(names), 1.9 + 0.32 * len(sizes))
    axes.barh(range(len(sizes)), sizes, height=0.62, color=[BLUE] * len(order) + [SKY] * bool(left_out))
    widest = _scale(sizes, left_out)
    for place, size in enumerate(sizes):
        beyond = size > widest  # the rest of many columns, cut off so that the columns shown stay readable
        text, side = (f"{size:.3g}, beyond the scale →", -8) if beyond else (f"{size:.3g}", 5)
        at = (1.14 * widest if beyond else size, place)
        axes.annotate(text, at, textcoords="offset points", xytext=(side, 0), va="center", ha="right" if beyond else "left", fontsize=8.5, color=INK)
    axes.set_yticks(range(len(sizes)), names)
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0, 1.14 * widest if widest > 0 else 1)
    axes.grid(True, axis="x")
    axes.set_xlabel("Mean size of the contribution" + (" (mean over classes)" if class_ is None else ""))
    _head(figure, axes, "What drives the model" if class_ is None else f"What drives “{shown_label(class_)}”", len(values), subtitle)
    return figure


@styled
def beeswarm_figure(explanation: Explanation, class_: Any, *, top: int = 10, subtitle: str = "") -> Figure:
    """Draw every row's contributions of the columns that matter most, coloured by the column's value; the rest is summed in one line.

    More than 1,000 rows are thinned evenly, and the heading says so; so it does where the rest is left off, as all of it lies beyond the scale.

    Parameters
    ----------
    explanation : Explanation
        Of at least one row.
    class_ : label
        The class explained.
    top : int, default 10
        Number of columns shown.

    Raises
    ------
    InvalidInputError
        If the explanation is empty or not finite, the class is unknown, or ``top`` is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.explain import Explanation
    >>> found = Explanation(np.array([[[0.2], [-0.5]]]), np.array([[0.4]]), np.zeros((1, 2), np.float32), ["f0", "rms"], np.array(["calm"]))
    >>> figure = beeswarm_figure(found, "calm")
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap

    values = _values(explanation, class_, top, "beeswarm_figure")[:, :, 0]
    order = np.argsort(-np.abs(values).mean(axis=0), kind="stable")[:top]
    rows = np.arange(len(values))
    if len(rows) > MOST_POINTS:
        rows = rows[np.linspace(0, len(rows) - 1, MOST_POINTS).astype(np.intp)]
    left_out = values.shape[1] - len(order)
    names = [shown_column(explanation.feature_names[j]) for j in order] + ([_others(left_out)] if left_out else [])
    lines = [values[rows, j] for j in order]
    if left_out:
        lines.append(values[rows].sum(axis=1) - values[np.ix_(rows, order)].sum(axis=1))
    reach = [float(np.abs(line).max()) for line in lines]
    widest = _scale(reach, left_out) or 1.0
    width = _width(names)
    if reach[-1] > widest:
        span = f"from {lines[-1].min():+.2g} to {lines[-1].max():+.2g}, beyond the scale"
        if np.abs(lines[-1]).min() <= 1.08 * widest:
            names[-1] += f"\n({span})"
        else:  # not a point of it would show
            subtitle = "\n".join(filter(None, [subtitle, f"Left off: the {names.pop()}, {span}."]))
            del lines[-1]
    ramp = LinearSegmentedColormap.from_list("emotion-values", _RAMP)
    figure, axes = new_figure(width, 2.1 + 0.36 * len(lines))
    axes.axvline(0, color=MUTED, linewidth=1)
    size = 16 if len(rows) <= 200 else 8
    for place, line in enumerate(lines):
        colours: Any = MUTED
        if place < len(order):
            shares = _shares(explanation.shown[:, order[place]])[rows]
            colours = np.where(np.isnan(shares)[:, None], (0.36, 0.39, 0.45, 1.0), ramp(np.nan_to_num(shares)))
        axes.scatter(line, place + _swarm(line, widest), s=size, c=colours, linewidths=0, alpha=0.9, zorder=3)
    axes.set_yticks(range(len(lines)), names)
    axes.set_ylim(len(lines) - 0.45, -0.55)
    axes.set_xlim(-1.08 * widest if min(line.min() for line in lines) < 0 else -0.08 * widest, 1.08 * widest)
    axes.tick_params(axis="y", length=0)
    axes.grid(True, axis="y")
    axes.locator_params(axis="x", nbins=7)
    axes.set_xlabel(f"Contribution to the score of “{shown_label(class_)}”")
    bar = figure.colorbar(ScalarMappable(cmap=ramp), ax=axes, ticks=[0, 1], fraction=0.03, pad=0.02, aspect=28)
    bar.ax.set_yticklabels(["low value", "high value"], fontsize=8)
    bar.outline.set_visible(False)
    thinned = f", {MOST_POINTS:,} drawn" if len(values) > MOST_POINTS else ""
    thinned += "; grey: value missing" if np.isnan(explanation.shown[np.ix_(rows, order)]).any() else ""
    _head(figure, axes, f"How columns move “{shown_label(class_)}”", len(values), subtitle, thinned)
    return figure


def waterfall_figure(explanation: Explanation, row: Any, class_: Any = _GIVEN_AS_ROW, *, top: int = 10, subtitle: str = "") -> Figure:
    """Draw one row's way from the base value to the model's output, with the values of its columns as they were given; see `contribution_figure`.

    Parameters
    ----------
    explanation : Explanation
        Of at least one row.
    row : int
        Position of the row; may be left out where there is one: ``waterfall_figure(explanation[3], "angry")``.
    class_ : label
        The class explained.
    top : int, default 10
        Number of columns shown.

    Raises
    ------
    InvalidInputError
        If the explanation is not finite, the row is not there, the class is unknown, or ``top`` is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.explain import Explanation
    >>> found = Explanation(np.array([[[0.2], [-0.5]]]), np.array([[0.4]]), np.zeros((1, 2), np.float32), ["f0", "rms"], np.array(["calm"]))
    >>> figure = waterfall_figure(found, 0, "calm")
    """
    if class_ is _GIVEN_AS_ROW:
        if isinstance(explanation, Explanation) and len(explanation) != 1:
            raise InvalidInputError(f"class_ of waterfall_figure must be given after a row, as there are {len(explanation)} rows; got {row!r} alone")
        row, class_ = 0, row
    values = _values(explanation, class_, top, "waterfall_figure")
    base = drawable(explanation.base_values, "base_values", "waterfall_figure's explanation")
    if isinstance(row, bool) or not isinstance(row, (int, np.integer)) or not -len(values) <= row < len(values):
        rule = f"a position from 0 to {len(values) - 1}, or from -{len(values)} to -1"
        raise InvalidInputError(f"row of waterfall_figure must be {rule}; got {reprlib.repr(row)}")
    return contribution_figure(
        list(explanation.feature_names),
        [float(value) for value in explanation.shown[row]],
        [float(value) for value in values[row, :, 0]],
        base=float(base[row, explanation.output_of(class_)]),
        label=class_,
        top=top,
        subtitle=subtitle,
    )


def _values(explanation: Explanation, class_: Any, top: int, caller: str) -> npt.NDArray[np.float64]:
    """Return contributions (rows, features, outputs) of one class or of all."""
    if not isinstance(explanation, Explanation):
        raise InvalidInputError(f"explanation of {caller} must be an Explanation; got {type(explanation).__name__}")
    if 0 in explanation.shape:
        raise InvalidInputError(f"explanation of {caller} must have rows, features and classes; got shape {explanation.shape}")
    check_number(top, "top", caller, low=1, integer=True)
    outputs = slice(None)
    if class_ is not None or caller != "bar_figure":
        output = explanation.output_of(class_, caller=caller)
        outputs = slice(output, output + 1)
    return drawable(explanation.values[:, :, outputs], "values", f"{caller}'s explanation")


def _width(names: list[str]) -> float:
    return 5.4 + 0.075 * max(map(len, names))


def _scale(sizes: list[float], left_out: int) -> float:
    """Return the size that fills the axis: the largest, but of a rest more than three times as large only the columns shown count."""
    shown = max(sizes[:-1]) if left_out and len(sizes) > 1 else max(sizes)
    return float(shown if shown > 0 and sizes[-1] > 3 * shown else max(sizes))


def _others(count: int) -> str:
    return f"sum of {count:,} other column{'s' if count > 1 else ''}"


def _head(figure: Figure, axes: Axes, title: str, rows: int, subtitle: str, thinned: str = "") -> None:
    figure.suptitle(title, x=0.02, ha="left", fontsize=12, fontweight="bold")
    count = f"{rows:,} row{'s' if rows != 1 else ''}{thinned}. {_NOTE}"
    axes.set_title("\n".join(filter(None, [subtitle, count])), fontsize=8, fontweight="normal", color=MUTED, pad=6)


def _shares(column: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return values on a scale from 0 to 1 between their 5th and 95th percentiles; 0.5 where all are equal, NaN where missing."""
    values = np.asarray(column, dtype=np.float64)
    known = values[np.isfinite(values)]
    low, high = np.percentile(known, [5, 95]) if len(known) else (0.0, 0.0)
    if low == high and len(known):
        low, high = float(known.min()), float(known.max())
    scaled = np.clip((values - low) / (high - low), 0, 1) if high > low else np.where(np.isfinite(values), 0.5, np.nan)
    return np.asarray(scaled, dtype=np.float64)


def _swarm(line: npt.NDArray[np.float64], widest: float) -> npt.NDArray[np.float64]:
    """Return offsets that spread points of nearly equal contribution: alternating up and down from the middle of their bin."""
    bins = np.round(line / widest * 80).astype(np.int64)
    offsets = np.zeros(len(line))
    counts = np.unique(bins, return_counts=True)[1]
    step = min(0.12, 0.76 / max(1, counts.max()))
    for value in np.unique(bins):
        members = np.flatnonzero(bins == value)
        ranks = np.arange(len(members))
        offsets[members] = np.where(ranks % 2 == 0, -1, 1) * ((ranks + 1) // 2) * step
    return offsets
