"""RandomForestClassifier beyond 20,000 rows, where splits lie between bins of the training rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier as Reference

from emotion_native.ensemble import ExtraTreesClassifier, RandomForestClassifier
from emotion_native.model_selection import GroupKFold, cross_val_predict
from emotion_native.over_sampling import RandomOverSampler
from emotion_native.pipeline import make_pipeline
from emotion_native.preprocessing import StandardScaler

ROWS = 32_000


def make(seed: int, nan_share: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows, labels and groups: four classes that differ in half of six columns."""
    rng = np.random.default_rng(seed)
    y = rng.choice(4, size=ROWS, p=[0.4, 0.3, 0.2, 0.1])
    X = rng.normal(size=(ROWS, 6)) + rng.normal(size=(4, 6))[y] * [1, 1, 1, 0, 0, 0]
    X[rng.random(X.shape) < nan_share] = np.nan
    return X.astype(np.float32), y, np.arange(ROWS) % 40


@pytest.mark.parametrize("forest", [RandomForestClassifier, ExtraTreesClassifier])
@pytest.mark.parametrize("steps", [(), (StandardScaler(), RandomOverSampler(random_state=3))])
def test_fold_loop_equals_the_cloned_fit(forest: Any, steps: tuple[Any, ...]) -> None:
    X, y, groups = make(0, 0.02)
    pipeline = make_pipeline(*steps, forest(4, max_depth=9, random_state=1))
    cv = GroupKFold(3)
    ours = cross_val_predict(pipeline, X, y, groups=groups, cv=cv, method="predict_proba", n_jobs=2)
    for train, test in cv.split(X, y, groups):
        assert train.size > 20_000
        assert np.array_equal(ours[test], clone(pipeline).fit(X[train], y[train]).predict_proba(X[test]))


def test_equal_bits_for_any_number_of_threads_and_warm_start() -> None:
    X, y, _ = make(1)
    wanted = RandomForestClassifier(40, max_depth=4, oob_score=True, random_state=2, n_jobs=1).fit(X, y)
    for n_jobs in (2, 7):
        other = RandomForestClassifier(40, max_depth=4, oob_score=True, random_state=2, n_jobs=n_jobs).fit(X, y)
        assert np.array_equal(other.predict_proba(X), wanted.predict_proba(X))
        assert np.array_equal(other.oob_decision_function_, wanted.oob_decision_function_)
    grown = RandomForestClassifier(20, max_depth=4, random_state=2, warm_start=True).fit(X, y)
    assert np.array_equal(grown.set_params(n_estimators=40).fit(X, y).predict_proba(X), wanted.predict_proba(X))


@pytest.mark.parametrize("rows", [20_000, 20_001])
def test_rows_up_to_the_limit_are_split_exactly(rows: int) -> None:
    """A column has at most 255 bins, so trees of one column have at most 255 leaves; an exact one parts all labels but of equal values."""
    X, y, _ = make(2)
    forest = RandomForestClassifier(1, bootstrap=False, random_state=0).fit(X[:rows, :1], y[:rows])
    assert (forest.score(X[:rows, :1], y[:rows]) > 0.99) == (rows == 20_000)


def test_as_good_as_scikit_learn_on_held_out_rows() -> None:
    """Twelve trees: seeds differ by about .02 of log loss and .005 of accuracy."""
    X, y, _ = make(3)
    train, test = slice(0, 24_000), slice(24_000, None)
    for nan_columns in (0, 6):
        X[::11, :nan_columns] = np.nan
        ours, theirs = (
            side(12, min_samples_leaf=5, random_state=0, n_jobs=2).fit(X[train], y[train]) for side in (RandomForestClassifier, Reference)
        )
        loss = [-np.log(model.predict_proba(X[test])[np.arange(8_000), y[test]].clip(1e-3)).mean() for model in (ours, theirs)]
        assert loss[0] < loss[1] + 0.05
        assert ours.score(X[test], y[test]) > theirs.score(X[test], y[test]) - 0.015
