"""Emotion recognition from speech on a native core: leakage-free, calibrated, explained.

Public modules load on first use, so that ``import emotion_native`` stays fast and the inference runtime needs NumPy alone.

Examples
--------
>>> import emotion_native as en
>>> en.__version__.count(".")
2
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._config import config_context, get_config
from ._version import __version__

if TYPE_CHECKING:
    from . import (
        audio,
        augmentation,
        calibration,
        datasets,
        ensemble,
        exceptions,
        experiment,
        explain,
        export,
        feature_selection,
        features,
        impute,
        isotonic,
        linear_model,
        metrics,
        model_selection,
        multilabel,
        over_sampling,
        persistence,
        pipeline,
        preprocessing,
        reports,
        runtime,
        under_sampling,
    )
    from .persistence import save_model
    from .runtime import EmotionModel, Prediction, load_model

_MODULES = frozenset({
    "audio",
    "augmentation",
    "calibration",
    "datasets",
    "ensemble",
    "exceptions",
    "experiment",
    "explain",
    "export",
    "feature_selection",
    "features",
    "impute",
    "isotonic",
    "linear_model",
    "metrics",
    "model_selection",
    "multilabel",
    "over_sampling",
    "persistence",
    "pipeline",
    "preprocessing",
    "reports",
    "runtime",
    "under_sampling",
})
_NAMES = {"EmotionModel": "runtime", "Prediction": "runtime", "load_model": "runtime", "save_model": "persistence"}

__all__ = [
    "EmotionModel",
    "Prediction",
    "__version__",
    "audio",
    "augmentation",
    "calibration",
    "config_context",
    "datasets",
    "ensemble",
    "exceptions",
    "experiment",
    "explain",
    "export",
    "feature_selection",
    "features",
    "get_config",
    "impute",
    "isotonic",
    "linear_model",
    "load_model",
    "metrics",
    "model_selection",
    "multilabel",
    "over_sampling",
    "persistence",
    "pipeline",
    "preprocessing",
    "reports",
    "runtime",
    "save_model",
    "under_sampling",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    if name in _NAMES:
        return getattr(importlib.import_module(f".{_NAMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(name for name in {*globals(), *__all__} if name in __all__ or name.startswith("__"))
