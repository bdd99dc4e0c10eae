"""The bar: when it shows, and that it never shows unasked where nobody watches."""

from __future__ import annotations

import sys

import pytest

from emotion_native import _progress
from emotion_native.exceptions import InvalidInputError


def run(progress: object) -> None:
    with _progress.progress_reporter(progress, "Working", 3, caller="test") as advance:  # type: ignore[arg-type]  # wrong values are tested
        for done in range(1, 4):
            advance(done)


def test_true_shows_a_bar_and_false_and_none_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    run(False)
    run(None)
    assert capsys.readouterr() == ("", "")
    run(True)
    out, err = capsys.readouterr()
    assert out == "" and "Working" in err and "3/3" in err


def test_where_someone_watches_a_bar_appears_after_a_second(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_progress, "_interactive", lambda: True)
    run(None)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(_progress, "_PATIENCE_S", -1.0)  # as if the second had passed
    run(None)
    assert "Working" in capsys.readouterr().err


def test_a_callable_gets_done_and_total_and_other_things_are_refused() -> None:
    seen: list[tuple[int, int]] = []
    run(lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    with pytest.raises(InvalidInputError, match=r"progress of test must be a callable of \(done, total\)"):
        run("yes")


def test_no_standard_error_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    run(None)
