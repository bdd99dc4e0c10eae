"""Experiments: settings, training with grouped cross-validation, held-out evaluation, and the run folder that holds the results."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .card import model_card
    from .evaluation import Evaluation, evaluate
    from .layers import LayeredSettings, load_settings
    from .settings import ExtraTreesSettings, ForestSettings, GradientBoostingSettings, LogisticSettings, Settings, SmoteSettings
    from .training import TrainingRun, train

_NAMES = {
    "Evaluation": "evaluation",
    "ExtraTreesSettings": "settings",
    "ForestSettings": "settings",
    "GradientBoostingSettings": "settings",
    "LayeredSettings": "layers",
    "LogisticSettings": "settings",
    "Settings": "settings",
    "SmoteSettings": "settings",
    "TrainingRun": "training",
    "evaluate": "evaluation",
    "load_settings": "layers",
    "model_card": "card",
    "train": "training",
}

__all__ = [
    "Evaluation",
    "ExtraTreesSettings",
    "ForestSettings",
    "GradientBoostingSettings",
    "LayeredSettings",
    "LogisticSettings",
    "Settings",
    "SmoteSettings",
    "TrainingRun",
    "evaluate",
    "load_settings",
    "model_card",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(importlib.import_module(f".{_NAMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
