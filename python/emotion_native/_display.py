"""How results show themselves: one line in a console, a small table in a notebook."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from typing import Any

MOST_ROWS = 10


def counted(n: int, word: str) -> str:
    """Return a number with its word.

    Examples
    --------
    >>> counted(1, "row"), counted(1440, "row")
    ('1 row', '1,440 rows')
    """
    return f"{n:,} {word}{'' if n == 1 else 's'}"


def listed(values: Iterable[Any], most: int = 3) -> str:
    """Return the first few values, and whether there are more.

    Examples
    --------
    >>> listed(["angry", "calm", "happy", "sad"])
    "'angry', 'calm', 'happy', …"
    """
    known = list(values)
    return ", ".join([*(repr(getattr(value, "item", lambda value=value: value)()) for value in known[:most]), *(["…"] if len(known) > most else [])])


def cell(value: Any) -> str:
    """Return a value as the text of a cell: three places of a fraction, nothing for None and NaN, yes or nothing for truth values."""
    value = value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "yes" if value else ""
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def html_table(caption: str, header: Sequence[str], rows: Sequence[Sequence[Any]], n_rows: int | None = None) -> str:
    """Return a caption and a table as HTML, in the class of pandas' tables; ``n_rows``: how many rows there are where ``rows`` are the first.

    Examples
    --------
    >>> html_table("One", ["p"], [[0.5]])
    '<div><p>One</p><table class="dataframe"><thead><tr><th>p</th></tr></thead><tbody><tr><td>0.500</td></tr></tbody></table></div>'
    """
    head = "".join(f"<th>{html.escape(str(name))}</th>" for name in header)
    body = "".join(f"<tr>{''.join(f'<td>{html.escape(cell(value))}</td>' for value in row)}</tr>" for row in rows)
    left = 0 if n_rows is None else n_rows - len(rows)
    more = f"<p>… and {counted(left, 'row')} more</p>" if left > 0 else ""
    table = f'<table class="dataframe"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return f"<div><p>{html.escape(caption)}</p>{table}{more}</div>"
