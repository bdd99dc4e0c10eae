"""Fixtures that every test may use, and the count of the tests that ran on real corpora."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Generator
from pathlib import Path

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


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-shared-data", action="store_true", help="fail if the shared corpora are beside the repository and no test on them passed"
    )


_real_outcomes: Counter[str] = Counter()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "shared_data" in getattr(item, "fixturenames", ()):
            item.add_marker("real_data")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if item.get_closest_marker("real_data") is not None and (report.when == "call" or report.outcome != "passed"):
        _real_outcomes[report.outcome] += 1
    return report


def _shared_data_missed(config: pytest.Config) -> bool:
    return bool(config.getoption("--require-shared-data")) and shared_data_present() and not _real_outcomes["passed"]


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
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
