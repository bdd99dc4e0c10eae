"""Tree ensembles on the native core, and several classifiers together (votes, stacking), with scikit-learn's interface."""

from __future__ import annotations

from ._boosting import GradientBoostingClassifier
from ._forest import ExtraTreesClassifier, RandomForestClassifier
from ._search_vote import SearchVotingClassifier
from ._stacking import StackingClassifier
from ._voting import VotingClassifier

__all__ = [
    "ExtraTreesClassifier",
    "GradientBoostingClassifier",
    "RandomForestClassifier",
    "SearchVotingClassifier",
    "StackingClassifier",
    "VotingClassifier",
]
