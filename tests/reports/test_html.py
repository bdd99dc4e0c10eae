"""The HTML page stands alone and escapes everything."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotion_native import reports

pytestmark = pytest.mark.unsanitized  # pictures and pages, drawn by Python alone

HOSTILE = '"><script>alert(1)</script><img src=http://x onerror=y>&amp;\x00\u202e'


class Collector(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def full_page(text: str) -> str:
    page = reports.HtmlPage(text, first_line=text, subtitle=text, warning=True)
    page.section(text)
    page.paragraph(text)
    page.notice(text)
    page.bullets([text])
    page.cards([reports.Card(text, text, text)])
    page.table(reports.Table(text, [text, text], [[text, text]], [text]))
    page.figures([(text, b"\x89PNG")])
    page.details(text, text)
    return page.render()


def parsed(source: str) -> Collector:
    collector = Collector()
    collector.feed(source)
    collector.close()
    return collector


PLAIN_TAGS = sorted(tag for tag, _ in parsed(full_page("x")).tags)


@settings(max_examples=60)
@given(st.text())
def test_text_never_becomes_markup(text: str) -> None:
    """Whatever the texts are, the page has the tags of the page with plain texts."""
    assert sorted(tag for tag, _ in parsed(full_page(text)).tags) == PLAIN_TAGS


def test_hostile_text_is_shown_as_text() -> None:
    page = parsed(full_page(HOSTILE))
    assert sorted(tag for tag, _ in page.tags) == PLAIN_TAGS
    assert "<script>alert(1)</script>" in "".join(page.text)
    assert "\x00" not in "".join(page.text) and "\u202e" not in "".join(page.text)


def test_only_names_wrap_in_tables() -> None:
    """A long speaker's name may break anywhere; a number or a heading beside it may not ("0.21" over "4")."""
    style = reports.HtmlPage("T", first_line="f", subtitle="s").render().split("<style>")[1].split("</style>")[0]
    cells = next(line for line in style.splitlines() if line.startswith("th, td {"))
    names = next(line for line in style.splitlines() if line.startswith("th:first-child, td:first-child {"))
    assert "white-space: nowrap" in cells and "overflow-wrap" not in cells
    assert "white-space: normal" in names and "overflow-wrap: anywhere" in names


def test_stands_alone() -> None:
    source = full_page("x")
    for tag, attributes in parsed(source).tags:
        assert tag not in ("script", "link", "iframe", "object", "base", "form")
        for name in ("src", "href", "action"):
            assert (attributes.get(name) or "data:").startswith("data:")
        assert not any(name.startswith("on") for name in attributes)
    assert not re.search(r"url\(|@import|https?://", source)
    assert "default-src 'none'" in source


def test_first_line_is_the_first_text_of_the_body() -> None:
    source = reports.HtmlPage("Title", first_line="UNGROUPED SPLIT", warning=True).render()
    body = source[source.index("<body>") :]
    assert body.index("UNGROUPED SPLIT") < body.index("Title")
    assert 'class="first warning"' in body


@pytest.mark.parametrize(("grouped", "begin"), [(True, "Grouped split"), (False, "UNGROUPED SPLIT")])
def test_split_statement(grouped: bool, begin: str) -> None:
    text = reports.split_statement(grouped=grouped, group_by=["speaker", "recording", "content"], n_speakers=5, n_groups=5, n_folds=5)
    assert text.startswith(begin) and "5 speakers" in text


@pytest.mark.parametrize(
    ("n", "text"), [(1, "Only 1 speaker: a demonstration, not evidence."), (6, "Only 6 speakers: a demonstration, not evidence."), (30, "")]
)
def test_evidence_note(n: int, text: str) -> None:
    assert reports.evidence_note(n) == text


def test_evidence_note_says_which_interval() -> None:
    few = "24 speakers: the 95 % intervals are wide because speakers are few"
    assert reports.evidence_note(24, "jackknife over speakers, Student's t") == f"{few} (jackknife over speakers, Student's t)."
    assert reports.evidence_note(24) == reports.evidence_note(24, "none: the score is undefined") == f"{few}."


def test_intervals_name_their_speakers() -> None:
    assert reports.format_interval(0.1, 0.25, 24) == "0.10 to 0.25 (24 speakers)"
    assert reports.format_interval(None, None, 1) == "not defined (1 speaker)"
    assert reports.format_interval(float("nan"), 0.5, 3).startswith("not defined")
