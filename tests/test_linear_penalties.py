"""LogisticRegression with absolute values in its penalty, and on sparse matrices: optimality conditions, scikit-learn's optimum, closed forms."""

from __future__ import annotations

import _thread
import pickle
import threading
import time
import warnings
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax
from sklearn.linear_model import LogisticRegression as Reference

import emotion_native as en
from emotion_native import _core
from emotion_native.exceptions import EmotionNativeWarning, InvalidInputError
from emotion_native.linear_model import LogisticRegression

TIGHT: dict[str, Any] = {"tol": 1e-9, "max_iter": 10_000}


def problem(seed: int, n_classes: int, n: int = 300, d: int = 12) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(n_classes), rng.integers(0, n_classes, n - n_classes)])
    return rng.normal(size=(n, d)) + 0.8 * np.eye(n_classes, d)[y], y


def scores_of(model: Any, X: np.ndarray) -> np.ndarray:
    z = X @ model.coef_.T + model.intercept_
    return np.hstack([np.zeros_like(z), z]) if z.shape[1] == 1 else z


def objective(model: Any, X: np.ndarray, y: np.ndarray, weights: np.ndarray, C: float, l1_ratio: float) -> float:
    """Return what scikit-learn's documentation says is minimised, computed by NumPy."""
    loss = -(weights * log_softmax(scores_of(model, X), axis=1)[np.arange(len(y)), y]).sum()
    penalty = 0 if np.isinf(C) else l1_ratio * np.abs(model.coef_).sum() + (1 - l1_ratio) / 2 * (model.coef_**2).sum()
    return float((loss if np.isinf(C) else C * loss) + penalty)


def violation(model: Any, X: np.ndarray, y: np.ndarray, weights: np.ndarray, C: float, l1_ratio: float) -> float:
    """Return the largest component of the smallest subgradient of the mean loss with its penalty (Karush-Kuhn-Tucker: 0 at the optimum alone)."""
    residual = weights[:, None] * (softmax(scores_of(model, X), axis=1) - np.eye(max(2, len(model.coef_)))[y])
    if len(model.coef_) == 1:
        residual = residual[:, 1:]
    strength = 1 / (C * weights.sum())
    smooth = residual.T @ X / weights.sum() + strength * (1 - l1_ratio) * model.coef_
    l1 = strength * l1_ratio
    at_zero = np.maximum(np.abs(smooth) - l1, 0)
    elsewhere = np.abs(smooth + l1 * np.sign(model.coef_))
    return float(max(np.where(model.coef_ == 0, at_zero, elsewhere).max(), np.abs(residual.sum(axis=0)).max() / weights.sum()))


@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize("l1_ratio", [0.3, 1.0])
@pytest.mark.parametrize("C", [0.03, 1.0, 30.0])
def test_the_optimality_conditions_hold_and_scikit_learn_finds_nothing_better(n_classes: int, l1_ratio: float, C: float) -> None:
    X, y = problem(1, n_classes)
    weights = np.random.default_rng(0).random(len(y)) + 0.2
    ours = LogisticRegression(l1_ratio=l1_ratio, C=C, **TIGHT).fit(X, y, sample_weight=weights)
    theirs = Reference(l1_ratio=l1_ratio, C=C, solver="saga", tol=1e-9, max_iter=20_000, random_state=0).fit(X, y, sample_weight=weights)
    assert violation(ours, X, y, weights, C, l1_ratio) < 2e-9  # the tolerance, and rounding of two ways to add up
    best = objective(ours, X, y, weights, C, l1_ratio)
    # Convex: at a subgradient of 1e-9 nothing is lower by more than 1e-9 times the distance, which is far below this.
    assert best <= objective(theirs, X, y, weights, C, l1_ratio) + 1e-9 * best
    np.testing.assert_allclose(objective(theirs, X, y, weights, C, l1_ratio), best, rtol=1e-6)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-3)


def test_liblinears_optimum_without_intercept() -> None:
    X, y = problem(2, 2)
    ours = LogisticRegression(l1_ratio=1, C=0.5, fit_intercept=False, **TIGHT).fit(X, y)
    theirs = Reference(l1_ratio=1, C=0.5, fit_intercept=False, solver="liblinear", tol=1e-10, max_iter=100_000).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)
    np.testing.assert_array_equal(ours.coef_ == 0, theirs.coef_ == 0)
    assert ours.intercept_ == 0


