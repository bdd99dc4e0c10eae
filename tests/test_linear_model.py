"""LogisticRegression against scikit-learn, closed forms, its properties, and what it refuses."""

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
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression as Reference

from emotion_native import _core
from emotion_native.exceptions import InvalidInputError
from emotion_native.linear_model import LogisticRegression
from emotion_native.model_selection import cross_val_predict

EXACT: dict[str, Any] = {"tol": 1e-9, "max_iter": 2000}


def problem(rng: np.random.Generator, n_classes: int, dtype: Any = np.float64, n: int = 300, d: int = 7) -> tuple[np.ndarray, np.ndarray]:
    y = rng.integers(0, n_classes, n)
    X = rng.normal(size=(n, d)) + 0.8 * np.eye(n_classes, d)[y]
    return X.astype(dtype), np.array(["angry", "bored", "calm", "happy", "sad"])[y]


def reference(**parameters: Any) -> Any:
    if parameters.pop("penalty", "l2") is None:
        parameters["C"] = np.inf
    return Reference(**parameters)


@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"C": 0.01},
        {"C": 100.0},
        {"fit_intercept": False},
        {"class_weight": "balanced"},
        {"class_weight": {"angry": 3.0, "bored": 0.5}},
        {"penalty": None},
    ],
    ids=str,
)
def test_the_optimum_is_scikit_learns(rng: np.random.Generator, n_classes: int, parameters: dict[str, Any]) -> None:
    X, y = problem(rng, n_classes)
    if isinstance(parameters.get("class_weight"), dict) and n_classes > 2:
        parameters = {**parameters, "class_weight": {**parameters["class_weight"], "calm": 1.0, "happy": 1.0, "sad": 2.0}}
    weights = rng.random(len(y)) + 0.2
    ours = LogisticRegression(**EXACT, **parameters).fit(X, y, sample_weight=weights)
    theirs = reference(**EXACT, **parameters).fit(X, y, sample_weight=weights)
    # The problem is convex: both are within the distance that a gradient of 1e-9 allows. Without a penalty only differences count.
    if parameters.get("penalty", "l2") is None:
        centred = [model.coef_ - model.coef_.mean(axis=0) * (n_classes > 2) for model in (ours, theirs)]
        np.testing.assert_allclose(*centred, atol=1e-4)
    else:
        np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-4)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-5)
    assert ours.coef_.shape == theirs.coef_.shape
    assert ours.decision_function(X).shape == theirs.decision_function(X).shape
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    np.testing.assert_allclose(ours.predict_log_proba(X), np.log(ours.predict_proba(X)))
    np.testing.assert_allclose(ours.predict_proba(X).sum(axis=1), 1, rtol=1e-14)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_threads_and_copies_change_no_bit(rng: np.random.Generator, n_classes: int, dtype: Any) -> None:
    X, y = problem(rng, n_classes, dtype, n=1500)
    first = LogisticRegression(n_jobs=1).fit(X, y)
    for n_jobs in (2, 7):
        other = LogisticRegression(n_jobs=n_jobs).fit(np.asfortranarray(X), y)
        np.testing.assert_array_equal(other.coef_, first.coef_)
        np.testing.assert_array_equal(other.intercept_, first.intercept_)
    proba = first.predict_proba(X)
    np.testing.assert_array_equal(np.vstack([first.predict_proba(X[i : i + 1]) for i in range(40)]), proba[:40])


def test_float32_equals_its_float64_copy(rng: np.random.Generator) -> None:
    X, y = problem(rng, 3, np.float32)
    np.testing.assert_array_equal(LogisticRegression().fit(X, y).coef_, LogisticRegression().fit(X.astype(np.float64), y).coef_)


def test_warm_start_goes_on_and_max_iter_warns(rng: np.random.Generator) -> None:
    X, y = problem(rng, 3)
    model = LogisticRegression(warm_start=True, **EXACT).fit(X, y)
    assert model.n_iter_[0] > 0
    assert model.fit(X, y).n_iter_[0] == 0
    with pytest.warns(ConvergenceWarning, match="lbfgs failed to converge after 2 iterations"):
        LogisticRegression(max_iter=2).fit(X, y)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 4))
def test_properties(seed: int, n_classes: int) -> None:
    rng = np.random.default_rng(seed)
    X, y = problem(rng, n_classes, n=60, d=4)
    y[:n_classes] = np.array(["angry", "bored", "calm", "happy"])[:n_classes]
    model = LogisticRegression(**EXACT).fit(X, y)
    order = rng.permutation(len(y))
    np.testing.assert_allclose(LogisticRegression(**EXACT).fit(X[order], y[order]).coef_, model.coef_, atol=1e-6)
    weights = rng.integers(1, 4, len(y))
    weighted = LogisticRegression(**EXACT).fit(X, y, sample_weight=weights.astype(float))
    copied = LogisticRegression(**EXACT).fit(np.repeat(X, weights, axis=0), np.repeat(y, weights))
    np.testing.assert_allclose(weighted.coef_, copied.coef_, atol=1e-6)
    # A column of zeros gets the coefficient 0 and changes nothing else.
    beside = LogisticRegression(**EXACT).fit(np.hstack([X, np.zeros((len(y), 1))]), y)
    np.testing.assert_allclose(beside.coef_[:, :-1], model.coef_, atol=1e-6)
    np.testing.assert_array_equal(beside.coef_[:, -1], 0)


