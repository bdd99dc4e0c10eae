"""Explanations of fitted models: exact for trees and linear models, by permutation for all others; and which columns a score rests on."""

from __future__ import annotations

from ._explanation import Explanation
from ._importance import PermutationImportance, permutation_importance
from ._linear import LinearExplainer
from ._permutation import PermutationExplainer
from ._tree import TreeExplainer

__all__ = ["Explanation", "LinearExplainer", "PermutationExplainer", "PermutationImportance", "TreeExplainer", "permutation_importance"]
