"""The command line: ``emotion-native COMMAND``. Each command loads what it needs when it runs."""

from __future__ import annotations

from .entry import main

__all__ = ["main"]
