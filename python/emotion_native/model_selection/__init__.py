"""Splits that keep groups whole, and cross-validation that refuses to leak.

A *group* is whatever must never be on both sides of a split: a speaker, a recording, a duplicated clip (`joined_groups` joins all three).
Everything here that splits rows wants ``groups``. Without them it raises `LeakageError`; the two explicit ways out are the argument
``allow_ungrouped=True`` and ``emotion_native.config_context(ungrouped="allow")``, and either is remembered in the result.

Names, arguments and results are scikit-learn's; its own splitters are accepted as ``cv`` too, but the folds that they yield are checked.
"""

from __future__ import annotations

from ._base_search import BaseSearchCV
from ._comparison import compare_estimators
from ._cross_validation import cross_val_predict, cross_val_score, cross_validate
from ._crossed import CrossedGroupKFold
from ._folds import Folds, resolve_folds, split_hash
from ._groups import joined_groups
from ._published import PredefinedGroupSplit, published_folds, published_names
from ._repeated import RepeatedGroupKFold, RepeatedKFold, RepeatedStratifiedGroupKFold, RepeatedStratifiedKFold
from ._search import GridSearchCV, RandomizedSearchCV
from ._settings import ParameterGrid, ParameterSampler
from ._split_file import SavedSplit, load_split, save_split
from ._splitters import GroupKFold, GroupShuffleSplit, KFold, LeaveOneGroupOut, StratifiedGroupKFold, StratifiedKFold
from ._train_test_split import train_test_split
from ._warnings import FitFailedWarning, MissingClassWarning

__all__ = [
    "BaseSearchCV",
    "CrossedGroupKFold",
    "FitFailedWarning",
    "Folds",
    "GridSearchCV",
    "GroupKFold",
    "GroupShuffleSplit",
    "KFold",
    "LeaveOneGroupOut",
    "MissingClassWarning",
    "ParameterGrid",
    "ParameterSampler",
    "PredefinedGroupSplit",
    "RandomizedSearchCV",
    "RepeatedGroupKFold",
    "RepeatedKFold",
    "RepeatedStratifiedGroupKFold",
    "RepeatedStratifiedKFold",
    "SavedSplit",
    "StratifiedGroupKFold",
    "StratifiedKFold",
    "compare_estimators",
    "cross_val_predict",
    "cross_val_score",
    "cross_validate",
    "joined_groups",
    "load_split",
    "published_folds",
    "published_names",
    "resolve_folds",
    "save_split",
    "split_hash",
    "train_test_split",
]