def test_one_column_of_two_values_has_a_closed_form() -> None:
    # Without intercept, x = 1 in n rows of which k are of class 1: C (n p - k) + sign(w) = 0, so p = (k - sign(w) / C) / n.
    y = np.array([1] * 7 + [0] * 3)
    model = LogisticRegression(l1_ratio=1, C=2.0, fit_intercept=False, **TIGHT).fit(np.ones((10, 1)), y)
    p = (7 - 0.5) / 10
    np.testing.assert_allclose(model.coef_[0, 0], np.log(p / (1 - p)), rtol=1e-7)
    # The gradient at 0 is C (10 / 2 - 7) = -2 C: up to C = 1/2 zero is the optimum, exactly.
    assert LogisticRegression(l1_ratio=1, C=0.5, fit_intercept=False, **TIGHT).fit(np.ones((10, 1)), y).coef_[0, 0] == 0


@pytest.mark.parametrize("n_classes", [2, 4])
def test_beyond_the_largest_gradient_all_is_zero_but_the_log_odds(n_classes: int) -> None:
    X, y = problem(3, n_classes)
    model = LogisticRegression(l1_ratio=1, C=1e-4, **TIGHT).fit(X, y)
    assert not model.coef_.any()
    share = np.bincount(y) / len(y)
    np.testing.assert_allclose(model.predict_proba(X[:1])[0], share, atol=1e-7)


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ({"penalty": "l2"}, {}),
        ({"penalty": "l1"}, {"l1_ratio": 1}),
        ({"penalty": "elasticnet", "l1_ratio": 0.4}, {"l1_ratio": 0.4}),
        ({"penalty": None}, {"C": np.inf}),
        ({"penalty": None}, {"C": np.inf, "l1_ratio": 0.5}),
        ({"solver": "saga", "l1_ratio": 0.4}, {"l1_ratio": 0.4}),
        ({"l1_ratio": None}, {}),
    ],
    ids=str,
)
def test_both_ways_to_name_a_penalty_mean_the_same(older: dict[str, Any], newer: dict[str, Any]) -> None:
    X, y = problem(4, 3)
    np.testing.assert_array_equal(LogisticRegression(**older).fit(X, y).coef_, LogisticRegression(**newer).fit(X, y).coef_)


def test_a_ratio_that_the_penalty_overrules_is_warned_about() -> None:
    X, y = problem(4, 3)
    with pytest.warns(EmotionNativeWarning, match="l1_ratio=0.5 of LogisticRegression is not used"):
        model = LogisticRegression(penalty="l2", l1_ratio=0.5).fit(X, y)
    np.testing.assert_array_equal(model.coef_, LogisticRegression().fit(X, y).coef_)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
def test_threads_and_storage_change_no_bit(n_classes: int, l1_ratio: float) -> None:
    X, y = problem(5, n_classes, n=1500)
    X[np.random.default_rng(1).random(X.shape) < 0.7] = 0
    parameters: dict[str, Any] = {"l1_ratio": l1_ratio, "class_weight": "balanced"}
    for form in (np.asarray, sp.csr_matrix, sp.csr_array):
        first = LogisticRegression(n_jobs=1, **parameters).fit(form(X), y)
        for n_jobs in (2, 7):
            other = LogisticRegression(n_jobs=n_jobs, **parameters).fit(form(X), y)
            np.testing.assert_array_equal(other.coef_, first.coef_)
            np.testing.assert_array_equal(other.intercept_, first.intercept_)
    sparse = LogisticRegression(**parameters).fit(sp.csr_matrix(X), y)
    for form in (sp.csc_matrix, sp.coo_matrix, lambda x: sp.csr_matrix(x.astype(np.float32).astype(np.float64))):
        if form in (sp.csc_matrix, sp.coo_matrix):
            np.testing.assert_array_equal(LogisticRegression(**parameters).fit(form(X), y).coef_, sparse.coef_)
    wide = sp.csr_matrix(X)
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    np.testing.assert_array_equal(LogisticRegression(**parameters).fit(wide, y).coef_, sparse.coef_)
    single = X.astype(np.float32)
    np.testing.assert_array_equal(
        LogisticRegression(**parameters).fit(sp.csr_matrix(single), y).coef_,
        LogisticRegression(**parameters).fit(sp.csr_matrix(single.astype(np.float64)), y).coef_,
    )


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.7])
def test_sparse_rows_have_the_optimum_of_dense_rows(n_classes: int, l1_ratio: float) -> None:
    X, y = problem(6, n_classes)
    X[np.abs(X) < 1] = 0
    dense = LogisticRegression(l1_ratio=l1_ratio, **TIGHT).fit(X, y)
    sparse = LogisticRegression(l1_ratio=l1_ratio, **TIGHT).fit(sp.csr_matrix(X), y)
    np.testing.assert_allclose(sparse.coef_, dense.coef_, atol=1e-6)
    rows = sp.csr_matrix(X)
    np.testing.assert_allclose(dense.decision_function(rows), dense.decision_function(X), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(dense.predict_proba(rows), dense.predict_proba(X), rtol=1e-12)
    np.testing.assert_array_equal(dense.predict(rows), dense.predict(X))
    np.testing.assert_array_equal(np.vstack([dense.predict_proba(rows[i]) for i in range(20)]), dense.predict_proba(rows)[:20])


def test_sparse_rows_are_never_made_dense() -> None:
    # A dense copy would take 8 GB.
    rng = np.random.default_rng(0)
    rows, columns = np.repeat(np.arange(2000), 5), rng.integers(0, 1_000_000, 10_000)
    X = sp.csr_matrix((np.ones(10_000, np.float32), (rows, columns)), shape=(2000, 1_000_000))
    y = rng.integers(0, 2, 2000)
    model = LogisticRegression(l1_ratio=1, C=0.1).fit(X, y)
    assert model.predict(X).shape == (2000,)


def test_sparse_input_is_checked_twice() -> None:
    X, y = problem(7, 2)
    broken = sp.csr_matrix(X)
    broken.data[3] = np.nan
    with pytest.raises(InvalidInputError, match=r"X of LogisticRegression\.fit must be"):
        LogisticRegression().fit(broken, y)
    model = LogisticRegression().fit(sp.csr_matrix(X), y)
    with pytest.raises(InvalidInputError, match="12 features"):
        model.predict(sp.csr_matrix(X[:, :5]))
    options = LogisticRegression()._native_step()
    values, codes = np.ones(2), np.array([0, 1], np.int32)
    for columns, starts in (([0, 2], [0, 1, 2]), ([0, -1], [0, 1, 2]), ([0, 1], [0, 2, 1]), ([0, 1], [0, 1, 3]), ([0, 1], [1, 1, 2])):
        rows = (values, np.array(columns, np.int32), np.array(starts, np.int64), 2)
        with pytest.raises(InvalidInputError, match="compressed sparse rows"):
            _core.logistic_fit(rows, codes, 2, options, None, None, None, 1)
    with pytest.raises(InvalidInputError, match="l1_ratio"):
        _core.logistic_fit(X, y.astype(np.int32), 2, {**options, "l1_ratio": 2.0}, None, None, None, 1)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 4), st.sampled_from([0.2, 0.6, 1.0]), st.sampled_from([0.05, 0.5, 5.0]))
