"""Linear models on tables that break solvers: every fit ends, with finite numbers or a named error, and says where it stopped short."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning

from emotion_native.exceptions import EmotionNativeWarning, InvalidInputError
from emotion_native.linear_model import LogisticRegression
from emotion_native.multilabel import OneVsRestClassifier

PENALTIES = [{}, {"l1_ratio": 1.0}, {"l1_ratio": 0.5}]


def rows(n: int = 60, d: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    return X, np.array(["angry", "calm", "sad"])[(X[:, :3] + 0.5 * rng.normal(size=(n, 3))).argmax(axis=1)]


def fitted(model: Any, *arguments: Any, **metadata: Any) -> tuple[Any, bool]:
    """Return the fitted model and whether it said that it converged."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(*arguments, **metadata)
    return model, not any(issubclass(warning.category, ConvergenceWarning) for warning in caught)


@pytest.mark.parametrize("parameters", PENALTIES, ids=str)
@pytest.mark.parametrize("kind", [LogisticRegression, lambda **p: OneVsRestClassifier(LogisticRegression(**p))], ids=["multinomial", "one vs rest"])
@pytest.mark.parametrize("scale", [1e-310, 1e-150, 1e-20, 1e20, 1e150, 1e300])
def test_any_scale_gives_finite_probabilities_or_says_that_it_stopped(parameters: dict[str, Any], kind: Any, scale: float) -> None:
    X, y = rows()
    model, converged = fitted(kind(**parameters), X * scale, y)
    assert np.isfinite(model.predict_proba(X * scale)).all()
    if scale <= 1:  # the coefficients that such columns would need are out of the penalty's reach: the classes' shares are the optimum
        assert converged
        shares = np.unique(y, return_counts=True)[1] / len(y)
        np.testing.assert_allclose(model.predict_proba(X * scale)[0], shares, atol=0.02)


@pytest.mark.parametrize("parameters", PENALTIES, ids=str)
@pytest.mark.parametrize("C", [1e-12, 1e-6, 1e6, 1e12])
def test_any_strength_of_the_penalty_ends(parameters: dict[str, Any], C: float) -> None:
    X, y = rows()
    model, converged = fitted(LogisticRegression(C=C, max_iter=2000, **parameters), X, y)
    assert np.isfinite(model.coef_).all() and np.isfinite(model.intercept_).all()
    if C < 1:
        assert converged and np.abs(model.coef_).max() < 1e-3


@pytest.mark.parametrize("parameters", PENALTIES, ids=str)
def test_constant_columns_are_given_nothing(parameters: dict[str, Any]) -> None:
    X, y = rows()
    wide = np.column_stack([X, np.zeros(len(X)), np.full(len(X), 3.0)])
    model, converged = fitted(LogisticRegression(**parameters), wide, y)
    assert converged
    np.testing.assert_array_equal(model.coef_[:, 4], 0)
    np.testing.assert_allclose(model.predict_proba(wide), LogisticRegression(**parameters).fit(X, y).predict_proba(X), atol=0.02)


@pytest.mark.parametrize("kind", [LogisticRegression, lambda: OneVsRestClassifier(LogisticRegression())], ids=["multinomial", "one vs rest"])
def test_a_class_without_weight_acts_as_if_it_were_never_likely(kind: Any) -> None:
    X, y = rows()
    model, _ = fitted(kind(), X, y, sample_weight=(y != "sad").astype(float))
    assert np.isfinite(model.predict_proba(X)).all()
    assert model.predict_proba(X)[:, 2].mean() < 0.05


def test_no_weight_at_all_is_refused() -> None:
    X, y = rows()
    with pytest.raises(InvalidInputError, match="sample_weight"):
        LogisticRegression().fit(X, y, sample_weight=np.zeros(len(y)))
    with pytest.raises(InvalidInputError, match="sample_weight"):
        OneVsRestClassifier(LogisticRegression()).fit(X, y, sample_weight=np.zeros(len(y)))


