"""StandardScaler against scikit-learn, its properties, and what it refuses."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler as Reference

from emotion_native.exceptions import InvalidInputError
from emotion_native.preprocessing import StandardScaler

MATRICES = hnp.arrays(
    np.float64, st.tuples(st.integers(2, 40), st.integers(1, 4)), elements=st.floats(-1e6, 1e6, allow_nan=False, allow_subnormal=False, width=32)
)


def table(rng: np.random.Generator, dtype: Any, *, missing: bool) -> np.ndarray:
    X = (rng.normal(size=(700, 5)) * [1, 1e-3, 1e4, 1, 0] + [0, 1, 5, -3, 0.1]).astype(dtype)
    if missing:
        X[rng.random(X.shape) < 0.1] = np.nan
    return X


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("with_mean", "with_std"), [(True, True), (False, True), (True, False), (False, False)])
def test_equals_scikit_learn(rng: np.random.Generator, dtype: Any, missing: bool, weighted: bool, with_mean: bool, with_std: bool) -> None:
    X = table(rng, dtype, missing=missing)
    weights = rng.random(len(X)) + 0.5 if weighted else None
    ours = StandardScaler(with_mean=with_mean, with_std=with_std).fit(X, sample_weight=weights)
    # scikit-learn rounds weights to the type of X: its float64 copy is the oracle. Only the order of the sums differs then; the column at 1
    # with spread 1e-3 costs three more digits.
    theirs = Reference(with_mean=with_mean, with_std=with_std).fit(X.astype(np.float64), sample_weight=weights)
    for name in ("mean_", "var_", "scale_"):
        a, b = getattr(ours, name), getattr(theirs, name)
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-15)
    if with_mean or with_std:
        np.testing.assert_allclose(ours.n_samples_seen_, theirs.n_samples_seen_, rtol=1e-12)
    Z = ours.transform(X)
    assert Z.dtype == dtype
    assert Z.flags.c_contiguous
    # The result is rounded once to the type of X.
    np.testing.assert_allclose(Z, theirs.transform(X.astype(np.float64)), rtol=1e-6 if dtype == np.float32 else 1e-9, atol=1e-6)
    np.testing.assert_allclose(ours.inverse_transform(Z), X, rtol=1e-5 if dtype == np.float32 else 1e-12, atol=1e-6 if dtype == np.float32 else 1e-12)


def test_near_constant_columns_follow_scikit_learn() -> None:
    rounding = np.full((50, 1), 1e8) + np.arange(50)[:, None] % 2 * 1e-8
    constant = np.full((50, 1), 0.1)
    tiny = np.arange(50)[:, None] * 1e-200
    X = np.hstack([rounding, constant, tiny])
    np.testing.assert_allclose(StandardScaler().fit(X).scale_, Reference().fit(X).scale_, rtol=1e-9)
    assert StandardScaler().fit(X).scale_[1] == 1.0


def test_a_column_of_nan_stays_nan() -> None:
    X = np.array([[np.nan, 1.0], [np.nan, 3.0]])
    Z = StandardScaler().fit_transform(X)
    assert np.isnan(Z[:, 0]).all()
    np.testing.assert_array_equal(Z[:, 1], [-1, 1])


def test_partial_fit_equals_fit_up_to_rounding(rng: np.random.Generator) -> None:
    X = table(rng, np.float64, missing=True)
    parts = StandardScaler()
    for part in np.array_split(X, 5):
        parts.partial_fit(part)
    whole = StandardScaler().fit(X)
    np.testing.assert_allclose(parts.mean_, whole.mean_, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(parts.scale_, whole.scale_, rtol=1e-12)
    np.testing.assert_array_equal(parts.n_samples_seen_, whole.n_samples_seen_)


def test_copies_nothing_when_asked(rng: np.random.Generator) -> None:
    X = rng.normal(size=(20, 3)).astype(np.float32)
    scaler = StandardScaler(copy=False).fit(X)
    Z = scaler.transform(X)
    assert np.shares_memory(Z, X)
    assert not np.shares_memory(StandardScaler().fit(Z).transform(Z), Z)
    X.setflags(write=False)
    assert not np.shares_memory(scaler.transform(X), X)


@settings(max_examples=50, deadline=None)
@given(MATRICES, st.randoms(use_true_random=False))
def test_the_order_of_rows_matters_only_up_to_rounding(X: np.ndarray, random: Any) -> None:
    order = list(range(len(X)))
    random.shuffle(order)
    a, b = StandardScaler().fit(X), StandardScaler().fit(X[order])
    np.testing.assert_allclose(a.mean_, b.mean_, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(a.var_, b.var_, rtol=1e-7, atol=1e-9)


@settings(max_examples=50, deadline=None)
@given(MATRICES)
def test_copies_of_rows_equal_weights_and_other_columns_do_not_matter(X: np.ndarray) -> None:
    weights = np.arange(len(X)) % 3 + 1.0
    weighted = StandardScaler().fit(X, sample_weight=weights)
    copied = StandardScaler().fit(np.repeat(X, weights.astype(int), axis=0))
    np.testing.assert_allclose(weighted.mean_, copied.mean_, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(weighted.var_, copied.var_, rtol=1e-7, atol=1e-9)
    beside = StandardScaler().fit(np.hstack([X, X[:, :1] * 3 + 1]))
    np.testing.assert_array_equal(beside.mean_[:-1], StandardScaler().fit(X).mean_)


def test_frames_pickles_and_clones(rng: np.random.Generator) -> None:
    frame = pd.DataFrame(rng.normal(size=(10, 2)), columns=["energy", "pitch"])
    scaler = StandardScaler().set_output(transform="pandas").fit(frame)
    assert list(scaler.transform(frame).columns) == ["energy", "pitch"]
    again = pickle.loads(pickle.dumps(scaler))
    pd.testing.assert_frame_equal(again.transform(frame), scaler.transform(frame))
    assert not hasattr(clone(scaler), "mean_")


def test_native_state_is_what_transform_does(rng: np.random.Generator) -> None:
    X = rng.normal(size=(30, 4))
    scaler = StandardScaler(with_mean=False).fit(X)
    header, arrays = scaler._native_state()
    assert header == {"kind": "standard_scaler", "with_mean": False, "with_std": True} == scaler._native_step()
    np.testing.assert_array_equal(scaler.transform(X), X / arrays["scale"])


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([[np.inf, 1.0]], "X of StandardScaler.fit must be"),
        (np.zeros((0, 2)), "0 sample"),
        (np.zeros(3), "2D array"),
        ([["a"]], "could not convert"),
    ],
)
def test_bad_rows_are_refused(X: Any, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        StandardScaler().fit(X)


def test_bad_parameters_and_widths_are_refused() -> None:
    X = np.eye(3)
    with pytest.raises(InvalidInputError, match="with_mean of StandardScaler must be True or False"):
        StandardScaler(with_mean="yes").fit(X)  # type: ignore[arg-type]  # on purpose
    with pytest.raises(InvalidInputError, match="expecting 3 features"):
        StandardScaler().fit(X).transform(X[:, :2])
    for weights in ([1.0, 2.0], [1.0, -1.0, 1.0], [np.nan, 1.0, 1.0], [0.0, 0.0, 0.0], [[1.0, 1.0, 1.0]]):
        with pytest.raises(InvalidInputError, match=r"sample_weight of StandardScaler\.fit must be"):
            StandardScaler().fit(X, sample_weight=weights)


def test_threads_change_no_bit(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    X = rng.normal(size=(9000, 120)).astype(np.float32)
    results = []
    for n in (1, 2, 7):
        monkeypatch.setattr("emotion_native.preprocessing.effective_n_jobs", lambda _, n=n: n)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            results.append(StandardScaler().fit(X).var_)
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])
