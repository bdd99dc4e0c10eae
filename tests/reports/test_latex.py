"""LaTeX: escaped, balanced, booktabs."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotion_native import reports

pytestmark = pytest.mark.unsanitized  # pictures and pages, drawn by Python alone

ALLOWED = re.compile(
    r"\\(?:[&%$#_{}]|text(?:backslash|asciitilde|asciicircum|less|greater|bar|quotedbl|asciigrave)\{\}|ldots\{\}|kappa|pm|times|leq|geq)"
)


@given(st.text())
def test_nothing_that_latex_runs_survives(text: str) -> None:
    """After removing the escapes that we write, no special character is left, and braces are balanced."""
    escaped = reports.latex_escape(text)
    bare = ALLOWED.sub("", escaped).replace("$$", "")
    assert not re.search(r"[\\&%#_~^]", bare)
    assert "\n" not in escaped and "\x00" not in escaped


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a_b", r"a\_b"),
        ("50 %", r"50 \%"),
        (r"\write18{rm}", r"\textbackslash{}write18\{rm\}"),
        ("[x]", "{[}x]"),
        ("$1^2$", r"\$1\textasciicircum{}2\$"),
        ("κ", r"$\kappa$"),
    ],
)
def test_escapes(text: str, escaped: str) -> None:
    assert reports.latex_escape(text) == escaped


def test_table_has_rules_and_as_many_cells_as_columns() -> None:
    source = reports.latex_tables([reports.Table("T & x", ["A", "B", "C"], [["1", "2", "3"], ["&", "%", "\\"]], ["note_1"])])
    assert r"\begin{tabular}{lrr}" in source
    for rule in (r"\toprule", r"\midrule", r"\bottomrule"):
        assert source.count(rule) == 1
    rows = [line for line in source.splitlines() if line.endswith(r" \\")]
    assert len(rows) == 3 and all(len(re.findall(r"(?<!\\)&", row)) == 2 for row in rows)
    assert r"T \& x. note\_1" in source
