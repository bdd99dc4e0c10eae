"""Under-sampling of large classes."""

from __future__ import annotations

from ._random import RandomUnderSampler

__all__ = ["RandomUnderSampler"]
