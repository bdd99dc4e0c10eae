"""One row takes a short way into native code: the same bits and the same refusals as the long way, for whatever array holds the row."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from emotion_native.ensemble import ExtraTreesClassifier, GradientBoostingClassifier, RandomForestClassifier
from emotion_native.exceptions import InvalidInputError
from emotion_native.linear_model import LogisticRegression

MODELS: dict[str, Any] = {
    "logistic": LogisticRegression(max_iter=200),
    "forest": RandomForestClassifier(7, random_state=0),
    "extra trees": ExtraTreesClassifier(7, random_state=0),
    "boosting": GradientBoostingClassifier(n_estimators=5, random_state=0),
}
LABELS: dict[str, Any] = {
    "two texts": np.array(["calm", "sad"]),
    "three texts": np.array(["calm", "happy", "sad"], dtype=object),
    "five numbers": np.array([-1, 0, 2, 5, 9]),
}
COLUMNS = 13  # a whole number of lanes and a rest
METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function")


def rows(n: int = 120) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n, COLUMNS)).astype(np.float32)


def fitted(name: str, labels: str = "three texts") -> Any:
    X, known = rows(), LABELS[labels]
    y = known[np.clip(np.floor(len(known) * (0.5 + X[:, 0] / 4)), 0, len(known) - 1).astype(int)]
    y[: len(known)] = known
    return clone(MODELS[name]).fit(X, y)


def strided(row: np.ndarray) -> np.ndarray:
    wide = np.zeros((1, 3 * row.shape[1]), dtype=row.dtype)
    wide[:, 1::3] = row
    return wide[:, 1::3]


def backwards(row: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(row[:, ::-1])[:, ::-1]


def of_columns(row: np.ndarray) -> np.ndarray:
    return np.asfortranarray(np.repeat(row, 4, axis=0))[2:3]


def read_only(row: np.ndarray) -> np.ndarray:
    row = row.copy()
    row.setflags(write=False)
    return row


PLAIN: dict[str, Callable[[np.ndarray], Any]] = {
    "C": lambda row: row,
    "float64": lambda row: row.astype(np.float64),
    "strided": strided,
    "strided float64": lambda row: strided(row.astype(np.float64)),
    "backwards": backwards,
    "Fortran": of_columns,
    "read-only": read_only,
}


def unaligned(row: np.ndarray) -> np.ndarray:
    memory = np.zeros(row.nbytes + 1, dtype=np.uint8)
    found = memory[1:].view(row.dtype).reshape(row.shape)
    found[:] = row
    return found


OTHER: dict[str, Callable[[np.ndarray], Any]] = {
    "big-endian": lambda row: row.astype(">f4"),
    "unaligned": unaligned,
    "list": lambda row: row.tolist(),
    "float16": lambda row: row.astype(np.float16),
    "subclass": lambda row: row.view(type("Own", (np.ndarray,), {})),
}


@pytest.mark.parametrize("layout", [*PLAIN, *OTHER])
@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("name", MODELS)
def test_one_row_is_the_row_of_many(name: str, labels: str, layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, X = fitted(name, labels), rows()
    made = {**PLAIN, **OTHER}[layout]
    kind = np.asarray(made(X[:1])).dtype.type
    many = {method: getattr(model, method)(X.astype(kind)) for method in METHODS if hasattr(model, method)}
    if layout in PLAIN:  # nothing but the short way is left
        monkeypatch.setattr(type(model), "_predict" if name == "logistic" else "_rows", lambda *_, **__: pytest.fail("the long way"))
        many = {method: value for method, value in many.items() if name == "logistic" or method != "decision_function"}
    for method, expected in many.items():
        for i in (0, 3, 40):
            found = getattr(model, method)(made(X[i : i + 1]))
            assert found.dtype == expected.dtype, method
            assert found.shape == expected[i : i + 1].shape, method
            assert np.array_equal(found, expected[i : i + 1]), method


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, COLUMNS - 1])
@pytest.mark.parametrize("name", MODELS)
def test_values_that_many_rows_may_not_hold_are_refused_in_one_row_by_the_same_words(name: str, place: int, value: float) -> None:
    model, X = fitted(name), rows(2)
    X[:, place] = value
    if np.isnan(value) and name != "logistic":
        assert np.array_equal(model.predict_proba(X[:1]), model.predict_proba(X)[:1])
        return
    for method in ("predict", "predict_proba", "decision_function"):
        if not hasattr(model, method):
            continue
        with pytest.raises(InvalidInputError) as of_many:
            getattr(model, method)(X)
        for layout in (X[:1], X[:1].astype(np.float64), strided(X[:1])):
            with pytest.raises(InvalidInputError) as of_one:
                getattr(model, method)(layout)
            assert str(of_one.value).replace("float64", "float32") == str(of_many.value).replace("float64", "float32")


@pytest.mark.parametrize("name", ["forest", "boosting"])
def test_a_value_that_float32_cannot_hold_is_refused(name: str) -> None:
    model = fitted(name)
    with pytest.raises(InvalidInputError, match="infinity"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # NumPy's, of the cast
        model.predict_proba(np.full((1, COLUMNS), 1e300))


@pytest.mark.parametrize("name", MODELS)
def test_shapes_are_refused(name: str) -> None:
    model = fitted(name)
    for X, words in ((rows(1)[:, :5], "5 features"), (np.zeros((1, 0), np.float32), "0 feature"), (rows(1)[0], "1D|1d|2D"), (rows(1)[None], "dim")):
        with pytest.raises(InvalidInputError, match=words):
            model.predict_proba(X)
    with pytest.raises(InvalidInputError, match="0 sample"):
        model.predict(rows(1)[:0])


@pytest.mark.parametrize("name", MODELS)
def test_names_of_columns_are_still_compared(name: str) -> None:
    X = pd.DataFrame(rows(), columns=[f"c{j}" for j in range(COLUMNS)])
    model = clone(MODELS[name]).fit(X, np.where(X["c0"] > 0, "a", "b"))
    expected = model.predict_proba(X)[:1]
    assert np.array_equal(model.predict_proba(X[:1]), expected)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        assert np.array_equal(model.predict_proba(X.to_numpy()[:1]), expected)
    with pytest.raises(InvalidInputError, match="feature names"):
        model.predict_proba(X[:1].rename(columns={"c1": "other"}))


@pytest.mark.parametrize("name", MODELS)
def test_a_model_without_its_fit_says_so(name: str) -> None:
    with pytest.raises(NotFittedError):
        MODELS[name].predict(rows(1))
    model = fitted(name)
    for attribute in ("coef_",) if name == "logistic" else model._held[:1]:
        again = pickle.loads(pickle.dumps(model))
        delattr(again, attribute)
        with pytest.raises(NotFittedError):
            again.predict(rows(1))


@pytest.mark.parametrize("attribute", ["intercept_", "classes_"])
def test_a_missing_attribute_is_missed_by_one_row_as_by_many(attribute: str) -> None:
    model = fitted("logistic")
    delattr(model, attribute)
    for X in (rows(1), rows(2)):
        with pytest.raises(AttributeError, match=attribute):
            model.predict(X)


def test_what_was_put_in_the_place_of_coefficients_counts() -> None:
    model, X = fitted("logistic"), rows(2)
    before = model.predict_proba(X[:1])
    for coef in (model.coef_.tolist(), np.asfortranarray(model.coef_), model.coef_.astype(">f8"), 1 * model.coef_):
        model.coef_ = coef
        assert np.array_equal(model.predict_proba(X[:1]), before)
    model.coef_[:] = 0  # in place: nothing is kept from calls before
    assert np.array_equal(model.predict_proba(X[:1]), model.predict_proba(X)[:1])
    assert not np.array_equal(model.predict_proba(X[:1]), before)
    model = fitted("logistic").sparsify()
    assert np.array_equal(model.predict_proba(X[:1]), before)
    model.densify().coef_ = model.coef_[:2]
    with pytest.raises(InvalidInputError, match="coef of LogisticRegression"):
        model.predict_proba(X[:1])


def test_other_numbers_of_columns_in_the_model_are_noticed() -> None:
    model = fitted("logistic")
    model.n_features_in_ = 2**70
    with pytest.raises(InvalidInputError, match="features"):
        model.predict(rows(1))
    model.n_features_in_ = np.int64(COLUMNS)  # another type of number goes the long way
    assert np.array_equal(model.predict(rows(1)), fitted("logistic").predict(rows(1)))


def test_labels_are_copies() -> None:
    model = fitted("logistic", "five numbers")
    label = model.predict(rows(1))
    label[:] = 77
    assert 77 not in model.classes_


def test_a_score_too_large_for_a_float_is_the_same_either_way() -> None:
    model = fitted("logistic")
    with np.errstate(over="ignore"):
        model.coef_ = model.coef_ * 1e308
    X = np.abs(rows(2).astype(np.float64)) * 10
    with np.errstate(all="ignore"):
        assert np.array_equal(model.decision_function(X[:1]), model.decision_function(X)[:1], equal_nan=True)
        assert np.array_equal(model.predict_proba(X[:1]), model.predict_proba(X)[:1], equal_nan=True)
        assert np.array_equal(model.predict(X[:1]), model.predict(X)[:1])
