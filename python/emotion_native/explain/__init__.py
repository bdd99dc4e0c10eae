"""Exact explanations of fitted models."""

from __future__ import annotations

from ._explanation import Explanation
from ._tree import TreeExplainer

__all__ = ["Explanation", "TreeExplainer"]
