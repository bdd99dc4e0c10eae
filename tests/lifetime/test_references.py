"""Who owns what: arrays given to the core are released, arrays taken from it outlive their source, and nothing grows."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import emotion_native as en
from emotion_native import _core

RNG = np.random.default_rng(0)
Y = np.repeat(np.arange(3), 20)
X = RNG.normal(size=(60, 10)).astype(np.float32)
SAMPLES = RNG.normal(scale=0.1, size=4000).astype(np.float32)


@pytest.fixture(scope="module", autouse=True)
def _only_new_objects() -> Iterator[None]:
    """The garbage collector passes over what other tests have left behind, which takes it most of a second a time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def fitted_forest() -> en.ensemble.RandomForestClassifier:
    return en.ensemble.RandomForestClassifier(n_estimators=5, random_state=0, n_jobs=1).fit(X, Y)


@cache
def forest() -> en.ensemble.RandomForestClassifier:
    return fitted_forest()


@cache
def boosting() -> en.ensemble.GradientBoostingClassifier:
    return en.ensemble.GradientBoostingClassifier(n_estimators=3, random_state=0, n_jobs=1).fit(X, Y)


@cache
def logistic() -> en.linear_model.LogisticRegression:
    return en.linear_model.LogisticRegression().fit(X, Y)


@cache
def loaded() -> en.EmotionModel:
    return en.load_model()


CALLS: dict[str, Callable[[np.ndarray, np.ndarray], object]] = {
    "forest fit": lambda X, y: en.ensemble.RandomForestClassifier(n_estimators=2, random_state=0, n_jobs=1).fit(X, y),
    "forest predict": lambda X, y: forest().predict_proba(X),
    "forest explain": lambda X, y: en.explain.TreeExplainer(forest())(X[:2]),
    "interventional": lambda X, y: en.explain.TreeExplainer(forest(), X[:4])(X[:2]),
    "linear explain": lambda X, y: en.explain.LinearExplainer((X[0], 1.0), X[:4])(X[:2]),
    "permutation explain": lambda X, y: en.explain.PermutationExplainer(forest(), X[:4], seed=0)(X[:2], max_evals=21),
    "extra trees fit": lambda X, y: en.ensemble.ExtraTreesClassifier(n_estimators=2, random_state=0, n_jobs=1).fit(X, y),
    "boosting fit": lambda X, y: en.ensemble.GradientBoostingClassifier(n_estimators=2, random_state=0, n_jobs=1).fit(X, y, np.ones(60)),
    "boosting staged": lambda X, y: list(boosting().staged_predict_proba(X)),
    "logistic predict": lambda X, y: logistic().predict_proba(X),
    "scaler": lambda X, y: en.preprocessing.StandardScaler().fit(X).transform(X),
    "imputer": lambda X, y: en.impute.SimpleImputer().fit(X).transform(X),
    "selector": lambda X, y: en.feature_selection.SelectKBest(k=3).fit(X, y).transform(X),
    "over-sampler": lambda X, y: en.over_sampling.RandomOverSampler(random_state=0).fit_resample(X, y),
    "SMOTE": lambda X, y: en.over_sampling.SMOTE(random_state=0, n_jobs=1).fit_resample(X[5:], y[5:]),
    "under-sampler": lambda X, y: en.under_sampling.RandomUnderSampler(random_state=0).fit_resample(X[5:], y[5:]),
    "features": lambda X, y: en.audio.functionals(SAMPLES, 16000, "classic"),
    "prediction": lambda X, y: loaded().predict(SAMPLES, sample_rate_hz=16000),
}


@pytest.mark.parametrize("name", CALLS)
def test_arguments_are_released(name: str) -> None:
    own_X, own_y = X.copy(), Y.copy()
    CALLS[name](own_X, own_y)
    gc.collect()
    before = sys.getrefcount(own_X), sys.getrefcount(own_y), sys.getrefcount(SAMPLES)
    for _ in range(10):
        CALLS[name](own_X, own_y)
    gc.collect()
    assert (sys.getrefcount(own_X), sys.getrefcount(own_y), sys.getrefcount(SAMPLES)) == before


