"""The one place that coerces input: no copies where none are needed, one form of message."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from emotion_native._validation import check_class_weight, check_matrix, check_number, check_rows, check_sample_weight, check_seed, encode_labels
from emotion_native.exceptions import InvalidInputError
from emotion_native.linear_model import LogisticRegression
from emotion_native.over_sampling import SMOTE
from emotion_native.preprocessing import StandardScaler


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [1, 3, 5000])
def test_exact_arrays_pass_without_a_copy(rng: np.random.Generator, dtype: Any, rows: int) -> None:
    X = rng.normal(size=(rows, 4)).astype(dtype)
    assert check_matrix(X, caller="test") is X
    fitted = StandardScaler().fit(X)
    assert check_matrix(X, caller="test", estimator=fitted) is X
    assert np.shares_memory(check_matrix(X, caller="test", estimator=StandardScaler(), reset=True), X)


def test_everything_else_becomes_a_matrix_of_the_first_type(rng: np.random.Generator) -> None:
    X = rng.normal(size=(6, 4)).astype(np.float32)
    for other in (X[:, ::2], np.asfortranarray(X), X.astype(np.float16), X.astype(">f4"), X.tolist(), pd.DataFrame(X), X.astype(np.int64)):
        result = check_matrix(other, caller="test")
        assert result.flags.c_contiguous
        assert result.dtype in (np.float32, np.float64)
        assert result.dtype.isnative
    assert check_matrix(X.astype(np.float64), caller="test", dtypes=(np.float32,)).dtype == np.float32


@pytest.mark.parametrize("size", [2, 100_000])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_found_anywhere(size: int, value: float) -> None:
    X = np.full((size, 2), 1e300)  # sums overflow: that alone is no reason to refuse
    assert check_matrix(X, caller="test") is X
    X[size // 2, 1] = value
    with pytest.raises(InvalidInputError, match="X of test must be"):
        check_matrix(X, caller="test")
    if np.isnan(value):
        assert check_matrix(X, caller="test", allow_nan=True) is X
    else:
        with pytest.raises(InvalidInputError, match="X of test must be"):
            check_matrix(X, caller="test", allow_nan=True)


def test_seeds() -> None:
    assert check_seed(5) == 5
    assert check_seed(np.int64(5)) == 5
    assert check_seed(2**64 - 1) == 2**64 - 1
    assert check_seed(np.random.RandomState(1)) == check_seed(np.random.RandomState(1)) != check_seed(np.random.RandomState(2))
    assert check_seed(np.random.default_rng(1)) == check_seed(np.random.default_rng(1))
    np.random.seed(3)
    first = check_seed(None)
    assert check_seed(None) != first
    np.random.seed(3)
    assert check_seed(None) == first
    for bad in (-1, 2**64, 0.5, "0", True, [1]):
        with pytest.raises(InvalidInputError, match="random_state of f must be"):
            check_seed(bad, caller="f")


def test_labels() -> None:
    classes, codes = encode_labels(np.array(["b", "a", "b"]), caller="f")
    assert classes.tolist() == ["a", "b"]
    assert codes.tolist() == [1, 0, 1]
    assert codes.dtype == np.int32
    with pytest.raises(InvalidInputError, match="y of f must be labels of one sortable kind"):
        encode_labels(np.array(["a", 1, None], dtype=object), caller="f")
    with pytest.raises(InvalidInputError, match="y of f must be"):
        check_rows(np.eye(2), [0, 1, 1], caller="f", estimator=None)


def test_weights() -> None:
    weights = np.array([1.0, 2.0])
    assert check_sample_weight(weights, 2, caller="f") is weights
    assert check_sample_weight(None, 2, caller="f") is None
    np.testing.assert_array_equal(check_sample_weight(2, 3, caller="f"), [2, 2, 2])
    for bad in ([1.0], [1.0, np.inf], [-1.0, 1.0], [0.0, 0.0], ["a", "b"], np.ones((2, 1))):
        with pytest.raises(InvalidInputError, match="sample_weight of f must be"):
            check_sample_weight(bad, 2, caller="f")
    assert check_class_weight({"a": 2}, np.array(["a"]), caller="f") == [2.0]
    assert check_class_weight(None, np.array(["a"]), caller="f") is None


@pytest.mark.parametrize("value", [0, -1, 11, 1.5, True, "1", None, np.nan])
def test_numbers(value: Any) -> None:
    check_number(10, "k", "f", low=1, high=10, integer=True)
    with pytest.raises(InvalidInputError, match="k of f must be an integer of at least 1 and at most 10; got"):
        check_number(value, "k", "f", low=1, high=10, integer=True)


def test_what_is_wrong_with_a_matrix_is_said_by_name() -> None:
    frame = pd.DataFrame({"f0": [1.0, 2.0], "speaker": ["anna", "ben"], "age": ["31", "40"]})
    for X, column in ((frame, "'speaker'"), (frame.to_numpy(), "1"), (frame.to_numpy().tolist(), "1")):
        text = rf"^X of f must be numbers; got: could not convert string to float: 'anna' \(column {column}\): leave text"
        with pytest.raises(InvalidInputError, match=text):
            check_matrix(X, caller="f")
    with pytest.raises(InvalidInputError, match=r"^X of f must be a matrix of rows and columns; got: Expected 2D array"):
        check_matrix([1.0, 2.0], caller="f")
    fitted = StandardScaler().fit(np.eye(3))
    text = r"^X of StandardScaler\.transform must be a matrix with as many columns as in fit; got: X has 2 features"
    with pytest.raises(InvalidInputError, match=text):
        fitted.transform(np.eye(2))
    with pytest.raises(InvalidInputError, match=r"^X of f must be a matrix of enough rows and columns; got: Found array with 0 sample"):
        check_matrix(np.empty((0, 2)), caller="f")


def test_nan_is_answered_with_our_own_imputer() -> None:
    X, y = np.arange(24.0).reshape(12, 2), [0] * 8 + [1] * 4
    X[3, 1] = np.nan
    for call in (lambda: SMOTE(k_neighbors=1).fit_resample(X, y), lambda: LogisticRegression().fit(X, y)):
        with pytest.raises(InvalidInputError, match=r"contains NaN: fill them in with emotion_native\.impute\.SimpleImputer") as caught:
            call()
        assert "HistGradient" not in str(caught.value)
