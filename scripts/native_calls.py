"""A pytest plugin (``-p native_calls``): fails a run in which some function of the compiled module was never called.

The binding tests under the sanitizers use it (scripts/test), so that no binding escapes them, whatever is left out there for its cost.
Functions, and methods and properties of classes, are counted by their Python names; calls in child processes are not counted.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import WrapperDescriptorType
from typing import Any

import pytest

called: set[str] = set()
known: set[str] = set()


def _counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    known.add(name)

    @functools.wraps(function, updated=())
    def call(*args: Any, **kwargs: Any) -> Any:
        called.add(name)
        return function(*args, **kwargs)

    return call


def _count_class(cls: type) -> None:
    for name, member in list(vars(cls).items()):
        full = f"{cls.__name__}.{name}"
        if isinstance(member, property) and member.fget is not None:
            setattr(cls, name, property(_counted(full, member.fget), member.fset, member.fdel, member.__doc__))
        elif isinstance(member, staticmethod):
            setattr(cls, name, staticmethod(_counted(full, member.__func__)))
        elif isinstance(member, WrapperDescriptorType):
            continue  # the __init__ of a class that Python cannot construct
        elif name == "__init__" or (callable(member) and not name.startswith("_")):
            setattr(cls, name, _counted(full, member))


def _count_all() -> None:
    """Put a counting function in the place of each function and method of the compiled module."""
    from emotion_native import _core

    for name, member in list(vars(_core).items()):
        if isinstance(member, type):
            if not issubclass(member, BaseException):
                _count_class(member)
        elif callable(member):
            setattr(_core, name, _counted(name, member))


def pytest_configure(config: pytest.Config) -> None:
    _count_all()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Add what a worker of pytest-xdist called."""
    called.update(getattr(node, "workeroutput", {}).get("native_calls", ()))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["native_calls"] = sorted(called)
    elif exitstatus == pytest.ExitCode.OK and known - called:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(f"native calls: {len(known & called)} of {len(known)} functions of the compiled module were called")
    if known - called:
        terminalreporter.write_line("native calls: never called: " + ", ".join(sorted(known - called)), red=True)
