"""Fixtures that every test may use, and the count of the tests that ran on real corpora."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

# Jobs that a shell starts in the background ignore Ctrl-C, and tests of interrupts would fit for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED_DATA = REPOSITORY.parent / "shared" / "data"


def shared_data_present() -> bool:
    """Return whether the shared corpora lie beside the repository."""
    return (SHARED_DATA / "README.md").is_file()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real corpora beside the repository; the test is skipped where it is absent."""
    if not shared_data_present():
        pytest.skip("the shared corpora are not beside the repository (../shared/data)")
    return SHARED_DATA


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator with a fixed seed."""
    return np.random.default_rng(0)


@pytest.fixture
def sketched_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports draw every part of their figures, but small, without the search for a layout, and keep one picture for all: a run is three times
    as fast. The pictures themselves have tests of their own (tests/reports)."""
    from emotion_native import reports
    from emotion_native.reports.style import new_figure

    picture = reports.figure_png(new_figure(0.5, 0.5)[0])

    def sketch(figure: Any) -> bytes:
        figure.set_layout_engine("none")
        figure.set_dpi(20)
        figure.canvas.draw()
        return picture

    monkeypatch.setattr(reports, "figure_png", sketch)


@pytest.fixture(autouse=True)
def _pictures(request: pytest.FixtureRequest) -> None:
    """Tests that train runs sketch their pictures, unless they are marked as drawing them in full; shared runs are always drawn in full."""
    if request.path.parent.name in ("experiment", "apps") and request.node.get_closest_marker("drawn") is None:
        request.getfixturevalue("sketched_pictures")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-shared-data", action="store_true", help="fail if the shared corpora are beside the repository and no test on them passed"
    )


_real_outcomes: Counter[str] = Counter()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "shared_data" in getattr(item, "fixturenames", ()):
            item.add_marker("real_data")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if "real_data" in report.keywords and (report.when == "call" or report.outcome != "passed"):
        _real_outcomes[report.outcome] += 1


def _shared_data_missed(config: pytest.Config) -> bool:
    return bool(config.getoption("--require-shared-data")) and shared_data_present() and not _real_outcomes["passed"]


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if hasattr(session.config, "workerinput"):
        return  # the process that started the workers hears of every test
    if exitstatus == pytest.ExitCode.OK and _shared_data_missed(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if not shared_data_present():
        terminalreporter.write_line("shared corpora: not beside the repository (../shared/data); the tests on them were skipped")
        return
    outcomes = ", ".join(f"{_real_outcomes[outcome]} {outcome}" for outcome in ("passed", "failed", "skipped"))
    terminalreporter.write_line(f"shared corpora: tests that used them: {outcomes}")
    if _shared_data_missed(config):
        terminalreporter.write_line("shared corpora: they are there, but no test on them passed", red=True)