def test_properties(seed: int, n_classes: int, l1_ratio: float, C: float) -> None:
    X, y = problem(seed, n_classes, n=60, d=5)
    rng = np.random.default_rng(seed)
    weights = rng.integers(1, 4, len(y)).astype(float)
    parameters = {"l1_ratio": l1_ratio, "C": C, **TIGHT}
    model = LogisticRegression(**parameters).fit(X, y, sample_weight=weights)
    value = objective(model, X, y, weights, C, l1_ratio)
    assert violation(model, X, y, weights, C, l1_ratio) < 2e-9
    order = rng.permutation(len(y))
    others = {
        "permuted": LogisticRegression(**parameters).fit(X[order], y[order], sample_weight=weights[order]),
        "copied": LogisticRegression(**parameters).fit(np.repeat(X, weights.astype(int), axis=0), np.repeat(y, weights.astype(int))),
        "sparse": LogisticRegression(**parameters).fit(sp.csr_matrix(X), y, sample_weight=weights),
    }
    for other in others.values():  # the value is unique even where the coefficients are not
        np.testing.assert_allclose(objective(other, X, y, weights, C, l1_ratio), value, rtol=1e-9)
    # A column of zeros gets the coefficient 0.
    beside = LogisticRegression(**parameters).fit(np.hstack([X, np.zeros((len(y), 1))]), y, sample_weight=weights)
    assert not beside.coef_[:, -1].any()
    # Less strength of the penalty never gives a larger penalty term (optima of a weighted sum).
    looser = LogisticRegression(**{**parameters, "C": 2 * C}).fit(X, y, sample_weight=weights)
    size = [l1_ratio * np.abs(m.coef_).sum() + (1 - l1_ratio) / 2 * (m.coef_**2).sum() for m in (model, looser)]
    assert size[0] <= size[1] * (1 + 1e-6) + 1e-9


def test_warm_start_goes_on() -> None:
    X, y = problem(8, 3)
    model = LogisticRegression(l1_ratio=1, warm_start=True, **TIGHT).fit(X, y)
    assert model.n_iter_[0] > 0
    assert model.fit(X, y).n_iter_[0] == 0
    cold = model.set_params(C=1.1, warm_start=False).fit(X, y).n_iter_[0]
    model.set_params(C=1.0).fit(X, y)
    assert model.set_params(C=1.1, warm_start=True).fit(X, y).n_iter_[0] < cold


def test_badly_scaled_columns_end_at_the_optimum_too() -> None:
    X, y = problem(9, 3)
    X = X * np.logspace(-2, 2, X.shape[1])
    model = LogisticRegression(l1_ratio=0.5, C=1.0, tol=1e-7, max_iter=20_000).fit(X, y)
    assert violation(model, X, y, np.ones(len(y)), 1.0, 0.5) < 2e-7


