"""Tables for LaTeX documents (package booktabs)."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from .tables import Table

__all__ = ["latex_escape", "latex_tables"]

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "κ": r"$\kappa$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "−": r"$-$",
    "↓": r"$\downarrow$",
}


def latex_escape(text: object) -> str:
    """Return text that LaTeX prints as it stands and never runs.

    Examples
    --------
    >>> latex_escape("50 % of {x} \\\\input{/etc/passwd}")
    '50 \\\\% of \\\\{x\\\\} \\\\textbackslash{}input\\\\{/etc/passwd\\\\}'
    """
    line = " ".join(str(text).encode("utf-8", "replace").decode("utf-8").split())
    escaped = "".join(_SPECIAL.get(character, character) for character in line if unicodedata.category(character)[0] != "C")
    return "{" + escaped[0] + "}" + escaped[1:] if escaped[:1] in ("[", "*") else escaped  # after \\ these would start an argument


def latex_tables(tables: Sequence[Table], *, label: str = "emotion") -> str:
    """Return the tables as LaTeX source with booktabs rules.

    Examples
    --------
    >>> from emotion_native.reports import Table, latex_tables
    >>> print(latex_tables([Table("Scores", ["Measure", "Value"], [["F1_macro", "0.80"]])]).splitlines()[7])
      F1\\_macro & 0.80 \\\\
    """
    lines = ["% Needs \\usepackage{booktabs}."]
    for number, table in enumerate(tables, 1):
        lines += [
            r"\begin{table}[htbp]",
            r"  \centering",
            rf"  \begin{{tabular}}{{l{'r' * (len(table.header) - 1)}}}",
            r"  \toprule",
            "  " + " & ".join(latex_escape(cell) for cell in table.header) + r" \\",
            r"  \midrule",
            *("  " + " & ".join(latex_escape(cell) for cell in row) + r" \\" for row in table.rows),
            r"  \bottomrule",
            r"  \end{tabular}",
            rf"  \caption{{{latex_escape(' '.join([table.title + '.', *table.notes]))}}}",
            rf"  \label{{tab:{label}-{number}}}",
            r"\end{table}",
            "",
        ]
    return "\n".join(lines)
