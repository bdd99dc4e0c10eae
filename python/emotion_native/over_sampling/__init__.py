"""Over-sampling of small classes."""

from __future__ import annotations

from ._random import RandomOverSampler
from ._smote import SMOTE, BorderlineSMOTE

__all__ = ["SMOTE", "BorderlineSMOTE", "RandomOverSampler"]
