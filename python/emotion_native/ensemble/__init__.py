"""Tree ensembles on the native core, with scikit-learn's interface."""

from __future__ import annotations

from ._boosting import GradientBoostingClassifier
from ._forest import ExtraTreesClassifier, RandomForestClassifier

__all__ = ["ExtraTreesClassifier", "GradientBoostingClassifier", "RandomForestClassifier"]
