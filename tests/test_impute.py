"""SimpleImputer against scikit-learn, its properties, and what it refuses."""

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
from sklearn.impute import SimpleImputer as Reference

from emotion_native.exceptions import InvalidInputError
from emotion_native.impute import SimpleImputer

STRATEGIES = ["mean", "median", "most_frequent", "constant"]
MATRICES = hnp.arrays(
    np.float64, st.tuples(st.integers(1, 30), st.integers(1, 4)), elements=st.one_of(st.just(np.nan), st.integers(-3, 3).map(float), st.floats(-9, 9))
)


def table(rng: np.random.Generator, dtype: Any) -> np.ndarray:
    X = np.round(rng.normal(size=(301, 6)) * 4, 1).astype(dtype)
    X[rng.random(X.shape) < 0.2] = np.nan
    X[:, 2] = np.nan
    return X


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("keep", [False, True])
def test_equals_scikit_learn(rng: np.random.Generator, dtype: Any, strategy: str, keep: bool) -> None:
    X = table(rng, dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns of the empty column
        theirs = Reference(strategy=strategy, keep_empty_features=keep).fit(X)
        expected = theirs.transform(X)
    ours = SimpleImputer(strategy=strategy, keep_empty_features=keep).fit(X)
    result = ours.transform(X)
    assert result.dtype == dtype
    # Our sums are float64, scikit-learn's are of the type of X: 300 values of one decimal.
    np.testing.assert_allclose(result, expected, rtol=1e-6 if dtype == np.float32 else 1e-13, atol=1e-6 if dtype == np.float32 else 1e-13)
    assert list(ours.get_feature_names_out()) == list(theirs.get_feature_names_out())


def test_the_constant_is_used(rng: np.random.Generator) -> None:
    X = table(rng, np.float64)
    result = SimpleImputer(strategy="constant", fill_value=-5, keep_empty_features=True).fit_transform(X)
    np.testing.assert_array_equal(result, np.where(np.isnan(X), -5, X))


@settings(max_examples=60, deadline=None)
@given(MATRICES, st.sampled_from(STRATEGIES), st.randoms(use_true_random=False))
def test_properties(X: np.ndarray, strategy: str, random: Any) -> None:
    imputer = SimpleImputer(strategy=strategy, keep_empty_features=True)
    result = imputer.fit_transform(X)
    assert not np.isnan(result).any()
    np.testing.assert_array_equal(result[~np.isnan(X)], X[~np.isnan(X)])
    np.testing.assert_array_equal(imputer.transform(result), result)
    order = list(range(len(X)))
    random.shuffle(order)
    other = SimpleImputer(strategy=strategy, keep_empty_features=True).fit(X[order])
    np.testing.assert_allclose(other.statistics_, imputer.statistics_, rtol=1e-12, atol=1e-12)
    if strategy == "median":
        present = [column[~np.isnan(column)] for column in X.T]
        expected = [float(np.median(column)) if len(column) else 0.0 for column in present]
        np.testing.assert_allclose(imputer.statistics_, expected, rtol=1e-15)


def test_frames_pickles_and_state(rng: np.random.Generator) -> None:
    frame = pd.DataFrame(table(rng, np.float64), columns=list("abcdef"))
    imputer = SimpleImputer().set_output(transform="pandas").fit(frame)
    assert list(imputer.transform(frame).columns) == list("abdef")
    again = pickle.loads(pickle.dumps(imputer))
    pd.testing.assert_frame_equal(again.transform(frame), imputer.transform(frame))
    header, arrays = imputer._native_state()
    assert header["kind"] == "simple_imputer"
    np.testing.assert_array_equal(arrays["statistics"], imputer.statistics_)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"strategy": "mode"}, "strategy of SimpleImputer must be one of"),
        ({"missing_values": 0}, "missing_values of SimpleImputer must be nan"),
        ({"add_indicator": True}, "add_indicator of SimpleImputer must be False"),
        ({"fill_value": "x"}, "fill_value of SimpleImputer must be"),
        ({"fill_value": np.inf}, "fill_value of SimpleImputer must be"),
        ({"keep_empty_features": 2}, "keep_empty_features of SimpleImputer must be"),
    ],
)
def test_bad_parameters_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        SimpleImputer(**parameters).fit(np.eye(2))


@pytest.mark.parametrize("X", [[[np.inf]], np.zeros((0, 1)), np.zeros(2), np.full((3, 2), np.nan)])
def test_bad_rows_are_refused(X: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"X of SimpleImputer\.fit must be"):
        SimpleImputer().fit(X)
