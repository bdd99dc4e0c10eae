"""Experiments: settings, training with grouped cross-validation, held-out evaluation, the run folder that holds the results, and the
comparison of runs."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .card import model_card
    from .comparing import ComparedPair, RunComparison, compare
    from .evaluation import Evaluation, evaluate
    from .layers import LayeredSettings, load_settings
    from .settings import ExtraTreesSettings, ForestSettings, GradientBoostingSettings, LogisticSettings, Settings, SmoteSettings
    from .training import TrainingRun, train

_NAMES = {
    "ComparedPair": "comparing",
    "Evaluation": "evaluation",
    "ExtraTreesSettings": "settings",
    "ForestSettings": "settings",
    "GradientBoostingSettings": "settings",
    "LayeredSettings": "layers",
    "LogisticSettings": "settings",
    "RunComparison": "comparing",
    "Settings": "settings",
    "SmoteSettings": "settings",
    "TrainingRun": "training",
    "compare": "comparing",
    "evaluate": "evaluation",
    "load_settings": "layers",
    "model_card": "card",
    "train": "training",
}

__all__ = [
    "ComparedPair",
    "Evaluation",
    "ExtraTreesSettings",
    "ForestSettings",
    "GradientBoostingSettings",
    "LayeredSettings",
    "LogisticSettings",
    "RunComparison",
    "Settings",
    "SmoteSettings",
    "TrainingRun",
    "compare",
    "evaluate",
    "load_settings",
    "model_card",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(importlib.import_module(f".{_NAMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
