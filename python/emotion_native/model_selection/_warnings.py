"""Warnings of cross-validation that are also scikit-learn's, so that filters written for it keep working."""

from __future__ import annotations

from sklearn.exceptions import FitFailedWarning as _FitFailedWarning

from ..exceptions import EmotionNativeWarning

__all__ = ["FitFailedWarning", "MissingClassWarning"]


class FitFailedWarning(EmotionNativeWarning, _FitFailedWarning):  # type: ignore[misc]  # scikit-learn has no type information
    """Some fits or scorers of a cross-validation failed and count as ``error_score``."""


class MissingClassWarning(EmotionNativeWarning, RuntimeWarning):
    """A training part lacks a class that other rows have: its probability there is 0."""
