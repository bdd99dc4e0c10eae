"""Fitted classifiers of every kind that can be exported, and rows that lie where comparisons go wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from emotion_native.calibration import AbstainingClassifier, CalibratedClassifierCV
from emotion_native.ensemble import ExtraTreesClassifier, GradientBoostingClassifier, RandomForestClassifier
from emotion_native.feature_selection import SelectKBest
from emotion_native.impute import SimpleImputer
from emotion_native.linear_model import LogisticRegression
from emotion_native.multilabel import OneVsRestClassifier
from emotion_native.pipeline import make_pipeline
from emotion_native.preprocessing import StandardScaler

Rows = npt.NDArray[np.float32]


def make_data(n_classes: int, *, missing: bool) -> tuple[Rows, npt.NDArray[Any]]:
    """Return 240 rows of 7 columns on scales from 1e-3 to 1e5, some values missing if asked for, and labels that depend on them."""
    generator = np.random.default_rng(11)
    z = generator.normal(size=(240, 7))
    y = np.array(["angry", "calm", "happy", "sad"])[
        np.digitize(z[:, 0] + z[:, 3] + 0.5 * generator.normal(size=240), [-0.8, 0.1, 0.9][: n_classes - 1])
    ]
    X = (z * np.geomspace(1e-3, 1e5, 7) + 3).astype(np.float32)
    X[:, 2] = np.round(X[:, 2])  # many equal values: thresholds at values of rows
    if missing:
        X[generator.random(X.shape) < 0.1] = np.nan
    return X, y


_ESTIMATORS: dict[str, Callable[[], Any]] = {
    "forest": lambda: RandomForestClassifier(n_estimators=40, random_state=0),
    "shallow_forest": lambda: RandomForestClassifier(n_estimators=30, max_depth=3, min_samples_leaf=4, random_state=0),
    "extra_trees": lambda: ExtraTreesClassifier(n_estimators=25, random_state=1),
    "boosting": lambda: GradientBoostingClassifier(n_estimators=30, random_state=2),
    "logistic": lambda: LogisticRegression(),
    "one_vs_rest": lambda: OneVsRestClassifier(LogisticRegression()),
}
_STEPS: dict[str, Callable[[], list[Any]]] = {
    "alone": lambda: [],
    "scaled": lambda: [StandardScaler()],
    "prepared": lambda: [SimpleImputer(strategy="median"), StandardScaler(with_mean=False), SelectKBest(k=4), StandardScaler(with_std=False)],
}


@pytest.fixture(scope="session")
def data() -> Callable[..., tuple[Rows, npt.NDArray[Any]]]:
    """Return `make_data`."""
    return make_data


@pytest.fixture(scope="session")
def fitted() -> Callable[..., tuple[Any, Rows]]:
    """Return a function that fits a named pipeline once and returns it with its training rows."""
    known: dict[Any, tuple[Any, Rows]] = {}

    def fit(estimator: str, steps: str, n_classes: int, method: str | None = None) -> tuple[Any, Rows]:
        key = (estimator, steps, n_classes, method)
        if key not in known:
            X, y = make_data(n_classes, missing=steps == "prepared" or (estimator not in ("logistic", "one_vs_rest") and n_classes == 4))
            model = make_pipeline(*_STEPS[steps](), _ESTIMATORS[estimator]())
            if method is None:
                known[key] = model.fit(X, y), X
            else:
                wrapped = AbstainingClassifier(CalibratedClassifierCV(model, method=method, cv=3), target_coverage=0.7)
                known[key] = wrapped.fit(X, y, groups=np.arange(len(y)) % 12), X
        return known[key]

    return fit
