"""XGBoost: gradient boosting by histograms."""

from __future__ import annotations

from typing import Any

import numpy as np
import xgboost
from threadpoolctl import threadpool_limits

NAME = "xgboost"


class _OnThreads(xgboost.XGBClassifier):
    """It never takes more threads than OpenMP would, which the environment holds at one for everybody: lifted for its fit."""

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        """Fit on as many threads as `n_jobs` says."""
        with threadpool_limits(self.n_jobs, user_api="openmp"):
            return super().fit(*args, **kwargs)


def boosting(rounds: int, leaves: int, n_jobs: int) -> Any:
    """Return an unfitted model: leaf-wise like the others, as many leaves and bins; its rule for small leaves is a weight, left at its default."""
    return _OnThreads(
        n_estimators=rounds,
        max_leaves=leaves,
        max_depth=0,
        grow_policy="lossguide",
        tree_method="hist",
        max_bin=256,
        learning_rate=0.1,
        reg_lambda=1.0,
        n_jobs=n_jobs,
    )


def one_row(model: Any, row: np.ndarray) -> Any:
    """Return a call of its fastest public way for one row: prediction in place, one thread."""
    booster = model.get_booster()
    booster.set_param({"nthread": 1})
    return lambda: booster.inplace_predict(row)
