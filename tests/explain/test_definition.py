"""TreeExplainer against all coalitions, path-dependent and interventional, for every kind of model; deep trees add up."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from emotion_native.ensemble import ExtraTreesClassifier, GradientBoostingClassifier, RandomForestClassifier
from emotion_native.explain import TreeExplainer


def output(model: Any, x: np.ndarray, known: frozenset[int], background: np.ndarray | None) -> np.ndarray:
    """The model's output where the other columns come from a background row, or from both branches by their cover."""
    boosting = hasattr(model, "_boosting")
    arrays = (model._boosting if boosting else model._forest).arrays()
    n_trees = len(arrays["tree_offsets"]) - 1
    values = arrays["value"].reshape(len(arrays["feature"]), -1)

    def walk(begin: int, i: int) -> np.ndarray:
        j = int(arrays["feature"][begin + i])
        if j < 0:
            leaf: np.ndarray = values[begin + i]
            return leaf
        left, right = int(arrays["left"][begin + i]), int(arrays["right"][begin + i])
        source = x if j in known else background
        if source is not None:
            goes_left = bool(arrays["missing_left"][begin + i]) if np.isnan(source[j]) else source[j] <= arrays["threshold"][begin + i]
            return walk(begin, left if goes_left else right)
        cover = arrays["cover"][[begin + left, begin + right]]
        share = cover[0] / cover.sum()
        return share * walk(begin, left) + (1 - share) * walk(begin, right)

    found = np.array(arrays["baseline"], dtype=float) if boosting else np.zeros(values.shape[1])
    for t, begin in enumerate(arrays["tree_offsets"][:-1]):
        if boosting:
            found[t % len(found)] += walk(int(begin), 0)[0]
        else:
            found += walk(int(begin), 0) / n_trees
    return found


def shapley(model: Any, x: np.ndarray, background: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    d = len(x)
    sources = [None] if background is None else list(background)
    coalitions = [frozenset(chosen) for size in range(d + 1) for chosen in itertools.combinations(range(d), size)]
    worth = {known: np.mean([output(model, x, known, source) for source in sources], axis=0) for known in coalitions}
    values = np.zeros((d, len(worth[frozenset()])))
    for j, known in itertools.product(range(d), coalitions):
        if j not in known:
            weight = math.factorial(len(known)) * math.factorial(d - 1 - len(known)) / math.factorial(d)
            values[j] += weight * (worth[known | {j}] - worth[known])
    return values, worth[frozenset()]


@pytest.mark.parametrize("seed", range(24))
def test_values_are_shapley_values(seed: int) -> None:
    """1e-11: float64 sums over 2^4 coalitions. Weighted rows, NaN, columns that come again on a path, trees of one leaf, margins of two classes."""
    r = np.random.default_rng(seed)
    n, d, k = int(r.integers(15, 60)), int(r.integers(1, 5)), int(r.integers(2, 4))
    y = r.integers(0, k, n)
    y[:k] = np.arange(k)
    X = (r.normal(size=(n, d)) + 0.5 * y[:, None]).astype(np.float32)
    if seed % 2:
        X[r.random(X.shape) < 0.2] = np.nan
    model = [
        RandomForestClassifier(2, random_state=seed, class_weight="balanced"),
        ExtraTreesClassifier(2, random_state=seed, bootstrap=True),
        GradientBoostingClassifier(n_estimators=2, max_depth=None, subsample=0.7, random_state=seed),
        GradientBoostingClassifier(n_estimators=2, min_samples_leaf=0.45, random_state=seed),
    ][seed % 4]
    model.fit(X, y, sample_weight=None if seed % 3 else 3 * r.random(n) + 0.01)
    asked = np.concatenate([X[-2:], r.normal(size=(1, d)).astype(np.float32)])
    asked[0, 0] = np.nan
    for background in (None, X[: 1 + seed % 7]):
        explainer = TreeExplainer(model, background)
        found = explainer(asked)
        for row, x in enumerate(asked):
            values, base = shapley(model, x, background)
            np.testing.assert_allclose(found.values[row], values, atol=1e-11)
            np.testing.assert_allclose(found.base_values[row], base, atol=1e-11)
            np.testing.assert_allclose(explainer.expected_value, base, atol=1e-11)


def test_trees_of_a_hundred_levels_add_up() -> None:
    """One row leaves at each level, each by a column of its own: paths hold 100 different columns. 1e-9: as the header promises."""
    d = 200
    X, y = np.eye(d + 1, d, dtype=np.float32), np.arange(d + 1) % 2
    forest = RandomForestClassifier(2, bootstrap=False, max_features=None, random_state=0).fit(X, y)
    boosting = GradientBoostingClassifier(n_estimators=2, max_depth=None).fit(X, y)
    for model, expected in ((forest, forest.predict_proba(X)), (boosting, boosting.decision_function(X)[:, None])):
        for background in (None, X[::9]):
            found = TreeExplainer(model, background)(X)
            np.testing.assert_allclose(found.base_values + found.values.sum(axis=1), expected, atol=1e-9)