def test_separable_rows_without_penalty_end() -> None:
    X = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(penalty=None, max_iter=10_000, tol=1e-12).fit(X, [0, 0, 1, 1])
    assert np.isfinite(model.coef_).all()
    np.testing.assert_array_equal(model.predict(X), [0, 0, 1, 1])


def test_huge_and_tiny_columns_give_finite_numbers(rng: np.random.Generator) -> None:
    X, y = problem(rng, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression().fit(X * [1e150, 1e-150, 1, 1, 1, 1, 1e8], y)
    assert np.isfinite(model.coef_).all()


def test_pickle_and_native_state(rng: np.random.Generator) -> None:
    X, y = problem(rng, 3)
    model = LogisticRegression().fit(X, y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), model.predict_proba(X))
    header, arrays = model._native_state()
    assert header == {"kind": "logistic_regression", "multinomial": True}
    assert arrays["coef"].shape == (3, 7)
    assert not LogisticRegression().fit(X[y != "calm"], y[y != "calm"])._native_state()[0]["multinomial"]


def test_one_row_is_not_copied(rng: np.random.Generator) -> None:
    from emotion_native._validation import check_matrix

    X, y = problem(rng, 3, np.float32)
    model = LogisticRegression().fit(X, y)
    row = X[5:6]
    assert check_matrix(row, caller="test", estimator=model) is row


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"C": 0}, "C"),
        ({"C": -1.0}, "C"),
        ({"C": np.nan}, "C"),
        ({"tol": 0}, "tol"),
        ({"max_iter": -1}, "max_iter"),
        ({"max_iter": 1.5}, "max_iter"),
        ({"penalty": "l3"}, "penalty"),
        ({"solver": "newton"}, "solver"),
        ({"solver": "liblinear", "C": np.inf}, "C"),
        ({"solver": "liblinear", "penalty": None}, "C"),
        ({"solver": "liblinear", "l1_ratio": 0.5}, "l1_ratio"),
        ({"solver": "liblinear", "l1_ratio": 1, "dual": True}, "dual"),
        ({"solver": "liblinear", "intercept_scaling": 0}, "intercept_scaling"),
        ({"dual": True}, "dual"),
        ({"dual": "no"}, "dual"),
        ({"intercept_scaling": -1.0}, "intercept_scaling"),
        ({"l1_ratio": -0.1}, "l1_ratio"),
        ({"l1_ratio": 1.5}, "l1_ratio"),
        ({"l1_ratio": "half"}, "l1_ratio"),
        ({"penalty": "elasticnet", "l1_ratio": None}, "l1_ratio"),
        ({"class_weight": "heavy"}, "class_weight"),
        ({"class_weight": {"nobody": 1.0}}, "class_weight"),
        ({"class_weight": {"angry": -1.0, "bored": 1.0}}, "class_weight"),
        ({"fit_intercept": "yes"}, "fit_intercept"),
        ({"n_jobs": 0}, "n_jobs"),
    ],
)
def test_bad_parameters_are_refused(rng: np.random.Generator, parameters: dict[str, Any], name: str) -> None:
    X, y = problem(rng, 2)
    with pytest.raises(InvalidInputError, match=rf"{name} of LogisticRegression(\.fit)? must"):
        LogisticRegression(**parameters).fit(X, y)


@pytest.mark.parametrize(
    ("X", "y"),
    [
        ([[np.nan], [1.0]], [0, 1]),
        ([[np.inf], [1.0]], [0, 1]),
        (np.zeros((0, 1)), []),
        (np.zeros((2, 1)), [0]),
        (np.zeros((2, 1)), [1, 1]),
        (np.zeros((2, 1)), None),
        (np.zeros((4, 1)), [0.1, 0.2, 0.3, 0.4]),
        (np.zeros((2, 1)), [[0, 1], [1, 0]]),
    ],
)
def test_bad_rows_are_refused(X: Any, y: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"[Xy] of LogisticRegression\.fit must be"):
        LogisticRegression().fit(X, y)


def test_prediction_needs_a_fit_and_the_same_width(rng: np.random.Generator) -> None:
    X, y = problem(rng, 3)
    with pytest.raises(NotFittedError):
        LogisticRegression().predict(X)
    with pytest.raises(InvalidInputError, match="7 features"):
        LogisticRegression().fit(X, y).predict(X[:, :3])


