"""LightGBM: gradient boosting."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np

NAME = "lightgbm"


def boosting(rounds: int, leaves: int, n_jobs: int) -> Any:
    """Return an unfitted model with the settings that all sides share: 31 leaves, 255 bins, rate 0.1, L2 1, 20 rows a leaf."""
    return lightgbm.LGBMClassifier(
        n_estimators=rounds, num_leaves=leaves, max_bin=255, learning_rate=0.1, reg_lambda=1.0, min_child_samples=20, n_jobs=n_jobs, verbosity=-1
    )


def one_row(model: Any, row: np.ndarray) -> Any:
    """Return a call of its fastest public way for one row: the booster itself, one thread."""
    booster = model.booster_
    return lambda: booster.predict(row, num_threads=1)
