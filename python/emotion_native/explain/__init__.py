"""Exact explanations of fitted models."""

from __future__ import annotations

from ._tree import Explanation, TreeExplainer

__all__ = ["Explanation", "TreeExplainer"]
