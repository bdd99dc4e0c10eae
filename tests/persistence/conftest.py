"""Fitted pipelines of every kind of step, on synthetic rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from emotion_native.ensemble import ExtraTreesClassifier, GradientBoostingClassifier, RandomForestClassifier
from emotion_native.feature_selection import SelectKBest, f_classif
from emotion_native.impute import SimpleImputer
from emotion_native.linear_model import LogisticRegression
from emotion_native.over_sampling import RandomOverSampler
from emotion_native.pipeline import Pipeline
from emotion_native.preprocessing import StandardScaler

LABELS = np.array(["angry", "calm", "happy"])


@pytest.fixture(scope="session")
def data() -> tuple[npt.NDArray[np.float32], npt.NDArray[Any]]:
    """Return 120 rows of 9 columns on different scales, and labels that depend on them."""
    generator = np.random.default_rng(5)
    X = generator.normal(size=(120, 9)) * np.geomspace(0.01, 1e4, 9) + np.arange(9)
    z = (X[:, 0] - 0) / 0.01 + (X[:, 8] - 8) / 1e4
    y = LABELS[np.digitize(z + 0.3 * generator.normal(size=120), [-0.8, 1.2])]
    return X.astype(np.float32), y


RECIPES: dict[str, Callable[[], list[tuple[str, Any]]]] = {
    "forest": lambda: [("forest", RandomForestClassifier(n_estimators=7, random_state=0))],
    "cuts": lambda: [("forest", ExtraTreesClassifier(n_estimators=5, random_state=0))],
    "boosting": lambda: [("boosting", GradientBoostingClassifier(n_estimators=4, random_state=0))],
    "logistic": lambda: [("scaler", StandardScaler()), ("logistic", LogisticRegression())],
    "selected_forest": lambda: [
        ("impute", SimpleImputer(strategy="median")),
        ("scaler", StandardScaler()),
        ("sampler", RandomOverSampler(random_state=1)),
        ("select", SelectKBest(f_classif, k=4)),
        ("forest", RandomForestClassifier(n_estimators=9, max_depth=4, random_state=3)),
    ],
    "selected_logistic": lambda: [
        ("impute", SimpleImputer(strategy="mean")),
        ("select", SelectKBest(f_classif, k=5)),
        ("scaler", StandardScaler(with_mean=False)),
        ("logistic", LogisticRegression(C=0.3)),
    ],
}


@pytest.fixture(scope="session")
def pipelines(data: tuple[npt.NDArray[np.float32], npt.NDArray[Any]]) -> dict[str, Any]:
    """Return the fitted pipelines by name; treat them as read-only."""
    X, y = data
    return {name: Pipeline(recipe()).fit(X, y) for name, recipe in RECIPES.items()}
