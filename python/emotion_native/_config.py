"""Switches that hold for a block of code, per thread and per asyncio task."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal

from .exceptions import InvalidInputError

Ungrouped = Literal["error", "allow"]
_ungrouped: ContextVar[Ungrouped] = ContextVar("emotion_native_ungrouped", default="error")


def get_config() -> dict[str, str]:
    """Return the switches that hold here.

    Examples
    --------
    >>> import emotion_native as en
    >>> en.get_config()
    {'ungrouped': 'error'}
    """
    return {"ungrouped": _ungrouped.get()}


@contextmanager
def config_context(*, ungrouped: Ungrouped = "error") -> Iterator[None]:
    """Set switches for the block of a ``with`` statement.

    Parameters
    ----------
    ungrouped : {"error", "allow"}
        What happens where rows are split without groups: a `LeakageError`, or the split, remembered in ``ungrouped_`` and in every report.

    Raises
    ------
    InvalidInputError
        If a switch has another value.

    Examples
    --------
    >>> import emotion_native as en
    >>> with en.config_context(ungrouped="allow"):
    ...     en.get_config()["ungrouped"]
    'allow'
    """
    if ungrouped not in ("error", "allow"):
        raise InvalidInputError(f"ungrouped of config_context must be 'error' or 'allow'; got {ungrouped!r}")
    token = _ungrouped.set(ungrouped)
    try:
        yield
    finally:
        _ungrouped.reset(token)


def ungrouped_allowed() -> bool:
    """Return whether splits without groups are allowed here."""
    return _ungrouped.get() == "allow"
