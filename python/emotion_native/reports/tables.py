"""Tables: one value type for the picture, the LaTeX and the HTML form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..exceptions import InvalidInputError
from .style import INK, LINE, MUTED, new_figure, shown_label, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Table", "table_figure"]


@dataclass(frozen=True)
class Table:
    """A table of text cells.

    Attributes
    ----------
    title : str
        Heading.
    header : list of str
        One name a column; the first column is text, the others are set right-aligned.
    rows : list of list of str
        Cells, as many a row as the header has.
    notes : list of str
        Lines under the table.
    """

    title: str
    header: list[str]
    rows: list[list[str]]
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.header):
                raise InvalidInputError(f"rows of Table must have {len(self.header)} cells, as the header; got {len(row)}")


@styled
def table_figure(table: Table) -> Figure:
    """Draw a table as a picture.

    Examples
    --------
    >>> from emotion_native.reports import Table, table_figure
    >>> figure = table_figure(Table("Scores", ["Measure", "Value"], [["Accuracy", "0.80"]]))
    """
    cells = [[shown_label(cell, 44) if cell else "" for cell in row] for row in [table.header, *table.rows]]
    widths = [max(len(row[j]) for row in cells) * 0.088 + 0.34 for j in range(len(table.header))]
    lines = [line for note in table.notes for line in _wrapped(note, max(48, int(sum(widths) / 0.072)))]
    row_height, head, foot = 0.27, 0.5, 0.08 + 0.19 * len(lines)
    width, height = sum(widths) + 0.2, head + row_height * len(cells) + foot
    figure, axes = new_figure(width, height)
    figure.set_layout_engine("none")
    axes.set_position((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(0.0, width)
    axes.set_ylim(height, 0.0)
    axes.axis("off")
    axes.text(0.1, 0.22, shown_label(table.title, 90), fontsize=12, fontweight="bold", va="center")
    edges = _edges(widths)
    for i, row in enumerate(cells):
        y = head + row_height * (i + 0.5)
        for j, cell in enumerate(row):
            left = j == 0
            x = edges[j] + 0.12 if left else edges[j + 1] - 0.12
            axes.text(x, y, cell, ha="left" if left else "right", va="center", fontsize=9.5, color=INK, fontweight="bold" if i == 0 else "normal")
        rule = 1.2 if i == 0 else (0.5 if i < len(cells) - 1 else 1.2)
        axes.plot([0.1, width - 0.1], [head + row_height * (i + 1)] * 2, color=INK if rule > 1 else LINE, linewidth=rule, solid_capstyle="butt")
    axes.plot([0.1, width - 0.1], [head, head], color=INK, linewidth=1.2, solid_capstyle="butt")
    for i, line in enumerate(lines):
        axes.text(0.22, head + row_height * len(cells) + 0.14 + 0.19 * i, line, fontsize=8, color=MUTED, va="center")
    return figure


def _edges(widths: Sequence[float]) -> list[float]:
    edges = [0.1]
    for width in widths:
        edges.append(edges[-1] + width)
    return edges


def _wrapped(text: str, width: int) -> list[str]:
    import textwrap

    return textwrap.wrap(shown_label(text, 400), width)