@pytest.mark.parametrize("n_classes", [2, 6])
@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
@pytest.mark.parametrize(("C", "scale"), [(0.1, 1.0), (1.0, 1.0), (1.0, 1e-2), (10.0, 1.0)])
def test_the_default_tolerance_ends_near_the_optimum(n_classes: int, l1_ratio: float, C: float, scale: float) -> None:
    # Columns with common factors, as spectral features have them, are where a loose end costs most; unequal classes too.
    rng = np.random.default_rng(14)
    y = rng.choice(n_classes, size=600, p=np.linspace(2, 0.5, n_classes) / np.linspace(2, 0.5, n_classes).sum())
    X = rng.normal(size=(600, 80)) + rng.normal(size=(600, 5)) @ rng.normal(scale=0.7, size=(5, 80)) + rng.normal(scale=0.3, size=(n_classes, 80))[y]
    X *= scale
    parameters: dict[str, Any] = {"l1_ratio": l1_ratio, "C": C / scale, "max_iter": 10_000}
    weights = np.ones(len(y))
    value, best = (objective(LogisticRegression(**parameters, tol=tol).fit(X, y), X, y, weights, C / scale, l1_ratio) for tol in (1e-4, 1e-9))
    assert best * (1 - 1e-12) <= value <= best * (1 + 1e-4)


def test_the_fold_loop_is_clone_and_fit_bit_for_bit() -> None:
    X, y = problem(10, 3)
    groups = np.arange(len(y)) % 6
    pipeline = en.pipeline.make_pipeline(en.preprocessing.StandardScaler(), LogisticRegression(l1_ratio=0.5, C=0.2))
    folds = [(np.flatnonzero(groups != g), np.flatnonzero(groups == g)) for g in range(6)]
    found = en.model_selection.cross_val_predict(pipeline, X, y, groups=groups, cv=folds, method="predict_proba")
    for train, test in folds:
        np.testing.assert_array_equal(found[test], pipeline.fit(X[train], y[train]).predict_proba(X[test]))


def test_sparse_rows_are_cross_validated_as_they_are() -> None:
    X, y = problem(13, 3)
    X[np.abs(X) < 1] = 0
    groups = np.arange(len(y)) % 6
    folds = [(np.flatnonzero(groups != g), np.flatnonzero(groups == g)) for g in range(6)]
    rows = sp.csr_matrix(X)
    found = en.model_selection.cross_val_predict(LogisticRegression(), rows, y, groups=groups, cv=folds, method="predict_proba")
    for train, test in folds:
        np.testing.assert_array_equal(found[test], LogisticRegression().fit(rows[train], y[train]).predict_proba(rows[test]))


def test_pickle_and_native_state() -> None:
    X, y = problem(11, 3)
    model = LogisticRegression(l1_ratio=1, C=0.1).fit(X, y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), model.predict_proba(X))
    assert (model.coef_ == 0).any()
    assert model._native_state()[0] == {"kind": "logistic_regression", "multinomial": True}


@pytest.mark.parametrize("form", [np.asarray, sp.csr_matrix])
def test_ctrl_c_ends_a_fit_and_leaves_the_estimator_as_it_was(form: Any) -> None:
    X, y = problem(12, 5, n=4000, d=400)
    X = form(X * np.logspace(0, 6, 400))  # so badly scaled that the fit would go on for minutes
    model = LogisticRegression(l1_ratio=0.01, C=1e6, tol=1e-15, max_iter=10**6, n_jobs=2)
    timer = threading.Timer(0.3, _thread.interrupt_main)
    timer.start()
    start = time.perf_counter()
    try:
        with pytest.raises(KeyboardInterrupt), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(X, y)
    finally:
        timer.cancel()
    assert time.perf_counter() - start < 5
    assert not hasattr(model, "coef_")


def test_ctrl_c_ends_a_very_wide_fit_at_once() -> None:
    # One sweep over so many coordinates takes long: a stop is looked for within the solution of each model, not after it.
    rng = np.random.default_rng(15)
    X, y = rng.normal(size=(40, 100_000)).astype(np.float32), np.arange(40) % 2
    model = LogisticRegression(l1_ratio=0.01, C=1e6, tol=1e-15, max_iter=10**6, n_jobs=1)
    pressed: list[float] = []

    def press() -> None:
        pressed.append(time.process_time())
        _thread.interrupt_main()

    timer = threading.Timer(1.0, press)
    timer.start()
    start = time.perf_counter()
    try:
        with pytest.raises(KeyboardInterrupt), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(X, y)
        spent = time.process_time() - pressed[0]
    finally:
        timer.cancel()
    assert spent < 1  # seconds of the processor: a busy machine takes none of them
    assert time.perf_counter() - start < 10
    assert not hasattr(model, "coef_")
