"""What commands print: results on stdout, everything else on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any

__all__ = ["StageProgress", "bar", "note", "print_json", "print_table", "safe"]


def print_json(value: Any) -> None:
    """Print one JSON document; NaN becomes null."""
    from ..experiment.run_folder import json_text

    sys.stdout.write(json_text(value))


def note(text: str = "") -> None:
    """Print a line for people on stderr."""
    print(safe(text), file=sys.stderr)


def safe(text: object) -> str:
    """Return text without characters that steer a terminal."""
    return "".join(character if character.isprintable() or character == "\n" else "�" for character in str(text))


def bar(share: float, width: int = 24) -> str:
    """Return a bar of blocks for a share between 0 and 1."""
    share = min(1.0, max(0.0, share)) if share == share else 0.0
    eighths = round(share * width * 8)
    return ("█" * (eighths // 8) + ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8]).ljust(width)


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]], *, indent: str = "  ") -> None:
    """Print a table: the first column to the left, the others to the right unless they are long."""
    cells = [[safe(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    left = [column == 0 or any(len(row[column]) > 28 for row in cells) for column in range(len(header))]
    for number, row in enumerate(cells):
        line = "  ".join(cell.ljust(width) if is_left else cell.rjust(width) for cell, width, is_left in zip(row, widths, left, strict=True))
        print((indent + line).rstrip())
        if number == 0:
            print(indent + "─" * (sum(widths) + 2 * (len(widths) - 1)))


class StageProgress:
    """One bar a stage on stderr; where nobody watches, one line when a stage ends."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._stage = ""
        self._started = 0.0
        self._bars: Any = None
        self._task: Any = None

    def __enter__(self) -> StageProgress:
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

            columns = (SpinnerColumn(), TextColumn("{task.description:<34}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._bars = Progress(*columns, console=Console(stderr=True))
            self._bars.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._finish(whole=kind is None)
        if self._bars is not None:
            self._bars.stop()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Say how far a stage is."""
        if self._quiet:
            return
        if stage != self._stage:
            self._finish(whole=True)
            self._stage, self._started = stage, time.monotonic()
            if self._bars is not None:
                self._task = self._bars.add_task(stage, total=max(1, total))
        if self._bars is not None:
            self._bars.update(self._task, completed=done, total=max(1, total))

    def _finish(self, *, whole: bool) -> None:
        if not self._stage or self._quiet:
            return
        if self._bars is not None:
            if whole:
                self._bars.update(self._task, completed=self._bars.tasks[self._task].total)
        elif whole:
            print(f"{self._stage}: {time.monotonic() - self._started:.1f} s", file=sys.stderr)
        self._stage = ""
