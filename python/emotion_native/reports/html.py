"""An HTML page that stands alone: figures inside, no scripts, nothing fetched; every text is escaped."""

from __future__ import annotations

import base64
import html
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from .tables import Table

__all__ = ["Card", "HtmlPage"]

_STYLE = """
:root { --ink: #1b1f2a; --muted: #5b6372; --line: #dfe3ea; --paper: #fff; --wash: #f5f7fa; --accent: #0072B2;
  --warn: #b04a00; --warnwash: #fff4ea; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--wash); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 1040px; margin: 0 auto; padding: 2.2rem 2rem 4rem; background: var(--paper); min-height: 100vh; }
.first { margin: 0 0 1.4rem; padding: .6rem .9rem; border-left: 4px solid var(--accent); background: #eef5fb; font-size: .95rem; }
.first.warning { border-color: var(--warn); background: var(--warnwash); font-weight: 600; }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0 0 .3rem; }
h2 { font-size: 1.2rem; margin: 2.6rem 0 .8rem; padding-top: 1.1rem; border-top: 1px solid var(--line); }
.subtitle { color: var(--muted); margin: 0 0 1.4rem; overflow-wrap: anywhere; }
p, li { max-width: 46rem; }
.notice { border-left: 4px solid var(--warn); background: var(--warnwash); padding: .6rem .9rem; margin: 1rem 0; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(12rem, 1fr)); gap: .9rem; margin: 1.4rem 0; }
.card { border: 1px solid var(--line); border-radius: 8px; padding: .8rem 1rem; }
.card .name { color: var(--muted); font-size: .85rem; }
.card .value { font-size: 1.75rem; font-weight: 650; line-height: 1.3; font-variant-numeric: tabular-nums; }
.card .detail { color: var(--muted); font-size: .82rem; line-height: 1.4; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 650; padding-bottom: .45rem; }
th, td { padding: .32rem .8rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: .2rem; min-width: 7rem; white-space: normal; overflow-wrap: anywhere; }
thead th { border-bottom: 1.5px solid var(--ink); border-top: 1.5px solid var(--ink); font-weight: 650; }
.tablenote { color: var(--muted); font-size: .82rem; margin: .2rem 0; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 1.2rem; align-items: start; margin: 1rem 0; }
.figures.wide { grid-template-columns: 1fr; max-width: 52rem; }
figure { margin: 0; }
figcaption { color: var(--muted); font-size: .85rem; margin: .3rem 0 .6rem; max-width: 46rem; }
figure img { max-width: 100%; height: auto; border: 1px solid var(--line); border-radius: 8px;
  padding: .5rem; background: #fff; }
details { margin: 1rem 0; } summary { cursor: pointer; color: var(--accent); }
pre { background: var(--wash); border: 1px solid var(--line); border-radius: 8px; padding: .8rem 1rem; overflow-x: auto;
  font: .82rem/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
@media print { body, main { background: #fff; } main { padding: 0; } figure, table { break-inside: avoid; } }
@media (max-width: 640px) { main { padding: 1.2rem 1rem 3rem; } }
"""
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def _text(value: object) -> str:
    """Return escaped text without characters that have no place on a page."""
    raw = str(value).encode("utf-8", "replace").decode("utf-8")
    return html.escape("".join(character for character in raw if character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cf", "Cs")))


@dataclass(frozen=True)
class Card:
    """One headline number: its name, its value and what must be read beside it."""

    name: str
    value: str
    detail: str = ""


@dataclass
class HtmlPage:
    """A page that grows from top to bottom; ``render`` returns it.

    Attributes
    ----------
    title, subtitle : str
        Heading and the line under it.
    first_line : str
        How the rows were split: the first line of every report.
    warning : bool
        Whether the first line is a warning (an ungrouped split).

    Examples
    --------
    >>> from emotion_native.reports import HtmlPage
    >>> page = HtmlPage("Run <1>", first_line="Grouped by speaker.")
    >>> page.paragraph("a & b")
    >>> "Run &lt;1&gt;" in page.render() and "a &amp; b" in page.render()
    True
    """

    title: str
    first_line: str
    subtitle: str = ""
    warning: bool = False
    _parts: list[str] = field(default_factory=list, repr=False)

    def section(self, heading: str) -> None:
        """Start a section."""
        self._parts.append(f"<h2>{_text(heading)}</h2>")

    def paragraph(self, text: str) -> None:
        """Add a paragraph."""
        self._parts.append(f"<p>{_text(text)}</p>")

    def notice(self, text: str) -> None:
        """Add a paragraph that must not be overlooked."""
        self._parts.append(f'<p class="notice">{_text(text)}</p>')

    def bullets(self, lines: Sequence[str]) -> None:
        """Add a list."""
        if lines:
            self._parts.append("<ul>" + "".join(f"<li>{_text(line)}</li>" for line in lines) + "</ul>")

    def cards(self, cards: Sequence[Card]) -> None:
        """Add a row of headline numbers."""
        inner = "".join(
            f'<div class="card"><div class="name">{_text(card.name)}</div><div class="value">{_text(card.value)}</div>'
            f'<div class="detail">{_text(card.detail)}</div></div>'
            for card in cards
        )
        self._parts.append(f'<div class="cards">{inner}</div>')

    def table(self, table: Table) -> None:
        """Add a table with its title and notes."""
        head = "".join(f'<th scope="col">{_text(cell)}</th>' for cell in table.header)
        body = "".join("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in table.rows)
        notes = "".join(f'<p class="tablenote">{_text(note)}</p>' for note in table.notes)
        self._parts.append(
            f'<div class="scroll"><table><caption>{_text(table.title)}</caption><thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>{notes}"
        )

    def figures(self, pictures: Sequence[tuple[str, bytes]], *, wide: bool = False) -> None:
        """Add pictures, each (what it shows, PNG bytes): side by side, or ``wide`` ones below each other with that text as their caption."""
        inner = "".join(
            f'<figure><img alt="{_text(alt)}" src="data:image/png;base64,{base64.b64encode(png).decode("ascii")}">'
            f"{f'<figcaption>{_text(alt)}</figcaption>' if wide else ''}</figure>"
            for alt, png in pictures
        )
        self._parts.append(f'<div class="{"figures wide" if wide else "figures"}">{inner}</div>')

    def details(self, summary: str, text: str) -> None:
        """Add preformatted text behind a fold."""
        self._parts.append(f"<details><summary>{_text(summary)}</summary><pre>{_text(text)}</pre></details>")

    def render(self) -> str:
        """Return the page as HTML text."""
        first = "first warning" if self.warning else "first"
        return "\n".join(
            [
                "<!DOCTYPE html>",
                '<html lang="en"><head><meta charset="utf-8">',
                f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
                '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">',
                f"<title>{_text(self.title)}</title><style>{_STYLE}</style></head><body><main>",
                f'<p class="{first}">{_text(self.first_line)}</p>',
                f"<h1>{_text(self.title)}</h1>",
                f'<p class="subtitle">{_text(self.subtitle)}</p>',
                *self._parts,
                "</main></body></html>\n",
            ]
        )
