"""Over-sampling of small classes."""

from __future__ import annotations

from ._random import RandomOverSampler

__all__ = ["RandomOverSampler"]
