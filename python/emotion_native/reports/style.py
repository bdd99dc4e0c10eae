"""The look that all figures share, and the cleaning of labels that come from outside."""

from __future__ import annotations

import io
import reprlib
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from .._files import write_atomically
from .._validation import check_path
from ..exceptions import InvalidTypeError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["figure_png", "new_figure", "new_grid", "save_figure", "shown_column", "shown_label", "styled"]

# Colours of Okabe and Ito (2008), told apart with every common colour blindness; each meaning also has a shape or a word.
BLUE, ORANGE, GREEN, SKY = "#0072B2", "#D55E00", "#009E73", "#56B4E9"
INK, MUTED, LINE, PAPER = "#1b1f2a", "#5b6372", "#dfe3ea", "#ffffff"
DPI = 150
_RC: Any = {
    "font.family": ["DejaVu Sans"],
    "font.size": 10.0,
    "text.color": INK,
    "text.parse_math": False,
    "text.usetex": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.titlelocation": "left",
    "axes.titlesize": 12.0,
    "axes.titleweight": "bold",
    "axes.titlepad": 12.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "svg.hashsalt": "emotion-native",
}

P = ParamSpec("P")
R = TypeVar("R")


@contextmanager
def _style() -> Iterator[None]:
    import matplotlib

    parts = (
        "font.",
        "text.",
        "axes.",
        "xtick.",
        "ytick.",
        "grid.",
        "legend.",
        "figure.",
        "savefig.",
        "lines.",
        "patch.",
        "mathtext.",
        "image.",
        "path.",
    )
    defaults = {name: value for name, value in matplotlib.rcParamsDefault.items() if name.startswith(parts)}
    with matplotlib.rc_context({**defaults, **_RC}):
        yield


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Run a drawing function under the shared style, whatever the caller's matplotlib settings are."""
    import functools

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> R:
        with _style():
            return draw(*args, **kwargs)

    return drawn


def new_figure(width: float, height: float) -> tuple[Figure, Axes]:
    """Return a figure of a size in inches with one pair of axes; no window system, no global state."""
    figure, grid = new_grid(1, 1, width, height)
    return figure, grid[0]


def new_grid(rows: int, columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """Return a figure with several pairs of axes that share their scales, row by row."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel().tolist()


def figure_png(figure: Figure) -> bytes:
    """Return the figure as PNG bytes; the same figure gives the same bytes.

    Examples
    --------
    >>> from emotion_native.reports import confusion_figure, figure_png
    >>> figure_png(confusion_figure([[8, 2], [1, 9]], ["calm", "angry"]))[1:4]
    b'PNG'
    """
    buffer = io.BytesIO()
    with _style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(buffer, format="png", dpi=DPI, bbox_inches="tight", pad_inches=0.15, metadata={"Software": None})
    return buffer.getvalue()


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write the figure as a PNG file, whole or not at all.

    Raises
    ------
    InvalidInputError
        If ``figure`` is none, or ``path`` is no path.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from emotion_native.reports import confusion_figure, save_figure
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "confusion.png"
    >>> save_figure(confusion_figure([[8, 2], [1, 9]], ["calm", "angry"]), path)
    """
    if not hasattr(figure, "savefig"):
        order = ": the order is save_figure(figure, path)" if hasattr(path, "savefig") else ""
        raise InvalidTypeError(f"figure of save_figure must be a figure; got {reprlib.repr(figure)}{order}")
    write_atomically(check_path(path, parameter="path", caller="save_figure"), figure_png(figure))


def shown_label(text: object, width: int = 24) -> str:
    """Return a label that is safe to draw: no control characters, no lone surrogates, one line, at most ``width`` characters.

    Examples
    --------
    >>> shown_label("a\\nvery\\x00 long label indeed, much too long", width=12)
    'a very long…'
    """
    raw = str(text).encode("utf-8", "replace").decode("utf-8")
    kept = "".join(
        " " if character in "\n\r\t" else character for character in raw if character in "\n\r\t" or unicodedata.category(character)[0] != "C"
    )
    line = " ".join(kept.split()) or "(blank)"
    return line if len(line) <= width else line[: width - 1].rstrip() + "…"


def shown_column(name: object, width: int = 40) -> str:
    """Return a column's name as `shown_label` does; a long one loses its middle, as both ends tell columns apart.

    Examples
    --------
    >>> shown_column("egemaps:slopeV500-1500_sma3nz_amean", width=21)
    'egemaps:sl…a3nz_amean'
    """
    line = shown_label(name, 10_000)
    half = (width - 1) // 2
    return line if len(line) <= width else f"{line[:half].rstrip()}…{line[-half:].lstrip()}"
