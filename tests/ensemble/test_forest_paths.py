"""Leaves, paths, warm starts and out-of-bag scores of forests, as scikit-learn's users know them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.exceptions import NotFittedError

from emotion_native.ensemble import ExtraTreesClassifier, RandomForestClassifier
from emotion_native.exceptions import EmotionNativeWarning, InvalidInputError

FORESTS = [RandomForestClassifier, ExtraTreesClassifier]


def make(n: int = 200, seed: int = 0) -> tuple[npt.NDArray[np.float32], npt.NDArray[Any]]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    X = (rng.standard_normal((n, 5)) + y[:, None]).astype(np.float32)
    X[rng.random(X.shape) < 0.05] = np.nan
    return X, y


@pytest.mark.parametrize("kind", FORESTS)
def test_the_leaves_hold_the_probabilities(kind: Any) -> None:
    X, y = make()
    forest = kind(11, random_state=1, n_jobs=1).fit(X, y)
    leaves = forest.apply(X)
    assert leaves.shape == (200, 11)
    assert leaves.dtype == np.int64
    arrays = forest._forest.arrays()
    nodes = leaves + arrays["tree_offsets"][:-1]
    assert (arrays["feature"][nodes] == -1).all()
    np.testing.assert_allclose(arrays["value"][nodes].mean(axis=1), forest.predict_proba(X), rtol=0, atol=1e-15)  # the order of a sum
    for n_jobs in (2, 7):
        np.testing.assert_array_equal(forest.set_params(n_jobs=n_jobs).apply(X), leaves)


@pytest.mark.parametrize("kind", FORESTS)
def test_paths_begin_at_the_roots_and_end_in_the_leaves(kind: Any) -> None:
    X, y = make()
    forest = kind(5, random_state=1, max_depth=4).fit(X, y)
    paths, starts = forest.decision_path(X)
    assert paths.shape == (200, starts[-1])
    dense = paths.toarray()
    assert (dense[:, starts[:-1]] == 1).all()
    leaves = forest.apply(X) + starts[:-1]
    assert (np.take_along_axis(dense, leaves, axis=1) == 1).all()
    arrays = forest._forest.arrays()
    is_leaf = arrays["feature"] == -1
    assert (dense[:, is_leaf].sum(axis=1) == 5).all()  # one a tree
    for t in range(5):
        assert dense[:, starts[t] : starts[t + 1]].sum(axis=1).max() <= 5  # four levels below the root


def test_bad_rows_for_leaves_are_refused() -> None:
    X, y = make()
    with pytest.raises(NotFittedError):
        RandomForestClassifier().apply(X)
    forest = RandomForestClassifier(3).fit(X, y)
    for method in (forest.apply, forest.decision_path):
        with pytest.raises(InvalidInputError, match="RandomForestClassifier"):
            method(X[:, :4])


@pytest.mark.parametrize("kind", FORESTS)
def test_a_warm_start_scores_out_of_bag_with_all_trees(kind: Any) -> None:
    X, y = make()
    whole = kind(25, random_state=3, bootstrap=True, oob_score=True).fit(X, y)
    grown = kind(10, random_state=3, bootstrap=True, warm_start=True).fit(X, y)
    assert not hasattr(grown, "oob_score_")
    grown.set_params(n_estimators=25, oob_score=True).fit(X, y)
    np.testing.assert_array_equal(grown.oob_decision_function_, whole.oob_decision_function_)
    assert grown.oob_score_ == whole.oob_score_


@pytest.mark.parametrize("kind", FORESTS)
def test_out_of_bag_switched_on_without_new_trees(kind: Any) -> None:
    X, y = make()
    whole = kind(25, random_state=3, bootstrap=True, oob_score=True, max_samples=0.7).fit(X, y)
    switched = kind(25, random_state=3, bootstrap=True, warm_start=True, max_samples=0.7).fit(X, y)
    with pytest.warns(EmotionNativeWarning, match="does not fit new trees"):
        switched.set_params(oob_score=True).fit(X, y)
    np.testing.assert_array_equal(switched.oob_decision_function_, whole.oob_decision_function_)
    with pytest.warns(EmotionNativeWarning, match="does not fit new trees"):
        switched.fit(X, y)
    assert switched.oob_score_ == whole.oob_score_


def test_other_rows_or_draws_give_no_out_of_bag_score() -> None:
    X, y = make()
    forest = RandomForestClassifier(5, random_state=3, warm_start=True).fit(X, y)
    with pytest.raises(InvalidInputError, match="oob_score of RandomForestClassifier must be False, or the rows"):
        forest.set_params(n_estimators=9, oob_score=True, max_samples=0.5).fit(X, y)
    forest = RandomForestClassifier(5, random_state=3, warm_start=True).fit(X, y)
    with pytest.raises(InvalidInputError, match="oob_score of RandomForestClassifier must be False, or the rows"):
        forest.set_params(n_estimators=9, oob_score=True).fit(X[:-1], y[:-1])


@pytest.mark.parametrize("kind", FORESTS)
def test_more_draws_than_rows(kind: Any) -> None:
    X, y = make()
    share = kind(10, random_state=3, bootstrap=True, max_samples=1.5).fit(X, y)
    count = kind(10, random_state=3, bootstrap=True, max_samples=300).fit(X, y)
    np.testing.assert_array_equal(share.predict_proba(X), count.predict_proba(X))
    assert share._forest.arrays()["cover"][0] == 300
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EmotionNativeWarning)  # rows without a vote
        scored = kind(200, random_state=3, bootstrap=True, oob_score=True, max_samples=3.0).fit(X, y)
    assert 0.4 < scored.oob_score_ <= 1  # three classes a unit apart, against a chance of 1/3
