"""f_classif and SelectKBest against scikit-learn, their properties, and what they refuse."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_selection import SelectKBest as ReferenceSelector
from sklearn.feature_selection import f_classif as reference
from sklearn.feature_selection import mutual_info_classif

from emotion_native import load_model
from emotion_native.ensemble import RandomForestClassifier
from emotion_native.exceptions import InvalidInputError
from emotion_native.feature_selection import SelectKBest, f_classif
from emotion_native.model_selection import cross_validate
from emotion_native.persistence import model_bytes
from emotion_native.pipeline import make_pipeline


def table(rng: np.random.Generator, dtype: Any = np.float64) -> tuple[np.ndarray, np.ndarray]:
    y = rng.choice(["angry", "calm", "sad"], size=400, p=[0.6, 0.3, 0.1])
    X = rng.normal(size=(400, 12)) + (y == "sad")[:, None] * np.linspace(0, 2, 12)
    return X.astype(dtype), y


def test_f_and_p_equal_scikit_learn(rng: np.random.Generator) -> None:
    X, y = table(rng)
    f, p = f_classif(X, y)
    expected_f, expected_p = reference(X, y)
    # Sums of squares lose a few digits in scikit-learn; ours are centred.
    np.testing.assert_allclose(f, expected_f, rtol=1e-9)
    np.testing.assert_allclose(p, expected_p, rtol=1e-7, atol=1e-300)


def test_float32_is_summed_in_float64(rng: np.random.Generator) -> None:
    X, y = table(rng, np.float32)
    np.testing.assert_array_equal(f_classif(X + 100, y)[0], f_classif((X + 100).astype(np.float64), y)[0])


@pytest.mark.parametrize("k", [0, 1, 5, 12, 99, "all"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_selection_equals_scikit_learn(rng: np.random.Generator, k: Any, dtype: Any) -> None:
    X, y = table(rng, dtype)
    ours = SelectKBest(k=k).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # k larger than the number of columns, k = 0
        theirs = ReferenceSelector(k=k).fit(X, y)
        np.testing.assert_array_equal(ours.get_support(), theirs.get_support())
        result = ours.transform(X)
    np.testing.assert_array_equal(result, X[:, theirs.get_support()])
    assert result.dtype == dtype


def test_ties_and_constant_columns_follow_scikit_learn(rng: np.random.Generator) -> None:
    X, y = table(rng)
    X = np.hstack([X[:, :3], X[:, :3], np.ones((len(X), 2)), X[:, :3]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns of constant columns
        for k in range(1, 11):
            theirs = ReferenceSelector(lambda X, y: f_classif(X, y), k=k).fit(X, y)
            np.testing.assert_array_equal(SelectKBest(k=k).fit(X, y).get_support(), theirs.get_support())


def test_another_scoring_function_works_but_is_not_native(rng: np.random.Generator) -> None:
    X, y = table(rng)
    selector = SelectKBest(lambda X, y: mutual_info_classif(X, y, random_state=0), k=2).fit(X, y)
    assert selector.pvalues_ is None
    assert selector.transform(X).shape[1] == 2
    assert selector._native_step() is None
    assert SelectKBest(k="all")._native_step() == {"kind": "select_k_best", "k": None}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.01, 100), st.floats(-100, 100))
def test_f_ignores_scale_shift_and_order(seed: int, scale: float, shift: float) -> None:
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(60, 3)), rng.integers(0, 3, 60)
    f = f_classif(X, y)[0]
    order = rng.permutation(60)
    # A shift of 100 standard deviations of the smallest scale costs up to eight digits of the data themselves.
    np.testing.assert_allclose(f_classif((X * scale + shift)[order], y[order])[0], f, rtol=1e-5)
    np.testing.assert_array_equal(f_classif(np.hstack([X, rng.normal(size=(60, 1))]), y)[0][:3], f)


def test_frames_and_pickles(rng: np.random.Generator) -> None:
    X, y = table(rng)
    frame = pd.DataFrame(X, columns=[f"c{i}" for i in range(12)])
    selector = SelectKBest(k=2).set_output(transform="pandas").fit(frame, y)
    assert list(selector.transform(frame).columns) == ["c10", "c11"]
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(selector)).transform(frame), selector.transform(frame))
    np.testing.assert_array_equal(selector._native_state()[1]["columns"], np.array([10, 11], dtype=np.int32))


@pytest.mark.parametrize(
    ("X", "y"),
    [
        ([[np.nan], [1.0]], [0, 1]),
        ([[np.inf], [1.0]], [0, 1]),
        (np.zeros((0, 1)), []),
        (np.zeros((2, 1)), [0]),
        (np.zeros((2, 1)), [0, 0]),
        (np.zeros((2, 1)), [0.5, np.nan]),
        (np.zeros((2, 1)), None),
    ],
)
def test_bad_input_is_refused(X: Any, y: Any) -> None:
    for call in (f_classif, SelectKBest(k=1).fit):
        with pytest.raises(InvalidInputError, match=r"[Xy] of (f_classif|SelectKBest\.fit) must be"):
            call(X, y)


@pytest.mark.parametrize("k", [-1, 1.5, "most", None, True])
def test_bad_k_is_refused(k: Any) -> None:
    with pytest.raises(InvalidInputError, match="k of SelectKBest must be"):
        SelectKBest(k=k).fit(np.eye(3), [0, 1, 1])


def test_transform_fold_loop_and_model_refuse_missing_values(rng: np.random.Generator) -> None:
    """One rule in three places: columns are not chosen from rows with NaN, whoever chooses them."""
    X, y = table(rng, np.float32)
    pipeline = make_pipeline(SelectKBest(k=2), RandomForestClassifier(3, random_state=0)).fit(X, y)
    model = load_model(model_bytes(pipeline))
    X[7, 0] = np.nan  # not even a chosen column
    rule = r"^X of SelectKBest\.transform must be .*; got.*NaN"
    for call in (pipeline[0].transform, pipeline.predict_proba):
        with pytest.raises(InvalidInputError, match=rule) as caught:
            call(X)
        assert len(str(caught.value)) < 200
    outside = [(np.arange(100, 400), np.arange(100))]
    with pytest.raises(InvalidInputError, match=rule):
        cross_validate(pipeline, X, y, groups=np.arange(400) // 2, cv=outside, error_score="raise")
    with pytest.raises(InvalidInputError, match=r"^X of predict_features must be .*; got NaN in row 7$"):
        model.predict_features(X)


@pytest.mark.parametrize("X", [[[np.inf, 0.0]], [[0.0]], [0.0, 1.0], pd.DataFrame({"a": [1.0], "c": [2.0]}), None])
def test_transform_refuses_what_it_was_not_fitted_on(X: Any) -> None:
    selector = SelectKBest(k=1).fit(pd.DataFrame({"a": [0.0, 1.0], "b": [1.0, 1.0]}), [0, 1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of arrays without names
        with pytest.raises(InvalidInputError, match=r"^X of SelectKBest\.transform must be "):
            selector.transform(X)
