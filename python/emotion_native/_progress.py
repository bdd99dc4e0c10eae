"""Progress of work that takes over a second: a callable, a bar, or nothing."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .exceptions import InvalidInputError

Progress = Callable[[int, int], object] | bool | None
Advance = Callable[[int], None]
_PATIENCE_S = 1.0


def _interactive() -> bool:
    return bool(sys.stderr and sys.stderr.isatty()) or "ipykernel" in sys.modules


class _Bar:
    """A rich bar that appears once the work has taken a second."""

    def __init__(self, text: str, total: int, patience_s: float) -> None:
        self._text, self._total = text, total
        self._show_at = time.monotonic() + patience_s
        self._bar: Any = None
        self._task: Any = None

    def __call__(self, done: int) -> None:
        if self._bar is None:
            if time.monotonic() < self._show_at:
                return
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            in_notebook = None if importlib.util.find_spec("ipywidgets") else False  # without that package rich would warn and show nothing
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=Console(stderr=True, force_jupyter=in_notebook))
            self._bar.start()
            self._task = self._bar.add_task(self._text, total=self._total)
        self._bar.update(self._task, completed=done)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()


@contextmanager
def progress_reporter(progress: Progress, text: str, total: int, *, caller: str) -> Iterator[Advance]:
    """Yield a function to call with the number of finished items.

    A callable gets ``(done, total)``; ``True`` shows a bar at once; ``None`` shows one after a second where someone watches (terminal, notebook);
    ``False`` shows nothing.
    """
    if progress is False or (progress is None and not _interactive()):
        yield lambda done: None
    elif progress is None or progress is True:
        bar = _Bar(text, total, 0.0 if progress else _PATIENCE_S)
        try:
            yield bar
        finally:
            bar.close()
    elif callable(progress):
        report = progress

        def advance(done: int) -> None:
            report(done, total)

        yield advance
    else:
        raise InvalidInputError(f"progress of {caller} must be a callable of (done, total), True, False or None; got {progress!r}")