def test_arguments_are_released_after_an_error() -> None:
    wrong = np.full((4, 3), np.nan, dtype=np.float32)
    before = sys.getrefcount(wrong)
    for _ in range(10):
        with pytest.raises(ValueError):
            en.linear_model.LogisticRegression().fit(wrong, [0, 1, 0, 1])
        with pytest.raises(TypeError):
            _core.sha256_hex(wrong)
    gc.collect()
    assert sys.getrefcount(wrong) == before


def test_arguments_are_not_changed() -> None:
    own_X, own_y = X.copy(), Y.copy()
    own_X.flags.writeable = own_y.flags.writeable = False
    for call in CALLS.values():
        call(own_X, own_y)
    np.testing.assert_array_equal(own_X, X)
    np.testing.assert_array_equal(own_y, Y)


def test_results_outlive_the_model() -> None:
    model = fitted_forest()
    expected = model.predict_proba(X).copy()
    kept = model.predict_proba(X)
    importances = model.feature_importances_
    copied = importances.copy()
    del model
    gc.collect()
    trash = [np.full(kept.shape, -1.0) for _ in range(100)]  # reuse the memory if it was freed
    np.testing.assert_array_equal(kept, expected)
    np.testing.assert_array_equal(importances, copied)
    assert len(trash) == 100


def test_a_fitted_model_does_not_keep_the_training_table() -> None:
    own_X = X.copy()
    before = sys.getrefcount(own_X)
    models = [fit(own_X, Y) for fit in (en.ensemble.RandomForestClassifier(n_estimators=2).fit, en.linear_model.LogisticRegression().fit)]
    gc.collect()
    assert sys.getrefcount(own_X) == before
    assert len(models) == 2


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.unsanitized  # the sanitizer keeps freed memory in quarantine on purpose
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc, which only Linux has")
@pytest.mark.parametrize("name", CALLS)
def test_nothing_grows_over_a_thousand_calls(name: str) -> None:
    call = CALLS[name]
    for _ in range(100):
        call(X, Y)
    # One leaked table of 60 x 10 floats a call would be 2.4 MB in every round; a heap that other tests have left in pieces, and one of many threads,
    # grows in some.
    grown = []
    for _ in range(12):
        gc.collect()
        before = resident_bytes()
        for _ in range(1000):
            call(X, Y)
        gc.collect()
        grown.append(resident_bytes() - before)
        if grown[-1] < 2_000_000:
            break
    assert min(grown) < 2_000_000


@pytest.mark.parametrize("fitted", [forest, boosting], ids=["forest", "boosting"])
def test_array_properties_are_the_models_arrays_and_outlive_it(fitted: Callable[[], object]) -> None:
    estimator = fitted()
    native = vars(estimator).get("_forest") or vars(estimator)["_boosting"]
    copy = type(native).from_arrays(native.arrays())
    names = [name for name, array in native.arrays().items() if isinstance(array, np.ndarray)]
    assert "value" in names
    taken = {name: getattr(copy, name) for name in names for _ in range(100)}  # often: a dangling array shows itself by chance alone
    del copy
    gc.collect()
    for name, expected in native.arrays().items():
        if name in names:
            np.testing.assert_array_equal(taken[name], expected)
            assert not taken[name].flags.writeable


def test_sizes_of_native_models_are_those_of_their_arrays() -> None:
    trees, boosted = vars(forest())["_forest"], vars(boosting())["_boosting"]
    assert (trees.n_classes, trees.n_features, trees.n_trees) == (3, X.shape[1], 5) and trees.n_nodes == len(trees.feature)
    assert (boosted.n_classes, boosted.n_features, boosted.n_outputs, boosted.n_rounds) == (3, X.shape[1], 3, 3)
    assert boosted.n_trees == 9 and boosted.n_nodes == len(boosted.feature)
    for native in (trees, boosted):
        assert len(native.tree_offsets) == native.n_trees + 1 and native.tree_offsets[-1] == native.n_nodes
    plans = (_core.TreeShap(trees), _core.InterventionalShap(trees, X[:4]), _core.PermutationShap(X.shape[1], 2, 0))
    assert [plan.n_features for plan in plans] == [X.shape[1]] * 3 and [plan.n_outputs for plan in plans[:2]] == [3, 3]
