"""Model cards: what a model is for, what it learned from, how good it is and how that was found out, as Markdown and as a page."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from .html import HtmlPage
from .tables import Table

__all__ = ["ModelCard"]

_SPECIAL = re.compile(r"([\\`*_\[\]|#~])")


def _markdown(value: object) -> str:
    """Return text that Markdown shows as it is: names of labels, speakers and files are data."""
    line = " ".join(str(value).encode("utf-8", "replace").decode("utf-8").split())
    return _SPECIAL.sub(r"\\\1", html.escape("".join(c for c in line if c.isprintable()), quote=False))


@dataclass
class ModelCard:
    """A card that grows from top to bottom.

    Attributes
    ----------
    title, subtitle : str
        Heading and the line under it.
    first_line : str
        How rows were split in training and evaluation.
    warning : bool
        Whether the first line is a warning (an ungrouped split).

    Examples
    --------
    >>> from emotion_native.reports import ModelCard, Table
    >>> card = ModelCard("Model card", first_line="Grouped by speaker.")
    >>> card.section("Scores", Table("Scores", ["Measure", "Value"], [["Accuracy", "0.80"]]))
    >>> print(card.markdown().splitlines()[-1])
    | Accuracy | 0.80 |
    >>> "<h2>Scores</h2>" in card.html()
    True
    """

    title: str
    first_line: str
    subtitle: str = ""
    warning: bool = False
    _sections: list[tuple[str, tuple[str | Table | Sequence[str], ...]]] = field(default_factory=list, repr=False)

    def section(self, heading: str, *parts: str | Table | Sequence[str]) -> None:
        """Add a section of paragraphs (texts), tables and lists (sequences of texts); empty parts are left out."""
        kept = tuple(part for part in parts if isinstance(part, Table) or len(part))
        if kept:
            self._sections.append((heading, kept))

    def markdown(self) -> str:
        """Return the card as Markdown."""
        lines = [f"# {_markdown(self.title)}", ""]
        if self.subtitle:
            lines += [_markdown(self.subtitle), ""]
        lines += [f"**{_markdown(self.first_line)}**" if self.warning else _markdown(self.first_line), ""]
        for heading, parts in self._sections:
            lines += [f"## {_markdown(heading)}", ""]
            for part in parts:
                if isinstance(part, Table):
                    lines += _markdown_table(part)
                elif isinstance(part, str):
                    lines += [_markdown(part), ""]
                else:
                    lines += [*(f"- {_markdown(line)}" for line in part), ""]
        return "\n".join(lines).rstrip() + "\n"

    def html(self) -> str:
        """Return the card as a page that stands alone."""
        page = HtmlPage(self.title, first_line=self.first_line, subtitle=self.subtitle, warning=self.warning)
        for heading, parts in self._sections:
            page.section(heading)
            for part in parts:
                if isinstance(part, Table):
                    page.table(part)
                elif isinstance(part, str):
                    page.paragraph(part)
                else:
                    page.bullets(list(part))
        return page.render()


def _markdown_table(table: Table) -> list[str]:
    rows = [[_markdown(cell) or " " for cell in row] for row in [table.header, *table.rows]]
    rule = "|---|" + "---:|" * (len(table.header) - 1)
    lines = [f"| {' | '.join(row)} |" for row in rows]
    notes = [line for note in table.notes for line in (_markdown(note), "")]
    return [_markdown(table.title) + ":", "", lines[0], rule, *lines[1:], "", *notes]
