"""Tree ensembles on the native core, and votes of several classifiers, with scikit-learn's interface."""

from __future__ import annotations

from ._boosting import GradientBoostingClassifier
from ._forest import ExtraTreesClassifier, RandomForestClassifier
from ._voting import VotingClassifier

__all__ = ["ExtraTreesClassifier", "GradientBoostingClassifier", "RandomForestClassifier", "VotingClassifier"]