@pytest.mark.parametrize(
    "form",
    [np.asfortranarray, lambda X: np.repeat(X, 2, axis=1)[:, ::2], lambda X: X[::-1][::-1], lambda X: X.tolist(), lambda X: X.astype(">f8")],
    ids=["Fortran", "strided", "reversed", "lists", "big-endian"],
)
def test_storage_changes_no_bit(form: Any) -> None:
    X, y = rows()
    frozen = X.copy()
    frozen.flags.writeable = False
    for other in (form(X), frozen):
        for kind in (LogisticRegression, lambda: OneVsRestClassifier(LogisticRegression())):
            np.testing.assert_array_equal(kind().fit(other, y).predict_proba(other), kind().fit(X, y).predict_proba(X))


def test_sparse_rows_in_any_state_mean_the_same() -> None:
    X, y = rows()
    X[np.abs(X) < 0.7] = 0
    clean = sp.csr_matrix(X)
    zeros = sp.csr_matrix((np.append(clean.data, 0.0), np.append(clean.indices, 3), np.append(clean.indptr[:-1], clean.nnz + 1)), shape=X.shape)
    unsorted = clean.copy()
    for start, end in zip(unsorted.indptr[:-1], unsorted.indptr[1:], strict=True):
        unsorted.indices[start:end], unsorted.data[start:end] = unsorted.indices[start:end][::-1].copy(), unsorted.data[start:end][::-1].copy()
    unsorted.has_sorted_indices = False
    halves = sp.coo_matrix((np.concatenate([X[X != 0] / 2] * 2), np.tile(np.array(np.nonzero(X)), 2)), shape=X.shape)
    expected = LogisticRegression(tol=1e-10, max_iter=1000).fit(X, y).coef_
    for other in (clean, zeros, unsorted, halves, sp.csc_matrix(X), sp.csr_array(X)):
        np.testing.assert_allclose(LogisticRegression(tol=1e-10, max_iter=1000).fit(other, y).coef_, expected, atol=1e-8)
    nothing = sp.csr_matrix(X.shape)
    shares = np.unique(y, return_counts=True)[1] / len(y)
    np.testing.assert_allclose(LogisticRegression(tol=1e-8).fit(nothing, y).predict_proba(nothing)[0], shares, atol=1e-6)
    bad = clean.copy()
    bad.data[0] = np.nan
    with pytest.raises(InvalidInputError, match="NaN"):
        LogisticRegression().fit(bad, y)


def test_warm_start_begins_anew_where_the_last_fit_does_not_fit() -> None:
    X, y = rows()
    model = LogisticRegression(warm_start=True).fit(X, y)
    two = np.where(y == "sad", "calm", y)
    np.testing.assert_array_equal(model.fit(X, two).coef_, LogisticRegression().fit(X, two).coef_)
    np.testing.assert_array_equal(model.fit(X[:, :2], two).coef_, LogisticRegression().fit(X[:, :2], two).coef_)
    model.coef_ = np.full((1, 2), np.nan)
    np.testing.assert_array_equal(model.fit(X[:, :2], two).coef_, LogisticRegression().fit(X[:, :2], two).coef_)


def test_labels_of_all_rows_or_none_beside_others() -> None:
    X, _ = rows()
    Y = np.column_stack([np.zeros(60), X[:, 0] > 0, np.ones(60), X[:, 1] > 0]).astype(int)
    with pytest.warns(EmotionNativeWarning, match="present in"):
        model = OneVsRestClassifier(LogisticRegression()).fit(X, Y)
    proba = model.predict_proba(X)
    np.testing.assert_array_equal(proba[:, [0, 2]], np.tile([0.0, 1.0], (60, 1)))
    np.testing.assert_array_equal(proba[:, 1], LogisticRegression().fit(X, Y[:, 1]).predict_proba(X)[:, 1])


def test_many_threads_predict_at_once() -> None:
    X, y = rows(400)
    models = [LogisticRegression().fit(X, y), OneVsRestClassifier(LogisticRegression()).fit(X, y)]
    for model in models:
        expected = model.predict_proba(X)
        with ThreadPoolExecutor(8) as pool:
            for found in pool.map(lambda _, model=model: model.predict_proba(X), range(64)):
                np.testing.assert_array_equal(found, expected)