def test_the_core_checks_again(rng: np.random.Generator) -> None:
    X, _ = problem(rng, 3)
    codes = np.zeros(len(X), dtype=np.int32)
    options = LogisticRegression()._native_step()
    with pytest.raises(InvalidInputError, match="at least two classes"):
        _core.logistic_fit(X, codes, 1, options, None, None, None, 1)
    with pytest.raises(InvalidInputError, match="below n_classes"):
        _core.logistic_fit(X, codes + 5, 2, options, None, None, None, 1)
    with pytest.raises(InvalidInputError, match="one label"):
        _core.logistic_fit(X, codes[:-1], 2, options, None, None, None, 1)
    with pytest.raises(InvalidInputError, match="features"):
        _core.logistic_predict(X, np.zeros((3, 2)), np.zeros(3), 3, True)
    with pytest.raises(TypeError):
        _core.logistic_fit(X.astype(np.float16), codes, 2, options, None, None, None, 1)


def test_ctrl_c_ends_a_fit_and_leaves_the_estimator_as_it_was(rng: np.random.Generator) -> None:
    X, y = problem(rng, 5, n=4000, d=400)
    X *= np.logspace(0, 6, 400)  # so badly scaled that the fit would go on for minutes
    model = LogisticRegression(C=1e8, tol=1e-15, max_iter=10**6, n_jobs=2)
    timer = threading.Timer(0.3, _thread.interrupt_main)
    timer.start()
    start = time.perf_counter()
    try:
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, y)
    finally:
        timer.cancel()
    assert time.perf_counter() - start < 5
    assert not hasattr(model, "coef_")


@pytest.mark.parametrize("l1_ratio", [0, 1])
@pytest.mark.parametrize("form", [np.asarray, sp.csr_matrix], ids=["dense", "sparse"])
@pytest.mark.parametrize("intercept_scaling", [1.0, 20.0])
def test_liblinear_penalises_the_intercept(rng: np.random.Generator, l1_ratio: float, form: Any, intercept_scaling: float) -> None:
    """A penalised intercept is the coefficient of one more column, so the column written out must give the same optimum."""
    X, y = problem(rng, 2)
    parameters: dict[str, Any] = {"C": 0.05, "l1_ratio": l1_ratio, "tol": 1e-10, "max_iter": 10_000}
    model = LogisticRegression(solver="liblinear", intercept_scaling=intercept_scaling, **parameters).fit(form(X), y)
    wide = LogisticRegression(fit_intercept=False, **parameters).fit(np.column_stack([X, np.full(len(X), intercept_scaling)]), y)
    np.testing.assert_allclose(model.coef_, wide.coef_[:, :-1], atol=1e-7)
    np.testing.assert_allclose(model.intercept_, wide.coef_[:, -1] * intercept_scaling, atol=1e-7)
    reference = Reference(solver="liblinear", intercept_scaling=intercept_scaling, **{**parameters, "tol": 1e-12}).fit(X, y)
    np.testing.assert_allclose(model.coef_, reference.coef_, atol=1e-4)  # what its own stopping rule leaves
    np.testing.assert_allclose(model.intercept_, reference.intercept_, atol=1e-4)


def test_liblinear_is_for_two_classes_and_the_fold_loop_refuses_more_too(rng: np.random.Generator) -> None:
    X, y = problem(rng, 3)
    with pytest.raises(InvalidInputError, match="'liblinear' solver does not support multiclass"):
        LogisticRegression(solver="liblinear").fit(X, y)
    with pytest.raises(InvalidInputError, match="'liblinear' solver does not support multiclass"):
        cross_val_predict(LogisticRegression(solver="liblinear"), X, y, groups=np.arange(len(y)) % 5, method="predict_proba")
    assert LogisticRegression(solver="liblinear")._native_step() is None


@pytest.mark.parametrize("solver", ["newton-cg", "newton-cholesky", "sag", "saga"])
def test_solvers_names_mean_one_optimum(rng: np.random.Generator, solver: str) -> None:
    X, y = problem(rng, 3)
    named = LogisticRegression(solver=solver).fit(X, y)
    np.testing.assert_array_equal(named.coef_, LogisticRegression().fit(X, y).coef_)
    with pytest.warns(ConvergenceWarning, match=r"(failed to|did not) converge.* 2 iterations"):
        LogisticRegression(solver=solver, max_iter=2).fit(X, y)


def test_sparsify_keeps_predictions_and_densify_gives_the_array_back(rng: np.random.Generator) -> None:
    X, y = problem(rng, 3)
    model = LogisticRegression(l1_ratio=1, C=0.1).fit(X, y)
    coef, proba = model.coef_.copy(), model.predict_proba(X)
    assert sp.issparse(model.sparsify().coef_)
    np.testing.assert_array_equal(model.predict_proba(X), proba)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), proba)
    np.testing.assert_array_equal(model.densify().coef_, coef)
    model.coef_ = np.asfortranarray(coef, dtype=np.float64)
    np.testing.assert_array_equal(model.predict_proba(X), proba)


def test_penalty_none_says_that_it_ignores_c(rng: np.random.Generator) -> None:
    X, y = problem(rng, 2)
    with pytest.warns(UserWarning, match="Setting penalty=None will ignore the C"):
        LogisticRegression(penalty=None, C=4, max_iter=1000).fit(X, y)
