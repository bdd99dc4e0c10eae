"""Trees, samplers and explanations: equal bits for 1, 2 and 7 threads, and for many Python threads that share one model."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
import pytest

import emotion_native as en
from emotion_native.ensemble import ExtraTreesClassifier, GradientBoostingClassifier, RandomForestClassifier

THREADS = 8


@cache
def table() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = rng.choice(4, size=600, p=[0.4, 0.3, 0.2, 0.1])
    X = rng.normal(size=(600, 15)).astype(np.float32)
    X[np.arange(600), y] += 2
    return X, y, np.arange(600) % 20


MODELS: dict[str, Callable[[int], Any]] = {
    "forest": lambda n: RandomForestClassifier(25, random_state=0, oob_score=True, class_weight="balanced_subsample", n_jobs=n),
    "extra trees": lambda n: ExtraTreesClassifier(25, random_state=0, bootstrap=True, oob_score=True, n_jobs=n),
    "boosting": lambda n: GradientBoostingClassifier(n_estimators=12, random_state=0, n_jobs=n),
    "stochastic boosting": lambda n: GradientBoostingClassifier(
        n_estimators=12, subsample=0.7, max_features=5, n_iter_no_change=4, class_weight="balanced", random_state=0, n_jobs=n
    ),
}
SAMPLERS: dict[str, Callable[[int], Any]] = {
    "SMOTE": lambda n: en.over_sampling.SMOTE(random_state=0, n_jobs=n),
    "BorderlineSMOTE": lambda n: en.over_sampling.BorderlineSMOTE(random_state=0, n_jobs=n),
}


def fitted(name: str, n_jobs: int) -> Any:
    X, y, groups = table()
    stopped = name == "stochastic boosting"
    return MODELS[name](n_jobs).fit(X, y, groups=groups) if stopped else MODELS[name](n_jobs).fit(X, y)


def everything(model: Any) -> list[np.ndarray]:
    """Return all that a model says of some rows."""
    X, _, _ = table()
    found = [model.predict_proba(X), model.feature_importances_]
    if hasattr(model, "staged_predict_proba"):
        found += [model.apply(X), model.decision_function(X), *model.staged_predict_proba(X), *model.staged_decision_function(X)]
    for background in (None, X[:10]):
        explanation = en.explain.TreeExplainer(model, background, n_jobs=model.n_jobs)(X[:20])
        found += [explanation.values, np.asarray(explanation.base_values)]
    if getattr(model, "oob_score", False):
        found.append(model.oob_decision_function_)
    return found


def assert_same(one: list[np.ndarray], other: list[np.ndarray]) -> None:
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", MODELS)
def test_models_have_equal_bits_for_any_n_jobs(name: str) -> None:
    expected = everything(fitted(name, 1))
    for n_jobs in (2, 7):
        assert_same(everything(fitted(name, n_jobs)), expected)


@pytest.mark.parametrize("name", SAMPLERS)
def test_samplers_have_equal_bits_for_any_n_jobs(name: str) -> None:
    X, y, _ = table()
    expected = SAMPLERS[name](1).fit_resample(X, y)
    for n_jobs in (2, 7):
        assert_same(SAMPLERS[name](n_jobs).fit_resample(X, y), expected)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_python_threads_share_one_model(name: str, n_jobs: int) -> None:
    model = fitted(name, n_jobs)
    expected = everything(model)
    with ThreadPoolExecutor(THREADS) as pool:
        for found in pool.map(lambda _: everything(model), range(2 * THREADS)):
            assert_same(found, expected)


def test_python_threads_fit_and_sample_side_by_side() -> None:
    X, y, _ = table()
    work = [lambda name=name: [fitted(name, 2).predict_proba(X)] for name in MODELS]
    work += [lambda name=name: list(SAMPLERS[name](2).fit_resample(X, y)) for name in SAMPLERS]
    expected = [one() for one in work]
    with ThreadPoolExecutor(THREADS) as pool:
        for i, found in enumerate(pool.map(lambda one: one(), work * 3)):
            assert_same(found, expected[i % len(work)])
