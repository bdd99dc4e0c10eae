"""ExtraTreesClassifier against scikit-learn's, and its own promises: same bits, folds, NaN, weights, model files, refusals."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import ExtraTreesClassifier as Reference
from sklearn.exceptions import NotFittedError

import emotion_native as en
from emotion_native import _core
from emotion_native.ensemble import ExtraTreesClassifier, RandomForestClassifier
from emotion_native.exceptions import EmotionNativeWarning, InvalidInputError
from emotion_native.pipeline import make_pipeline
from emotion_native.preprocessing import StandardScaler

Arrays = tuple[np.ndarray, np.ndarray]


def make(n: int, d: int, seed: int, classes: int = 4, missing: float = 0.0) -> Arrays:
    """Gaussian classes in the first third of the columns; the rest is noise. The first column misses more often in class 0."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    centres = rng.normal(size=(classes, d)) * 0.6
    centres[:, d // 3 :] = 0
    X = (centres[y] + rng.normal(size=(n, d))).astype(np.float32)
    X[rng.random(X.shape) < missing] = np.nan
    X[(rng.random(n) < 4 * missing) & (y == 0), 0] = np.nan
    return X, y


def log_loss(shares: np.ndarray, y: np.ndarray) -> float:
    return float(-np.log(np.clip(shares[np.arange(len(y)), y], 1e-3, 1)).mean())


@pytest.mark.parametrize(
    ("options", "missing"),
    [({}, 0.0), ({"criterion": "entropy"}, 0.0), ({}, 0.1), ({"class_weight": "balanced", "min_samples_leaf": 3}, 0.0), ({"bootstrap": True}, 0.0)],
    ids=["gini", "entropy", "missing", "balanced", "bootstrap"],
)
def test_quality_matches_scikit_learn(options: dict[str, Any], missing: float) -> None:
    """Over 12 seeds the paired differences stay within three standard errors, or within .01 where those are tiny."""
    accuracy, loss = [], []
    for seed in range(12):
        X, y = make(500, 18, seed, missing=missing)
        train, test = slice(0, 300), slice(300, None)
        ours = ExtraTreesClassifier(60, random_state=seed, **options).fit(X[train], y[train]).predict_proba(X[test])
        theirs = Reference(60, random_state=seed, **options).fit(X[train], y[train]).predict_proba(X[test])
        accuracy.append((ours.argmax(1) == y[test]).mean() - (theirs.argmax(1) == y[test]).mean())
        loss.append(log_loss(ours, y[test]) - log_loss(theirs, y[test]))
    for difference in (np.array(accuracy), np.array(loss)):
        assert abs(difference.mean()) < max(0.01, 3 * difference.std(ddof=1) / np.sqrt(len(difference)))


def test_trees_have_scikit_learns_size() -> None:
    """Nodes a tree, over 200 trees: the means of two samplers of one distribution differ by less than four standard errors."""
    X, y = make(300, 12, 3)
    ours = np.diff(ExtraTreesClassifier(200, random_state=0).fit(X, y)._forest.tree_offsets)
    theirs = np.array([tree.tree_.node_count for tree in Reference(200, random_state=0).fit(X, y).estimators_])
    assert abs(ours.mean() - theirs.mean()) < 4 * np.sqrt(ours.var(ddof=1) / 200 + theirs.var(ddof=1) / 200)


def test_root_cuts_are_uniform_as_scikit_learns() -> None:
    """One column, a stump: cuts are uniform between the ends. Kolmogorov's distance of 2,000 draws exceeds .05 with probability 1e-4."""
    X = np.linspace(-2, 6, 101, dtype=np.float32)[:, None]
    y = np.arange(101) % 3
    cuts = np.sort(ExtraTreesClassifier(2000, max_depth=1, random_state=0).fit(X, y)._forest.threshold[::3])
    assert len(cuts) == 2000
    assert np.abs((cuts + 2) / 8 - (np.arange(2000) + 0.5) / 2000).max() < 0.05


@pytest.mark.parametrize("class_weight", [None, "balanced_subsample"])
@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_equal_bits_for_any_n_jobs(class_weight: Any, missing: float) -> None:
    X, y = make(300, 8, 1, missing=missing)
    states = []
    for n_jobs in (1, 2, 7):
        forest = ExtraTreesClassifier(9, random_state=5, class_weight=class_weight, bootstrap=True, oob_score=True, n_jobs=n_jobs)
        with pytest.warns(EmotionNativeWarning, match="no out-of-bag prediction"):
            forest.fit(X, y)
        states.append(pickle.dumps((forest._forest.arrays(), forest.predict_proba(X), forest.oob_decision_function_)))
    assert states[0] == states[1] == states[2]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_folds_equal_fits_on_their_rows(weighted: bool, missing: float) -> None:
    X, y = make(240, 7, 2, missing=missing)
    codes = y.astype(np.int32)
    weights = np.random.default_rng(0).random(240) + 0.1 if weighted else None
    train = [np.flatnonzero(np.arange(240) % 3 != k) for k in range(3)]
    test = [np.flatnonzero(np.arange(240) % 3 == k) for k in range(3)]
    for model in (make_pipeline(ExtraTreesClassifier(8, random_state=1)), make_pipeline(StandardScaler(), ExtraTreesClassifier(8, random_state=1))):
        shares = _core.run_folds(X, codes, 4, model._native_plan(), train, test, weights, 2)
        for k in range(3):
            fitted = clone(model).fit(X[train[k]], y[train[k]], sample_weight=None if weights is None else weights[train[k]])
            np.testing.assert_array_equal(shares[k], fitted.predict_proba(X[test[k]]))


def test_weights_equal_repetition() -> None:
    X, y = make(80, 4, 0)
    weight = np.random.default_rng(1).integers(0, 3, 80)
    weighted = ExtraTreesClassifier(5, random_state=0).fit(X, y, sample_weight=weight)
    repeated = ExtraTreesClassifier(5, random_state=0).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    np.testing.assert_array_equal(weighted.predict_proba(X), repeated.predict_proba(X))


def test_full_trees_learn_their_rows_and_nan_is_informative() -> None:
    X, y = make(200, 6, 0, missing=0.1)
    assert ExtraTreesClassifier(5, random_state=0).fit(X, y).score(X, y) == 1.0
    only_missing = np.where(np.arange(40)[:, None] % 2 == 0, np.nan, 1.0).astype(np.float32)
    forest = ExtraTreesClassifier(3, random_state=0).fit(only_missing, np.arange(40) % 2)
    np.testing.assert_array_equal(forest.predict([[np.nan], [1.0], [0.0]]), [0, 1, 1])
    never = np.full((10, 2), np.nan, dtype=np.float32)
    np.testing.assert_array_equal(ExtraTreesClassifier(2).fit(never, np.arange(10) % 2).predict_proba(never), np.full((10, 2), 0.5))


def test_cuts_part_neighbouring_floats_and_the_largest() -> None:
    top = np.finfo(np.float32).max
    for low, high in ((1.0, np.nextafter(np.float32(1), np.float32(2))), (-top, top), (0.0, 1e-45)):
        X = np.array([[low], [high]] * 3, dtype=np.float32)
        assert ExtraTreesClassifier(4, random_state=0).fit(X, [0, 1] * 3).score(X, [0, 1] * 3) == 1.0


def test_out_of_bag_only_with_bootstrap() -> None:
    X, y = make(600, 12, 0)
    forest = ExtraTreesClassifier(80, bootstrap=True, oob_score=True, random_state=0).fit(X[:400], y[:400])
    assert forest.oob_score_ == pytest.approx(forest.score(X[400:], y[400:]), abs=0.1)  # 400 and 200 rows: standard errors .025 and .035
    for options in ({"oob_score": True}, {"max_samples": 0.5}):
        with pytest.raises(InvalidInputError, match=f"{next(iter(options))} of ExtraTreesClassifier must be"):
            ExtraTreesClassifier(**options).fit(X, y)


def test_warm_start_adds_trees() -> None:
    X, y = make(150, 6, 0)
    grown = ExtraTreesClassifier(4, warm_start=True, random_state=1).fit(X, y)
    grown.set_params(n_estimators=10).fit(X, y)
    np.testing.assert_array_equal(grown.predict_proba(X), ExtraTreesClassifier(10, random_state=1).fit(X, y).predict_proba(X))


def test_copies_native_state_and_model_file(tmp_path: Path) -> None:
    X, y = make(120, 5, 0)
    labels = np.array(["calm", "angry", "happy", "sad"])[y]
    forest = ExtraTreesClassifier(7, random_state=0).fit(X, labels)
    expected = forest.predict_proba(X)
    for other in (pickle.loads(pickle.dumps(forest)), copy.deepcopy(forest)):
        np.testing.assert_array_equal(other.predict_proba(X), expected)
    header, arrays = forest._native_state()
    assert header == {"kind": "extra_trees_classifier", "n_classes": 4, "n_features": 5}
    np.testing.assert_array_equal(_core.Forest.from_arrays({**header, **arrays}).predict_proba(X, 1), expected)
    en.save_model(forest, tmp_path / "trees.emotion")
    loaded = en.load_model(tmp_path / "trees.emotion")
    np.testing.assert_array_equal(loaded.predict_proba(X), expected)
    with pytest.raises(NotFittedError):
        clone(forest).predict(X)


def test_step_names_its_kind_and_its_defaults_are_scikit_learns() -> None:
    assert ExtraTreesClassifier(random_state=0)._native_step()["kind"] == "extra_trees_classifier"
    assert RandomForestClassifier(random_state=0)._native_step()["kind"] == "random_forest_classifier"
    ours, theirs = ExtraTreesClassifier().get_params(), Reference().get_params()
    assert ours == theirs
    assert list(ours) == list(theirs)


@pytest.mark.parametrize(
    ("parameter", "value"), [("n_estimators", 0), ("criterion", "mse"), ("max_features", "auto"), ("bootstrap", "yes"), ("class_weight", "equal")]
)
def test_bad_parameters_are_named_with_the_class(parameter: str, value: Any) -> None:
    X, y = make(40, 3, 0)
    with pytest.raises(InvalidInputError, match=f"{parameter} of ExtraTreesClassifier must be"):
        ExtraTreesClassifier(**{parameter: value}).fit(X, y)
    step = {**ExtraTreesClassifier(3, random_state=0)._step(), parameter: value}
    if parameter in ("criterion", "class_weight"):
        with pytest.raises(InvalidInputError, match=f"{parameter} of ExtraTreesClassifier must be"):
            _core.forest_fit(X, y.astype(np.int32), 4, step)


def test_too_many_draws_are_named_with_the_class() -> None:
    X, y = make(40, 3, 0)
    with pytest.raises(InvalidInputError, match="max_samples of ExtraTreesClassifier must be"):
        ExtraTreesClassifier(3, bootstrap=True, max_samples=2**31).fit(X, y)
